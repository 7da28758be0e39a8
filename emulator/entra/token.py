"""The token endpoint: issues tokens for a code, a refresh token or an application's own credential.

https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow
"""

import base64
import hashlib
import json
import secrets
import uuid
from typing import Any
from uuid import UUID

from django.http import HttpRequest, JsonResponse, QueryDict
from django.views.decorators.http import require_POST

from emulator import clock, faults
from emulator.directory import CLIENT_ID, TENANT_ID, Application, Person
from emulator.entra import grants
from emulator.entra.clients import client_of
from emulator.entra.errors import GRANT, REQUEST, EntraError
from emulator.entra.grants import Code, SignIn
from emulator.fault_kinds import Group
from emulator.faults import Target
from emulator.options import options
from emulator.signing import new_private_key, sign_token
from emulator.state import state

OPENID = {"openid", "profile", "email", "offline_access"}


@require_POST
def token(request: HttpRequest, tenant: UUID) -> JsonResponse:
    try:
        application = client_of(request)
        return JsonResponse(_granted(request.POST, application), headers={"Cache-Control": "no-store"})
    except EntraError as error:
        return error.response()


def _granted(form: QueryDict, application: Application) -> dict[str, Any]:
    match form.get("grant_type"):
        case "authorization_code":
            code = _code(form)
            return _tokens(code.sign_in, form.get("scope") or code.scope, code)
        case "refresh_token":
            sign_in = _refreshed(form)
            return _tokens(sign_in, form.get("scope", ""))
        case "client_credentials":
            return _application_token(form.get("scope", ""), application)
        case other:
            raise EntraError("unsupported_grant_type", 70003, f"The grant type '{other}' is not supported.")


def _code(form: QueryDict) -> Code:
    code = grants.read_code(form.get("code", ""))
    if code is None:
        raise EntraError(GRANT, 9002313, "Invalid request. The code is malformed or invalid.")
    if grants.is_expired(code):
        raise EntraError(GRANT, 70008, "The provided authorization code has expired.")
    if form.get("redirect_uri") != code.redirect_uri:
        raise EntraError(GRANT, 500112, "The reply address does not match the one of the authorization request.")
    if code.challenge and _challenge(form.get("code_verifier", "")) != code.challenge:
        raise EntraError(GRANT, 501481, "The Code_Verifier does not match the code_challenge.")
    if not grants.redeem(code):
        raise EntraError(GRANT, 54005, "The authorization code was already redeemed.")
    return code


def _refreshed(form: QueryDict) -> SignIn:
    sign_in = grants.read_sign_in(form.get("refresh_token", ""), "refresh")
    if sign_in is None and grants.has_other_signature(form.get("refresh_token", "")):
        text = "The provided grant has expired: it is from before the emulator was restarted."
        raise EntraError(GRANT, 50173, text, suberror="bad_token")
    if sign_in is None:
        raise EntraError(GRANT, 9002313, "Invalid request. The refresh token is malformed or invalid.")
    if sign_in.is_revoked or _fault("revoked", sign_in.person):
        text = "The provided grant has expired due to it being revoked, a fresh auth token is needed."
        raise EntraError(GRANT, 50173, text, suberror="bad_token")
    if _fault("consent-missing", sign_in.person):
        text = "The user or administrator has not consented to use the application. Send an interactive request."
        raise EntraError(GRANT, 65001, text, suberror="consent_required")
    requested = grants.requested_acrs(form.get("claims", ""))
    missing = [acr for acr in requested if acr not in sign_in.acrs]
    if _fault("mfa-required", sign_in.person):
        missing = missing or ["p1"]
    if missing:
        claims = json.dumps({"access_token": {"acrs": {"essential": True, "values": missing}}})
        text = "Due to a configuration change, you must use multi-factor authentication to access the resource."
        raise EntraError("interaction_required", 50076, text, suberror="basic_action", claims=claims)
    return sign_in


