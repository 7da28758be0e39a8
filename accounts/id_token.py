"""Checks the ID token of a sign-in. msal decodes it and leaves all of this to its caller."""

from dataclasses import dataclass
from typing import Any

import jwt
from django.conf import settings

from accounts import entra

# Clocks of two machines may differ by this many seconds.
LEEWAY = 120
REQUIRED = ["aud", "exp", "iat", "iss", "oid", "sub", "tid", "ver"]


class InvalidIdToken(Exception):
    """The token is not what this installation asked for; the text says which part, without quoting the token."""


@dataclass(frozen=True)
class Identity:
    """Who signed in.

    `groups_overage` says that Entra ID left out groups because there are too many; `authenticated_at` is when the
    person last proved who they are, in seconds since 1970, or 0 when Entra ID does not say.
    """

    tid: str
    oid: str
    username: str
    name: str
    roles: list[str]
    groups_overage: bool
    authenticated_at: int


def identity_of(id_token: str) -> Identity:
    """Who an ID token of a sign-in names; msal has compared its nonce.

    Raises InvalidIdToken, and requests.RequestException when the signing keys cannot be fetched.
    """
    return _identity(_checked(id_token, [*REQUIRED, "nonce"]))


def identity_of_refresh(id_token: str) -> Identity:
    """The same of an ID token that came with a refresh, which answers no nonce."""
    return _identity(_checked(id_token, REQUIRED))


def _checked(id_token: str, required: list[str]) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            id_token,
            _key(jwt.get_unverified_header(id_token).get("kid", "")),
            algorithms=["RS256"],
            audience=settings.ENTRA_CLIENT_ID,
            issuer=f"{entra.authority()}/v2.0",
            leeway=LEEWAY,
            options={"require": required},
        )
    except jwt.PyJWTError as error:
        raise InvalidIdToken(_sentence(error)) from error
    if claims["tid"] != settings.ENTRA_TENANT_ID or claims["ver"] != "2.0":
        raise InvalidIdToken("The sign-in belongs to another tenant.")
    return claims


def _roles_of(claims: dict[str, Any]) -> list[str]:
    roles = claims.get("roles")
    return [role for role in roles if isinstance(role, str)] if isinstance(roles, list) else []


def _identity(claims: dict[str, Any]) -> Identity:
    username = str(claims.get("preferred_username") or claims["oid"])
    return Identity(
        tid=claims["tid"],
        oid=claims["oid"],
        username=username,
        name=str(claims.get("name") or username),
        roles=_roles_of(claims),
        groups_overage="groups" in (claims.get("_claim_names") or {}),
        authenticated_at=int(claims.get("auth_time") or 0),
    )


def _key(kid: str) -> jwt.PyJWK:
    """The signing key of this id; keys roll over, so an unknown one is looked up once more."""
    for keys in (entra.signing_keys, entra.refreshed_signing_keys):
        for key in keys():
            if key.key_id == kid:
                return key
    raise jwt.InvalidKeyError


def _sentence(error: jwt.PyJWTError) -> str:
    match error:
        case jwt.ExpiredSignatureError():
            return "The sign-in has expired. If it was made just now, the clock of the server is ahead: check NTP."
        case jwt.ImmatureSignatureError():
            return "The sign-in is dated in the future. The clock of the server is behind: check NTP."
        case jwt.InvalidAudienceError():
            return "The sign-in was made for another application."
        case jwt.InvalidIssuerError():
            return "The sign-in was made by another tenant."
        case jwt.MissingRequiredClaimError():
            return f"The sign-in lacks the claim {error.claim}."
        case _:
            return "The signature of the sign-in is not one of the tenant's."
