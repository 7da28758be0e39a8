"""Entra ID: discovery, the account picker, the token endpoint and the keys it signs with."""
