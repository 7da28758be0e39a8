"""Users' tokens for ARM, for web processes and workers alike."""

import logging
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts import audit, entra, store
from accounts.id_token import InvalidIdToken, validate_refreshed
from accounts.models import User
from accounts.roles import known
from accounts.time_limit import limited

logger = logging.getLogger(__name__)

TEMPORARY = {"temporarily_unavailable", "server_error"}
# A revoked role is gone within this time.
ROLES_TTL = timedelta(hours=1)


class TokenUnavailable(Exception):
    """No token is available now; the message says why, for the user to read."""


class NeedsSignIn(TokenUnavailable):
    """The user must sign in again; `claims` is a claims challenge to pass to Entra ID then."""

    def __init__(
        self, text: str = "Sign in again, so that Endpoint Desk can call Azure for you.", claims: str = ""
    ) -> None:
        super().__init__(text)
        self.claims = claims


class CredentialRejected(TokenUnavailable):
    """Entra ID refused this installation's own credential."""


class SignInServiceDown(TokenUnavailable):
    """Entra ID did not answer."""


def arm_token(
    user: User,
    *,
    force_refresh: bool = False,
    claims: str = "",
    roles_within: timedelta = ROLES_TTL,
    within: float | None = None,
) -> str:
    """A token that is valid for at least five minutes. Raises TokenUnavailable, after `within` seconds at the latest.

    A refresh returns the user's current roles too, so we refresh if they were last confirmed longer ago than
    `roles_within`. While Entra ID is down, the last known roles stay valid.
    """
    if not force_refresh and not roles_are_known(user, roles_within):
        with suppress(SignInServiceDown):
            return _token(user, True, claims, within)
    return _token(user, force_refresh, claims, within)


def roles_are_known(user: User, within: timedelta = ROLES_TTL) -> bool:
    """Whether Entra ID confirmed this user's roles within this time."""
    return user.roles_checked_at is not None and timezone.now() - user.roles_checked_at < within


def _token(user: User, force_refresh: bool, claims: str, within: float | None) -> str:
    stored = store.load(user)
    if stored is None:
        raise NeedsSignIn
    try:
        result = limited(lambda: _silently(user, stored, force_refresh, claims), within)
    except (*entra.CONNECTION_ERRORS, ValueError) as error:
        raise SignInServiceDown("Entra ID cannot be reached at the moment.") from error
    if stored.cache.has_state_changed and not store.save_if_current(user, stored) and store.load(user) is None:
        raise NeedsSignIn  # the user signed out while we refreshed
    if result is None:
        raise NeedsSignIn
    if "access_token" not in result:
        raise refusal(result)
    if result.get("token_source") == "identity_provider" and "id_token" in result:
        _refresh_roles(user, str(result["id_token"]))
    return str(result["access_token"])


def _silently(user: User, stored: store.Stored, force_refresh: bool, claims: str) -> dict[str, Any] | None:
    application = entra.application(stored.cache)
    accounts = [account for account in application.get_accounts() if account["local_account_id"] == user.oid]
    if not accounts:
        return None
    result: dict[str, Any] | None = application.acquire_token_silent_with_error(
        [settings.ARM_SCOPE], accounts[0], force_refresh=force_refresh, claims_challenge=claims or None
    )
    return result


def refusal(result: dict[str, Any]) -> TokenUnavailable:
    """The exception for Entra ID's error response to a token request.

    https://learn.microsoft.com/entra/msal/python/advanced/msal-error-handling-python
    """
    error, codes = str(result.get("error", "")), result.get("error_codes") or []
    if error in {"invalid_client", "unauthorized_client"}:
        logger.error("Entra ID refused this installation's own credential: %s %s.", error, codes)
        return CredentialRejected("Entra ID refused Endpoint Desk's own credential. The operator must renew it.")
    if error in TEMPORARY:
        return SignInServiceDown("Entra ID cannot answer at the moment.")
    if result.get("claims") or error == "interaction_required":
        # https://learn.microsoft.com/entra/identity-platform/claims-challenge
        return NeedsSignIn("Entra ID requires multifactor authentication or another proof.", result.get("claims", ""))
    if result.get("suberror") == "consent_required" or 65001 in codes:
        return NeedsSignIn("Entra ID requires consent to use Azure for you. An administrator can give it for everyone.")
    return NeedsSignIn("Entra ID ended your sign-in. Sign in again.")


def _refresh_roles(user: User, id_token: str) -> None:
    """Save the roles of the ID token that came with a refresh; delete the tokens of a user without any role."""
    try:
        claims = validate_refreshed(id_token)
    except InvalidIdToken as error:
        raise NeedsSignIn(f"{error} Sign in again.") from error
    except entra.CONNECTION_ERRORS as error:
        raise SignInServiceDown("Entra ID cannot be reached at the moment.") from error
    if (claims.tid, claims.oid) != (user.tid, user.oid):
        raise NeedsSignIn("Entra ID returned the sign-in of another user. Sign in again.")
    before = user.roles
    user.roles, user.roles_checked_at = known(claims.roles), timezone.now()
    user.save(update_fields=["roles", "roles_checked_at"])
    audit.record_role_change(user, before)
    if not user.roles:
        store.delete(user)
