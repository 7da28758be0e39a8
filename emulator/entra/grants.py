"""Authorization codes, refresh tokens and the sign-in cookie.

All three are signed copies of the same data, so a restart with the same state file invalidates none of them.
"""

import json
import uuid
from dataclasses import asdict, dataclass, field
from typing import Any

from django.core import signing
from django.http import HttpRequest

from emulator import clock
from emulator.directory import Person, person_by_oid
from emulator.state import state

CODE_SECONDS = 600
COOKIE = "emulator-sign-in"


@dataclass(frozen=True)
class SignIn:
    """A sign-in: the user, the time, and the authentication contexts."""

    oid: str
    at: float
    acrs: tuple[str, ...] = ()

    @property
    def person(self) -> Person:
        person = person_by_oid(self.oid)
        if person is None:
            raise signing.BadSignature("unknown person")
        return person

    @property
    def is_revoked(self) -> bool:
        return self.at < state().revoked_at.get(self.oid, 0)


@dataclass(frozen=True)
class Code:
    """An authorization code: the request of the client, and who signed in."""

    oid: str
    at: float
    acrs: tuple[str, ...]
    redirect_uri: str
    challenge: str
    nonce: str
    scope: str
    wants_auth_time: bool
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def sign_in(self) -> SignIn:
        return SignIn(self.oid, self.at, self.acrs)


_redeemed: set[str] = set()


def write(grant: SignIn | Code, kind: str) -> str:
    return signing.dumps(asdict(grant), salt=kind, compress=True)


def read_sign_in(text: str, kind: str) -> SignIn | None:
    """The sign-in of a cookie or refresh token; None if the signature is wrong."""
    data = _read(text, kind)
    return SignIn(data["oid"], data["at"], tuple(data["acrs"])) if data else None


def read_code(text: str) -> Code | None:
    data = _read(text, "code")
    return Code(**{**data, "acrs": tuple(data["acrs"])}) if data else None


def bearer(request: HttpRequest) -> str:
    """The caller of Entra ID: the address of a person, or the id of the application."""
    form, cookie = request.POST, request.COOKIES.get(COOKIE, "")
    code = read_code(form.get("code", ""))
    known = code.sign_in if code else read_sign_in(form.get("refresh_token", ""), "refresh")
    known = known or read_sign_in(cookie, "cookie")
    return known.person.upn if known else str(form.get("client_id", ""))


def has_other_signature(text: str) -> bool:
    """Whether a grant looks like ours, signed with another key: from before a restart without state file."""
    return text.count(":") == 2


def redeem(code: Code) -> bool:
    """Mark the code as used; False if it was used before.

    https://datatracker.ietf.org/doc/html/rfc6749#section-4.1.2
    """
    if code.id in _redeemed:
        return False
    _redeemed.add(code.id)
    return True


def is_expired(code: Code) -> bool:
    return clock.wall() - code.at > CODE_SECONDS


def requested_acrs(claims: str) -> tuple[str, ...]:
    """The authentication contexts in a `claims` parameter.

    https://learn.microsoft.com/en-us/entra/identity-platform/developer-guide-conditional-access-authentication-context
    """
    try:
        acrs = json.loads(claims)["access_token"]["acrs"]
        return tuple(str(value) for value in acrs.get("values") or [acrs.get("value")] if value)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        return ()


def _read(text: str, kind: str) -> dict[str, Any] | None:
    try:
        data: dict[str, Any] = signing.loads(text, salt=kind)
    except signing.BadSignature:
        return None
    return data