def _tokens(sign_in: SignIn, scope: str, code: Code | None = None) -> dict[str, Any]:
    person, now = sign_in.person, int(clock.wall())
    resources = [word for word in scope.split() if word not in OPENID]
    if not resources:
        raise EntraError(REQUEST, 90014, "The scope names no resource.")
    seconds = options().access_token_seconds
    if fault := faults.take(Group.ISSUED, Target("token", person=person.upn)):
        seconds = int(fault.settings.get("seconds", seconds))
    claims = {
        "aud": resources[0].rpartition("/")[0],
        "iss": _issuer(person),
        "iat": now,
        "nbf": now,
        "exp": now + seconds,
        "appid": CLIENT_ID,
        "tid": person.tenant_id,
        "oid": person.oid,
        "upn": person.upn,
        "scp": "user_impersonation",
        "acrs": list(sign_in.acrs),
        # ARM compares it with revocations; a refresh keeps the time of the sign-in.
        "auth_time": sign_in.at,
        "uti": secrets.token_urlsafe(16),
    }
    key = state().private_key
    client_info = {"uid": person.oid, "utid": person.tenant_id}
    return {
        "token_type": "Bearer",
        "scope": " ".join(resources),
        "expires_in": seconds,
        "ext_expires_in": seconds,
        "access_token": sign_token(claims, key),
        "refresh_token": grants.write(sign_in, "refresh"),
        "id_token": _id_token(sign_in, now, code, str(fault.settings.get("flaw", "")) if fault else ""),
        "client_info": base64.urlsafe_b64encode(json.dumps(client_info).encode()).decode().rstrip("="),
    }


def _id_token(sign_in: SignIn, now: int, code: Code | None, flaw: str) -> str:
    """https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference"""
    person = sign_in.person
    claims: dict[str, Any] = {
        "aud": CLIENT_ID,
        "iss": _issuer(person),
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
        "name": person.name,
        "oid": person.oid,
        "preferred_username": person.upn,
        "sub": hashlib.sha256(f"{CLIENT_ID}{person.oid}".encode()).hexdigest()[:43],
        "tid": person.tenant_id,
        "uti": secrets.token_urlsafe(16),
        "ver": "2.0",
    }
    if code and code.nonce:
        claims["nonce"] = code.nonce
    if code and code.wants_auth_time:
        claims["auth_time"] = int(sign_in.at)
    if person.roles:
        claims["roles"] = list(person.roles)
    # https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference#groups-overage-claim
    if person.groups_overage:
        claims["_claim_names"] = {"groups": "src1"}
        endpoint = f"https://graph.windows.net/{person.tenant_id}/users/{person.oid}/getMemberObjects"
        claims["_claim_sources"] = {"src1": {"endpoint": endpoint}}
    return _flawed(claims, flaw)


def _flawed(claims: dict[str, Any], flaw: str) -> str:
    elsewhere = str(uuid.uuid4())
    wrong = {
        "aud": {"aud": elsewhere},
        "iss": {"iss": f"{options().backchannel}/{elsewhere}/v2.0"},
        "tid": {"tid": elsewhere},
        "oid": {"oid": elsewhere},
        "exp": {"exp": claims["iat"] - 7200, "nbf": claims["iat"] - 9000},
        "nonce": {"nonce": "another"},
        "auth_time": {"auth_time": claims["iat"] - 7200},
        # From a server whose clock is ahead.
        "one-minute-ahead": {"iat": claims["iat"] + 60, "nbf": claims["nbf"] + 60},
        "ten-minutes-ahead": {"iat": claims["iat"] + 600, "nbf": claims["nbf"] + 600},
    }
    key = new_private_key() if flaw == "signature" else state().private_key
    return sign_token({**claims, **wrong.get(flaw, {})}, key)


def _application_token(scope: str, application: Application) -> dict[str, Any]:
    if not scope.endswith("/.default"):
        raise EntraError("invalid_scope", 1002012, f"The scope '{scope}' is not valid; it must end with /.default.")
    seconds = options().access_token_seconds
    token = principal_token(application.principal, scope.removesuffix("/.default"), application.client_id, seconds)
    return {"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token}


def principal_token(principal: Person, audience: str, client_id: str, seconds: int) -> str:
    """An access token for a service principal, without a user.

    https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference
    """
    now = int(clock.wall())
    claims = {
        "aud": audience,
        "iss": _issuer(principal),
        "iat": now,
        "nbf": now,
        "exp": now + seconds,
        "appid": client_id,
        "idtyp": "app",
        "tid": TENANT_ID,
        "oid": principal.oid,
        "acrs": [],
        "auth_time": now,
        "uti": secrets.token_urlsafe(16),
    }
    return sign_token(claims, state().private_key)


def _issuer(person: Person) -> str:
    return f"{options().backchannel}/{person.tenant_id}/v2.0"


def _challenge(verifier: str) -> str:
    """https://datatracker.ietf.org/doc/html/rfc7636#section-4.2"""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def _fault(kind: str, person: Person) -> faults.Fault | None:
    return faults.take_kind(kind, Target("token", person=person.upn))
