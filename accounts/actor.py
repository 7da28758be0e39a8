"""The user behind a request and its origin, for services and the audit log, which never see the request itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest

from accounts.models import User


@dataclass(frozen=True)
class Actor:
    """A user and the request they act through; `user` is None for a visitor who has not signed in.

    `correlation_id` goes to Azure with every call made for this actor. `request_id` names the web request, which is
    over when a worker acts for the user: then it is empty.
    """

    user: User | None = None
    correlation_id: str = ""
    address: str | None = None
    user_agent: str = ""
    request_id: str = ""

    @property
    def signed_in_user(self) -> User:
        """Raises TypeError for a visitor, who cannot request anything of Azure."""
        if self.user is None:
            raise TypeError("Only a signed-in user can request this.")
        return self.user

    def as_user(self, user: User | None) -> Actor:
        """The same request with another user, such as the one who is about to be signed in."""
        return replace(self, user=user)


def actor_of(request: HttpRequest) -> Actor:
    user = getattr(request, "user", None)
    correlation_id = getattr(request, "correlation_id", "")
    return Actor(
        user=user if isinstance(user, User) else None,
        correlation_id=correlation_id,
        address=_address_of(request),
        user_agent=request.headers.get("User-Agent", ""),
        request_id=correlation_id,
    )


def _address_of(request: HttpRequest) -> str | None:
    """The client's address. Behind our own proxy it is the last forwarded one, which that proxy added itself.

    https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/X-Forwarded-For#selecting_an_ip_address
    """
    address = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_TLS_PROXY:
        address = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or address
    try:
        return str(ip_address(address))
    except ValueError:
        return None
