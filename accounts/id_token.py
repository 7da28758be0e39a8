"""Validates the ID token of a sign-in. msal only decodes it and compares its nonce; the rest is left to the caller.

https://github.com/AzureAD/microsoft-authentication-library-for-python/pull/943
"""

from dataclasses import dataclass
from typing import Any

import jwt
from django.conf import settings

from accounts import entra

# Seconds by which the clocks of two hosts may differ.
LEEWAY = 120
# https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
# https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference
REQUIRED = ["aud", "exp", "iat", "iss", "oid", "sub", "tid", "ver"]


class InvalidIdToken(Exception):
    """The token fails validation; the message names the claim or check, and never quotes the token."""


@dataclass(frozen=True)
class Claims:
    """The claims of a valid ID token that are used here.

    `groups_overage` is true if Entra ID omitted the groups because there are too many. `authenticated_at` is when the
    user last proved their identity, in seconds since 1970, or 0 if Entra ID does not say.
    """

    tid: str
    oid: str
    username: str
    name: str
    roles: list[str]
    groups_overage: bool
    authenticated_at: int


def validate(id_token: str) -> Claims:
    """Validate the ID token of a sign-in, whose nonce msal has compared.

    Raises InvalidIdToken, and requests.RequestException if the signing keys cannot be fetched.
    """
    return _claims(_decode(id_token, [*REQUIRED, "nonce"]))


def validate_refreshed(id_token: str) -> Claims:
    """Validate the ID token that came with a refresh, which need not repeat the nonce.

    https://openid.net/specs/openid-connect-core-1_0.html#RefreshTokenResponse
    """
    return _claims(_decode(id_token, REQUIRED))


def _decode(id_token: str, required: list[str]) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            id_token,
            _signing_key(jwt.get_unverified_header(id_token).get("kid", "")),
            algorithms=["RS256"],
            audience=settings.ENTRA_CLIENT_ID,
            issuer=f"{entra.authority()}/v2.0",
            leeway=LEEWAY,
            options={"require": required},
        )
    except jwt.PyJWTError as error:
        raise InvalidIdToken(_sentence(error)) from error
    # https://learn.microsoft.com/entra/identity-platform/claims-validation
    if claims["tid"] != settings.ENTRA_TENANT_ID or claims["ver"] != "2.0":
        raise InvalidIdToken("The sign-in belongs to another tenant.")
    return claims


def _claims(claims: dict[str, Any]) -> Claims:
    username = str(claims.get("preferred_username") or claims["oid"])
    return Claims(
        tid=claims["tid"],
        oid=claims["oid"],
        username=username,
        name=str(claims.get("name") or username),
        roles=_roles(claims),
        # https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference#groups-overage-claim
        groups_overage="groups" in (claims.get("_claim_names") or {}),
        authenticated_at=int(claims.get("auth_time") or 0),
    )


def _roles(claims: dict[str, Any]) -> list[str]:
    roles = claims.get("roles")
    return [role for role in roles if isinstance(role, str)] if isinstance(roles, list) else []


def _signing_key(kid: str) -> jwt.PyJWK:
    """The signing key with this id; an unknown id makes us fetch the keys once more, as they roll over."""
    for keys in (entra.signing_keys, entra.refreshed_signing_keys):
        for key in keys():
            if key.key_id == kid:
                return key
    raise jwt.InvalidKeyError


def _sentence(error: jwt.PyJWTError) -> str:
    match error:
        case jwt.ExpiredSignatureError():
            return "The sign-in has expired. If you just made it, the clock of the server is ahead: check NTP."
        case jwt.ImmatureSignatureError():
            return "The sign-in is dated in the future. The clock of the server is behind: check NTP."
        case jwt.InvalidAudienceError():
            return "The sign-in was made for another application."
        case jwt.InvalidIssuerError():
            return "The sign-in was made by another tenant."
        case jwt.MissingRequiredClaimError():
            return f"The sign-in lacks the claim {error.claim}."
        case _:
            return "The sign-in is not signed by the tenant."
