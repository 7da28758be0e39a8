"""The identity behind a call to Azure: the user's, or this installation's own, as the settings say."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from typing import Any, Protocol

from django.conf import settings

from accounts import entra
from accounts.models import User
from accounts.time_limit import limited
from accounts.tokens import (
    ROLES_TTL,
    CredentialRejected,
    NeedsSignIn,
    SignInServiceDown,
    arm_token,
    refusal,
    roles_are_known,
)

# One thread fetches a token, the others wait for it.
_fetching = Lock()


class Identity(Protocol):
    """A source of tokens for ARM. `key` names the identity whose request budget is used."""

    @property
    def key(self) -> str: ...

    def token(
        self, *, force_refresh: bool = False, roles_within: timedelta | None = None, within: float | None = None
    ) -> str:
        """A token that is valid for at least five minutes; a cached one costs no call. Raises TokenUnavailable.

        With `roles_within`, the user's roles have been confirmed by Entra ID within that time. With `within`, it takes
        no longer than so many seconds.
        """


@dataclass(frozen=True)
class Person:
    """A user: Azure's permissions decide, and its Activity Log names them."""

    user: User

    @property
    def key(self) -> str:
        return f"user:{self.user.pk}"

    def token(
        self, *, force_refresh: bool = False, roles_within: timedelta | None = None, within: float | None = None
    ) -> str:
        roles_within = roles_within or ROLES_TTL
        return arm_token(self.user, force_refresh=force_refresh, roles_within=roles_within, within=within)


@dataclass(frozen=True)
class Application:
    """The app registration of this installation; `user` is set when it acts on a user's request."""

    user: User | None = None

    @property
    def key(self) -> str:
        return f"app:{settings.ENTRA_CLIENT_ID}"

    def token(
        self, *, force_refresh: bool = False, roles_within: timedelta | None = None, within: float | None = None
    ) -> str:
        if self.user and roles_within and not roles_are_known(self.user, roles_within):
            # Azure does not check the user's permissions, so we do.
            arm_token(self.user, roles_within=roles_within, within=within)
        return _fetch(_application_token, force_refresh, within)


@dataclass(frozen=True)
class ManagedIdentity:
    """The managed identity of the host: its system-assigned one, or the user-assigned one with this client id.

    https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/overview
    """

    client_id: str = ""

    @property
    def key(self) -> str:
        return f"managed:{self.client_id or 'system'}"

    def token(
        self, *, force_refresh: bool = False, roles_within: timedelta | None = None, within: float | None = None
    ) -> str:
        return _fetch(lambda force: _managed_token(self.client_id, force), force_refresh, within)


def write_identity(user: User) -> Identity:
    """The identity that sends this user's requests."""
    return Application(user) if settings.ARM_WRITES_AS == "app" else Person(user)


def poll_identity(user: User) -> Identity:
    """The identity that polls this user's operations and reads endpoints."""
    return watcher() or Person(user)


def watcher() -> Identity | None:
    """The identity that reads without any user's token; None if only users' tokens can read."""
    if settings.WATCHER_IDENTITY == "managed":
        return ManagedIdentity(settings.WATCHER_CLIENT_ID)
    return Application() if settings.WATCHER_IDENTITY == "client" or settings.ARM_WRITES_AS == "app" else None


def describe_identities() -> Iterator[str]:
    """Sentences for the operator who starts this installation."""
    if settings.ARM_WRITES_AS == "app":
        yield (
            f"Writes to Azure use the application {settings.ENTRA_CLIENT_ID} for every user: "
            "the roles of Endpoint Desk are the only gate, and Azure's Activity Log names no user."
        )
    else:
        yield "Writes to Azure use the token of the user who requests them."
    match watcher():
        case ManagedIdentity(client_id=client_id):
            yield f"Reads from Azure use the managed identity {client_id or 'of this host'}."
        case Application():
            yield f"Reads from Azure use the application {settings.ENTRA_CLIENT_ID}."
        case _:
            yield "Reads from Azure use the token of the user who requested the operation, and pause when it ends."


def _fetch(acquire: Callable[[bool], dict[str, Any]], force_refresh: bool, within: float | None) -> str:
    def in_turn() -> dict[str, Any]:
        with _fetching:
            return acquire(force_refresh)

    try:
        result = limited(in_turn, within)
    except (*entra.CONNECTION_ERRORS, ValueError) as error:
        raise SignInServiceDown("Entra ID cannot issue a token to Endpoint Desk at the moment.") from error
    if "access_token" in result:
        return str(result["access_token"])
    refused = refusal(result)
    if isinstance(refused, NeedsSignIn):  # no user's sign-in would help
        raise CredentialRejected("Entra ID refuses a token to Endpoint Desk's own identity. The operator must fix it.")
    raise refused


def _application_token(force_refresh: bool) -> dict[str, Any]:
    client = entra.own_application()
    if force_refresh:
        client.remove_tokens_for_client()
    result: dict[str, Any] = client.acquire_token_for_client([f"{settings.ARM_AUDIENCE}/.default"])
    return result


def _managed_token(client_id: str, force_refresh: bool) -> dict[str, Any]:
    if force_refresh:
        # msal keeps the token and has no way to refresh it early.
        entra.managed_identity.cache_clear()
    result: dict[str, Any] = entra.managed_identity(client_id).acquire_token_for_client(resource=settings.ARM_AUDIENCE)
    return result
