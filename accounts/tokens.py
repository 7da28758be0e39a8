"""Tokens for ARM in a person's name, for the web and for workers alike."""

import logging
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from accounts import audit, entra, store
from accounts.id_token import InvalidIdToken, identity_of_refresh
from accounts.models import User
from accounts.roles import known

logger = logging.getLogger(__name__)

TEMPORARY = {"temporarily_unavailable", "server_error"}
# Nobody keeps a lost role longer than this.
ROLES_TTL = timedelta(hours=1)


class TokenUnavailable(Exception):
    """There is no token now; the text says why, to the person it concerns."""


class NeedsSignIn(TokenUnavailable):
    """The person has to sign in again; `claims` is what Entra ID must be asked for then."""

    def __init__(self, text: str = "Sign in again, so that Azure can be asked in your name.", claims: str = "") -> None:
        super().__init__(text)
        self.claims = claims


class CredentialRejected(TokenUnavailable):
    """Entra ID refused this installation itself."""


class SignInServiceDown(TokenUnavailable):
    """Entra ID did not answer."""


def arm_token(user: User, *, force_refresh: bool = False, claims: str = "", roles_within: timedelta = ROLES_TTL) -> str:
    """A token that is good for five minutes at least. Raises one of the TokenUnavailable.

    A refresh brings the person's roles too, so one is made when they were last seen longer ago than `roles_within`.
    While Entra ID is away, what was known goes on to hold.
    """
    if not force_refresh and not roles_are_known(user, roles_within):
        with suppress(SignInServiceDown):
            return _token(user, True, claims)
    return _token(user, force_refresh, claims)


def roles_are_known(user: User, within: timedelta = ROLES_TTL) -> bool:
    """Whether Entra ID told this person's roles lately."""
    return user.roles_checked_at is not None and timezone.now() - user.roles_checked_at < within


def _token(user: User, force_refresh: bool, claims: str) -> str:
    stored = store.load(user)
    if stored is None:
        raise NeedsSignIn
    try:
        result = _silently(user, stored, force_refresh, claims)
    except (*entra.UNREACHABLE, ValueError) as error:
        raise SignInServiceDown("Entra ID cannot be reached at the moment.") from error
    if stored.cache.has_state_changed and not store.save_if_current(user, stored) and store.load(user) is None:
        raise NeedsSignIn  # signed out meanwhile
    if result is None:
        raise NeedsSignIn
    if "access_token" not in result:
        raise refusal(result)
    if result.get("token_source") == "identity_provider" and "id_token" in result:
        _refresh_roles(user, str(result["id_token"]))
    return str(result["access_token"])


def _silently(user: User, stored: store.Stored, force_refresh: bool, claims: str) -> dict[str, Any] | None:
    application = entra.application(stored.cache)
    mine = [account for account in application.get_accounts() if account["local_account_id"] == user.oid]
    if not mine:
        return None
    result: dict[str, Any] | None = application.acquire_token_silent_with_error(
        [settings.ARM_SCOPE], mine[0], force_refresh=force_refresh, claims_challenge=claims or None
    )
    return result


def refusal(result: dict[str, Any]) -> TokenUnavailable:
    """What an error answer of Entra ID means for who wanted a token."""
    error, codes = str(result.get("error", "")), result.get("error_codes") or []
    if error in {"invalid_client", "unauthorized_client"}:
        logger.error("Entra ID refused this installation's own credential: %s %s.", error, codes)
        return CredentialRejected("Entra ID refused Endpoint Desk's own credential. Its operator has to renew it.")
    if error in TEMPORARY:
        return SignInServiceDown("Entra ID cannot answer at the moment.")
    if result.get("claims") or error == "interaction_required":
        return NeedsSignIn(
            "Entra ID asks for another proof, such as multifactor authentication.", result.get("claims", "")
        )
    if result.get("suberror") == "consent_required" or 65001 in codes:
        return NeedsSignIn("Entra ID asks for consent to use Azure in your name. An administrator can give it for all.")
    return NeedsSignIn("Entra ID ended your sign-in. Sign in again.")


def _refresh_roles(user: User, id_token: str) -> None:
    """A refresh brings a fresh ID token, and with it the roles as they are now; without any, no tokens are kept."""
    try:
        identity = identity_of_refresh(id_token)
    except InvalidIdToken as error:
        raise NeedsSignIn(f"{error} Sign in again.") from error
    except entra.UNREACHABLE as error:
        raise SignInServiceDown("Entra ID cannot be reached at the moment.") from error
    if (identity.tid, identity.oid) != (user.tid, user.oid):
        raise NeedsSignIn("Entra ID answered with the sign-in of somebody else. Sign in again.")
    before = user.roles
    user.roles, user.roles_checked_at = known(identity.roles), timezone.now()
    user.save(update_fields=["roles", "roles_checked_at"])
    audit.record_role_change(user, before)
    if not user.roles:
        store.forget(user)
