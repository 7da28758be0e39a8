"""The sign-in page: an account picker, a second step, and the redirect back to the client.

https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow
"""

from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from emulator import clock
from emulator.directory import CLIENT_ID, PEOPLE, application_by_id, person_by_address
from emulator.entra import grants
from emulator.entra.errors import REQUEST, EntraError
from emulator.entra.grants import Code, SignIn
from emulator.numbers import whole_number
from emulator.options import options

MODES = {"query", "form_post"}


@dataclass(frozen=True)
class AuthorizationRequest:
    """A valid authorization request."""

    redirect_uri: str
    state: str
    nonce: str
    challenge: str
    scope: str
    prompt: str
    login_hint: str
    acrs: tuple[str, ...]
    max_age: int | None
    response_mode: str


def read_request(query: QueryDict) -> AuthorizationRequest:
    """Raises EntraError where Entra ID shows a page of its own instead of redirecting back to the client.

    https://datatracker.ietf.org/doc/html/rfc6749#section-4.1.2.1
    """
    check_client(query)
    if query.get("response_type") != "code":
        raise EntraError("unsupported_response_type", 70005, "Only the response type 'code' is enabled.")
    # https://datatracker.ietf.org/doc/html/rfc7636#section-4.3
    if query.get("code_challenge") and query.get("code_challenge_method") != "S256":
        raise EntraError(REQUEST, 501491, "Only the code challenge method S256 is accepted.")
    mode = query.get("response_mode") or "query"
    if mode not in MODES:
        raise EntraError(REQUEST, 70007, f"'{mode}' is not a supported value of 'response_mode'.")
    return AuthorizationRequest(
        redirect_uri=query.get("redirect_uri", ""),
        state=query.get("state", ""),
        nonce=query.get("nonce", ""),
        challenge=query.get("code_challenge", ""),
        scope=query.get("scope", ""),
        prompt=query.get("prompt", ""),
        login_hint=query.get("login_hint", ""),
        acrs=grants.requested_acrs(query.get("claims", "")),
        max_age=whole_number(query.get("max_age", "")),
        response_mode=mode,
    )


def check_client(query: QueryDict) -> None:
    """The redirect URI must be registered, letter by letter.

    https://learn.microsoft.com/en-us/entra/identity-platform/reply-url
    """
    if application_by_id(query.get("client_id", "")) is None:
        raise EntraError("unauthorized_client", 700016, "Application was not found in the directory.")
    redirect_uri = query.get("redirect_uri", "")
    if query["client_id"] != CLIENT_ID or redirect_uri not in options().client_redirect:
        text = f"The redirect URI '{redirect_uri}' specified in the request does not match the registered ones."
        raise EntraError(REQUEST, 50011, text)


@require_http_methods(["GET", "POST"])
def authorize(request: HttpRequest, tenant: UUID) -> HttpResponse:
    try:
        auth = read_request(request.GET)
    except EntraError as error:
        return render(request, "emulator/refused.html", {"error": error}, status=error.status)
    if request.method == "POST":
        return _chosen(request, auth)
    known = grants.read_sign_in(request.COOKIES.get(grants.COOKIE, ""), "cookie")
    if known and known.is_revoked:
        known = None
    if known and auth.prompt in {"", "none"} and _fits(known, auth):
        return _granted(request, auth, known)
    # https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest: with prompt=none no page may be shown.
    return _back(request, auth, _refusal(_silent_error(known))) if auth.prompt == "none" else _picker(request, auth)


def _silent_error(known: SignIn | None) -> EntraError:
    if known is None:
        return EntraError("login_required", 50058, "A silent sign-in request was sent but no user is signed in.")
    return EntraError("interaction_required", 50079, "The existing sign-in does not satisfy this request.")


@require_safe
def sign_out(request: HttpRequest, tenant: UUID) -> HttpResponse:
    """https://openid.net/specs/openid-connect-rpinitiated-1_0.html"""
    target = request.GET.get("post_logout_redirect_uri", "")
    if target in options().post_logout_redirect:
        response: HttpResponse = HttpResponseRedirect(target)
    else:
        response = render(request, "emulator/signed_out.html")
    response.delete_cookie(grants.COOKIE)
    return response


def _chosen(request: HttpRequest, auth: AuthorizationRequest) -> HttpResponse:
    if "cancel" in request.POST:
        return _back(request, auth, _refusal(EntraError("access_denied", 65004, "User declined to sign in.")))
    person = next((person for person in PEOPLE if person.oid == request.POST.get("person")), None)
    if person is None:
        return _picker(request, auth)
    if auth.acrs and "approved" not in request.POST:
        return render(request, "emulator/approve.html", {"person": person})
    return _granted(request, auth, SignIn(person.oid, clock.wall(), auth.acrs))


def _picker(request: HttpRequest, auth: AuthorizationRequest) -> HttpResponse:
    hinted = person_by_address(auth.login_hint) if auth.prompt != "select_account" else None
    return render(request, "emulator/pick.html", {"people": [hinted] if hinted else PEOPLE})


def _fits(known: SignIn, auth: AuthorizationRequest) -> bool:
    hinted = person_by_address(auth.login_hint)
    is_fresh = auth.max_age is None or clock.wall() - known.at <= auth.max_age
    return is_fresh and set(auth.acrs) <= set(known.acrs) and (hinted is None or hinted.oid == known.oid)


def _granted(request: HttpRequest, auth: AuthorizationRequest, sign_in: SignIn) -> HttpResponse:
    code = Code(
        oid=sign_in.oid,
        at=sign_in.at,
        acrs=sign_in.acrs,
        redirect_uri=auth.redirect_uri,
        challenge=auth.challenge,
        nonce=auth.nonce,
        scope=auth.scope,
        wants_auth_time=auth.max_age is not None,
    )
    response = _back(request, auth, {"code": grants.write(code, "code"), "client_info": ""})
    response.set_cookie(grants.COOKIE, grants.write(sign_in, "cookie"), httponly=True, samesite="Lax")
    return response


def _refusal(error: EntraError) -> dict[str, str]:
    return {"error": error.error, "error_description": error.description}


def _back(request: HttpRequest, auth: AuthorizationRequest, parameters: dict[str, str]) -> HttpResponse:
    fields = {name: value for name, value in {**parameters, "state": auth.state}.items() if value}
    if auth.response_mode == "form_post":
        return render(request, "emulator/form_post.html", {"action": auth.redirect_uri, "fields": fields})
    return HttpResponseRedirect(f"{auth.redirect_uri}?{urlencode(fields)}")
