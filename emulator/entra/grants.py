"""What the browser carries to the client and the client back to us: codes, refresh tokens, the sign-in cookie.

All three are signed notes of the same facts, so that a restart with the same state file breaks nothing.
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
    """A person proved who they are, when, and how strongly."""

    oid: str
    at: float
    acrs: tuple[str, ...] = ()

    @property
    def person(self) -> Person:
        person = person_by_oid(self.oid)
        if person is None:
            raise signing.BadSignature("nobody")
        return person

    @property
    def is_revoked(self) -> bool:
        return self.at < state().revoked_at.get(self.oid, 0)


@dataclass(frozen=True)
class Code:
    """What a client asked for, and who signed in for it."""

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


def write(note: SignIn | Code, kind: str) -> str:
    return signing.dumps(asdict(note), salt=kind, compress=True)


def read_sign_in(text: str, kind: str) -> SignIn | None:
    """The sign-in of a cookie or refresh token; None when it is not ours."""
    facts = _read(text, kind)
    return SignIn(facts["oid"], facts["at"], tuple(facts["acrs"])) if facts else None


def read_code(text: str) -> Code | None:
    facts = _read(text, "code")
    return Code(**{**facts, "acrs": tuple(facts["acrs"])}) if facts else None


def bearer(request: HttpRequest) -> str:
    """Who stands behind a request to Entra: a person's address, or the id of the application."""
    form, cookie = request.POST, request.COOKIES.get(COOKIE, "")
    code = read_code(form.get("code", ""))
    known = code.sign_in if code else read_sign_in(form.get("refresh_token", ""), "refresh")
    known = known or read_sign_in(cookie, "cookie")
    return known.person.upn if known else str(form.get("client_id", ""))


def is_of_an_earlier_life(text: str) -> bool:
    """Whether a note looks like one of ours that was signed with another key."""
    return text.count(":") == 2


def redeem(code: Code) -> bool:
    """Use the code up; False when it was used before."""
    if code.id in _redeemed:
        return False
    _redeemed.add(code.id)
    return True


def is_expired(code: Code) -> bool:
    return clock.wall() - code.at > CODE_SECONDS


def requested_acrs(claims: str) -> tuple[str, ...]:
    """The authentication contexts that a `claims` parameter asks for."""
    try:
        asked = json.loads(claims)["access_token"]["acrs"]
        return tuple(str(value) for value in asked.get("values") or [asked.get("value")] if value)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        return ()


def _read(text: str, kind: str) -> dict[str, Any] | None:
    try:
        facts: dict[str, Any] = signing.loads(text, salt=kind)
    except signing.BadSignature:
        return None
    return facts
