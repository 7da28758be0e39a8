"""People: sign-in with Entra ID, roles, the encrypted token store, the audit log. It knows nothing of endpoints."""
