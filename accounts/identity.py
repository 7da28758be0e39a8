"""Who acts in Azure: the person who asks, or this installation itself, as the settings say."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from typing import Any, Protocol

from django.conf import settings

from accounts import entra
from accounts.models import User
from accounts.tokens import (
    ROLES_TTL,
    CredentialRejected,
    NeedsSignIn,
    SignInServiceDown,
    arm_token,
    refusal,
    roles_are_known,
)

# One thread asks for a token, the others wait for it.
_asking = Lock()


class Identity(Protocol):
    """Somebody with tokens for ARM. `key` says whose request budget is used."""

    @property
    def key(self) -> str: ...

    def token(self, *, force_refresh: bool = False, roles_within: timedelta | None = None) -> str:
        """A token that is good for five minutes at least; a kept one costs no call. Raises one of TokenUnavailable.

        With `roles_within` the roles of the person who asked were seen no longer ago than that.
        """


@dataclass(frozen=True)
class Person:
    """Azure's permissions and Activity Log name the person."""

    user: User

    @property
    def key(self) -> str:
        return f"user:{self.user.pk}"

    def token(self, *, force_refresh: bool = False, roles_within: timedelta | None = None) -> str:
        return arm_token(self.user, force_refresh=force_refresh, roles_within=roles_within or ROLES_TTL)


@dataclass(frozen=True)
class Application:
    """The app registration of this installation; for `user` when it acts because a person asked."""

    user: User | None = None

    @property
    def key(self) -> str:
        return f"app:{settings.ENTRA_CLIENT_ID}"

    def token(self, *, force_refresh: bool = False, roles_within: timedelta | None = None) -> str:
        if self.user and roles_within and not roles_are_known(self.user, roles_within):
            arm_token(self.user, roles_within=roles_within)  # Azure will not ask for the person's rights, so we do
        return _asked(_application_token, force_refresh)


@dataclass(frozen=True)
class ManagedIdentity:
    """The identity of the machine: its own, or the user-assigned one with this client id."""

    client_id: str = ""

    @property
    def key(self) -> str:
        return f"managed:{self.client_id or 'system'}"

    def token(self, *, force_refresh: bool = False, roles_within: timedelta | None = None) -> str:
        return _asked(lambda force: _managed_token(self.client_id, force), force_refresh)


def write_identity(user: User) -> Identity:
    """Who sends what this person asks for."""
    return Application(user) if settings.ARM_WRITES_AS == "app" else Person(user)


def poll_identity(user: User) -> Identity:
    """Who follows what this person asked for, and reads what is there."""
    return watcher() or Person(user)


def watcher() -> Identity | None:
    """Who watches whether or not a person has tokens; None when nobody but people can."""
    if settings.WATCHER_IDENTITY == "managed":
        return ManagedIdentity(settings.WATCHER_CLIENT_ID)
    return Application() if settings.WATCHER_IDENTITY == "client" or settings.ARM_WRITES_AS == "app" else None


def describe_identities() -> Iterator[str]:
    """Sentences for whoever starts this installation."""
    if settings.ARM_WRITES_AS == "app":
        yield (
            f"Azure is written to as the application {settings.ENTRA_CLIENT_ID}, whoever asks: "
            "the roles of Endpoint Desk are the only gate, and Azure's Activity Log names no person."
        )
    else:
        yield "Azure is written to as the person who asks."
    match watcher():
        case ManagedIdentity(client_id=client_id):
            yield f"Azure is watched as the managed identity {client_id or 'of this machine'}."
        case Application():
            yield f"Azure is watched as the application {settings.ENTRA_CLIENT_ID}."
        case _:
            yield "Azure is watched as the person who asked; when that sign-in ends, watching waits for the next."


def _asked(ask: Callable[[bool], dict[str, Any]], force_refresh: bool) -> str:
    try:
        with _asking:
            result = ask(force_refresh)
    except (*entra.UNREACHABLE, ValueError) as error:
        raise SignInServiceDown("Endpoint Desk's own identity cannot be asked for a token at the moment.") from error
    if "access_token" in result:
        return str(result["access_token"])
    refused = refusal(result)
    if isinstance(refused, NeedsSignIn):  # no person's sign-in would help
        raise CredentialRejected("Azure gives Endpoint Desk's own identity no token. Its operator has to look why.")
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
