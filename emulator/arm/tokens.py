"""Reads the bearer token of a request, or refuses it as ARM does."""

import base64
import json
from dataclasses import dataclass
from typing import Any

import jwt
from django.http import HttpRequest

from emulator import clock
from emulator.arm.errors import ArmError
from emulator.directory import TENANT_ID, Person, caller_by_oid
from emulator.options import options
from emulator.signing import read_token
from emulator.state import state

AUDIENCES = {"https://management.azure.com", "https://management.core.windows.net"}


@dataclass(frozen=True)
class Caller:
    person: Person
    acrs: tuple[str, ...]


def caller(request: HttpRequest) -> Caller:
    """Raises ArmError with 401 without a token that ARM accepts.

    https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference
    """
    claims = _claims(request)
    if claims is None:
        raise invalid("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.")
    if claims.get("aud", "").rstrip("/") not in {*AUDIENCES, options().public_url}:
        raise invalid("InvalidAuthenticationTokenAudience", "The access token has been obtained for another audience.")
    if claims.get("tid") != TENANT_ID:
        raise invalid("InvalidAuthenticationTokenTenant", "The access token is from the wrong issuer.")
    if claims.get("exp", 0) < clock.wall():
        raise invalid("ExpiredAuthenticationToken", "The access token expiry UTC time is earlier than now.")
    person = caller_by_oid(claims["oid"])
    if person is None:
        raise invalid("InvalidAuthenticationToken", "The access token is invalid.")
    if claims.get("auth_time", 0) < state().revoked_at.get(person.oid, 0):
        raise needs_claims({"nbf": {"essential": True, "value": str(int(state().revoked_at[person.oid]))}})
    return Caller(person, tuple(claims.get("acrs", ())))


def who(request: HttpRequest) -> str:
    """The caller's name for the journal and for faults; empty if the token cannot be read."""
    try:
        claims = _claims(request) or {}
    except ArmError:
        return ""
    return str(claims.get("upn") or claims.get("appid") or "")


def needs_claims(access_token: dict[str, Any]) -> ArmError:
    """A claims challenge: the caller must return with a token that carries these.

    https://learn.microsoft.com/en-us/entra/identity-platform/claims-challenge
    """
    claims = base64.b64encode(json.dumps({"access_token": access_token}).encode()).decode()
    text = "The request needs a stronger authentication, such as multifactor authentication."
    return invalid("InvalidAuthenticationToken", text, error="insufficient_claims", claims=claims)


def invalid(code: str, text: str, **parameters: str) -> ArmError:
    """https://datatracker.ietf.org/doc/html/rfc6750#section-3"""
    given = {"error": "invalid_token", "error_description": text, **parameters}
    named = ", ".join(f'{name}="{value}"' for name, value in given.items())
    authority = f"{options().backchannel}/{TENANT_ID}"
    header = f'Bearer authorization_uri="{authority}", {named}'
    return ArmError(401, code, text, headers={"WWW-Authenticate": header})


def _claims(request: HttpRequest) -> dict[str, Any] | None:
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text:
        return None
    try:
        return read_token(text.strip(), state().private_key)
    except jwt.PyJWTError as error:
        raise invalid("InvalidAuthenticationToken", "The access token is invalid.") from error
