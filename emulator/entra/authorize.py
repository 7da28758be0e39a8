"""The sign-in page: an account picker that looks like what it is, a second step, and the way back to the client."""

from __future__ import annotations

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

_MODES = {"query", "form_post"}


@dataclass(frozen=True, slots=True)
class Asked:
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

    @classmethod
    def of(cls, query: QueryDict) -> Asked:
        """Raises EntraError where the real service shows a page of its own instead of going back to the client."""
        if application_by_id(query.get("client_id", "")) is None:
            raise EntraError("unauthorized_client", 700016, "Application was not found in the directory.")
        redirect_uri = query.get("redirect_uri", "")
        if query["client_id"] != CLIENT_ID or redirect_uri not in options().client_redirects:
            text = f"The redirect URI '{redirect_uri}' specified in the request does not match the registered ones."
            raise EntraError(REQUEST, 50011, text)
        if query.get("response_type") != "code":
            raise EntraError("unsupported_response_type", 70005, "Only the response type 'code' is enabled.")
        if query.get("code_challenge") and query.get("code_challenge_method") != "S256":
            raise EntraError(REQUEST, 501491, "Only the code challenge method S256 is accepted.")
        mode = query.get("response_mode") or "query"
        if mode not in _MODES:
            raise EntraError(REQUEST, 70007, f"'{mode}' is not a supported value of 'response_mode'.")
        return cls(
            redirect_uri=redirect_uri,
            state=query.get("state", ""),
            nonce=query.get("nonce", ""),
            challenge=query.get("code_challenge", ""),
            scope=query.get("scope", ""),
            prompt=query.get("prompt", ""),
            login_hint=query.get("login_hint", ""),
            acrs=grants.wanted_acrs(query.get("claims", "")),
            max_age=whole_number(query.get("max_age", "")),
            response_mode=mode,
        )


@require_http_methods(["GET", "POST"])
def authorize(request: HttpRequest, tenant: UUID) -> HttpResponse:
    try:
        asked = Asked.of(request.GET)
    except EntraError as error:
        return render(request, "emulator/refused.html", {"error": error}, status=error.status)
    if request.method == "POST":
        return _chosen(request, asked)
    known = grants.read_sign_in(request.COOKIES.get(grants.COOKIE, ""), "cookie")
    if known and known.is_revoked:
        known = None
    if asked.prompt == "none" and not known:
        text = "A silent sign-in request was sent but no user is signed in."
        return _back(request, asked, _refusal(EntraError("login_required", 50058, text)))
    if known and asked.prompt in {"", "none"} and _fits(known, asked):
        return _granted(request, asked, known)
    if asked.prompt == "none":
        text = "The sign-in that is there does not do for this request; the person has to act."
        return _back(request, asked, _refusal(EntraError("interaction_required", 50079, text)))
    return _picker(request, asked)


@require_safe
def sign_out(request: HttpRequest, tenant: UUID) -> HttpResponse:
    target = request.GET.get("post_logout_redirect_uri", "")
    if target in options().post_logout_redirects:
        response: HttpResponse = HttpResponseRedirect(target)
    else:
        response = render(request, "emulator/signed_out.html")
    response.delete_cookie(grants.COOKIE)
    return response


def _chosen(request: HttpRequest, asked: Asked) -> HttpResponse:
    if "cancel" in request.POST:
        return _back(request, asked, _refusal(EntraError("access_denied", 65004, "User declined to sign in.")))
    person = next((person for person in PEOPLE if person.oid == request.POST.get("person")), None)
    if person is None:
        return _picker(request, asked)
    if asked.acrs and "approved" not in request.POST:
        return render(request, "emulator/approve.html", {"person": person})
    return _granted(request, asked, SignIn(person.oid, clock.wall(), asked.acrs))


def _picker(request: HttpRequest, asked: Asked) -> HttpResponse:
    hinted = person_by_address(asked.login_hint) if asked.prompt != "select_account" else None
    return render(request, "emulator/pick.html", {"people": [hinted] if hinted else PEOPLE})


def _fits(known: SignIn, asked: Asked) -> bool:
    hinted = person_by_address(asked.login_hint)
    is_fresh = asked.max_age is None or clock.wall() - known.at <= asked.max_age
    return is_fresh and set(asked.acrs) <= set(known.acrs) and (hinted is None or hinted.oid == known.oid)


def _granted(request: HttpRequest, asked: Asked, sign_in: SignIn) -> HttpResponse:
    code = Code(
        oid=sign_in.oid,
        at=sign_in.at,
        acrs=sign_in.acrs,
        redirect_uri=asked.redirect_uri,
        challenge=asked.challenge,
        nonce=asked.nonce,
        scope=asked.scope,
        wants_auth_time=asked.max_age is not None,
    )
    response = _back(request, asked, {"code": grants.write(code, "code"), "client_info": ""})
    response.set_cookie(grants.COOKIE, grants.write(sign_in, "cookie"), httponly=True, samesite="Lax")
    return response


def _refusal(error: EntraError) -> dict[str, str]:
    return {"error": error.error, "error_description": error.description}


def _back(request: HttpRequest, asked: Asked, answer: dict[str, str]) -> HttpResponse:
    fields = {name: value for name, value in {**answer, "state": asked.state}.items() if value}
    if asked.response_mode == "form_post":
        return render(request, "emulator/form_post.html", {"action": asked.redirect_uri, "fields": fields})
    return HttpResponseRedirect(f"{asked.redirect_uri}?{urlencode(fields)}")
