"""The authorization code flow with PKCE: the redirect to Entra ID, and the callback with the code.

Several tabs may sign in at once, so each flow is kept in the session under its own `state`. A flow is removed before
its code is redeemed, so it works once.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
https://www.rfc-editor.org/rfc/rfc7636
"""

import time
import warnings
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msal
import requests
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import audit, entra, id_token, store
from accounts.actor import actor_of
from accounts.http import SignedInRequest
from accounts.id_token import Claims, InvalidIdToken
from accounts.models import User
from accounts.roles import known
from accounts.sign_in_errors import FLOW_LOST, NO_ANSWER, NOT_RECENT, SignInError, invalid, refused

SESSION_KEY = "sign_in_flows"
MAX_FLOWS = 5
FLOW_TTL_SECONDS = 600
# A user who authenticated at Entra ID this recently may do what needs a recent sign-in.
RECENT_SECONDS = 900


class SignInFailed(Exception):
    def __init__(self, error: SignInError, entra_correlation_id: str = "") -> None:
        super().__init__(error.sentence)
        self.error = error
        self.entra_correlation_id = entra_correlation_id


@dataclass(frozen=True)
class SignedIn:
    user: User
    next_url: str


def safe_next(url: str) -> str:
    """The URL as a path of this site, or the front page if it leads anywhere else."""
    home = urlsplit(settings.PUBLIC_BASE_URL)
    if not url_has_allowed_host_and_scheme(url, {home.netloc}, require_https=settings.HTTPS):
        return "/"
    parts = urlsplit(url)
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return path if path.startswith("/") and not path.startswith("//") else "/"


def page_of(request: HttpRequest) -> str:
    """The page that a request was sent from, as a path of this site."""
    return safe_next(request.headers.get("HX-Current-URL") or request.headers.get("Referer", ""))


def redirect_uri() -> str:
    """The callback as registered in Entra ID. It comes from the settings alone, never from a request.

    https://learn.microsoft.com/entra/identity-platform/reply-url
    """
    return f"{settings.PUBLIC_BASE_URL}{reverse('accounts:callback')}"


def begin(
    request: HttpRequest,
    *,
    next_url: str,
    claims: str = "",
    prompt: str = "",
    login_hint: str = "",
    max_age: int | None = None,
) -> HttpResponse:
    """Send the browser to Entra ID. Raises SignInFailed if Entra ID cannot be reached."""
    try:
        with warnings.catch_warnings():
            # msal recommends form_post, which would arrive without our SameSite=Lax cookie. A code in the query is
            # safe: it is bound to PKCE and works once.
            # https://github.com/AzureAD/microsoft-authentication-library-for-python/issues/396
            warnings.filterwarnings("ignore", message=".*response_mode", category=UserWarning)
            flow = entra.application(msal.SerializableTokenCache()).initiate_auth_code_flow(
                [settings.ARM_SCOPE],
                redirect_uri=redirect_uri(),
                prompt=prompt or None,
                login_hint=login_hint or None,
                # https://learn.microsoft.com/entra/identity-platform/claims-challenge
                claims_challenge=claims or None,
                max_age=max_age,
            )
    except (*entra.CONNECTION_ERRORS, ValueError) as error:
        raise SignInFailed(NO_ANSWER) from error
    _keep(request, flow, next_url)
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(status=401, headers={"HX-Redirect": flow["auth_uri"]})
    return HttpResponseRedirect(flow["auth_uri"])


def authenticated_recently(request: HttpRequest) -> bool:
    """Whether Entra ID made the user prove their identity within RECENT_SECONDS; a silent sign-in does not count."""
    return bool(time.time() - request.session.get("authenticated_at", 0) < RECENT_SECONDS)


def authenticate_again(request: SignedInRequest) -> HttpResponse:
    """Have the user prove their identity again, then return to the page they are on.

    https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest (prompt, max_age)
    """
    page, name = page_of(request), request.user.username
    try:
        return begin(request, next_url=page, prompt="login", login_hint=name, max_age=RECENT_SECONDS)
    except SignInFailed as failure:
        messages.error(request, f"{failure} {failure.error.advice}")
        return HttpResponseRedirect(page)


def finish(request: HttpRequest) -> SignedIn:
    """Redeem the code, validate the ID token and sign the user in. Raises SignInFailed."""
    pending = _take(request)
    cache = msal.SerializableTokenCache()
    claims = _redeem(pending["flow"], request, cache)
    with transaction.atomic():  # without its audit entry there is no sign-in
        user = _save_user(claims, request)
        # Before login() sends its signal, which resumes the operations that wait for these tokens.
        if user.roles:
            store.put(user, cache)
        else:
            store.delete(user)
        login(request, user, backend="accounts.backend.EntraBackend")
        audit.record("signed-in", actor_of(request), details={"roles": user.roles})
    now = time.time()
    request.session.update(
        {
            "signed_in_at": now,
            "active_at": now,
            "authenticated_at": claims.authenticated_at,
            "groups_overage": claims.groups_overage,
        }
    )
    if "max_age" in pending["flow"]:
        messages.info(request, "You confirmed who you are. Nothing has changed yet: repeat your request.")
    return SignedIn(user, pending["next"])


def sign_out_everywhere(user: User) -> None:
    """End the user's sessions in every browser, and delete their tokens."""
    store.delete(user)
    User.objects.filter(pk=user.pk).update(signed_out_at=timezone.now())


def sign_out_url() -> str:
    """Where the browser ends its session at Entra ID too. Raises requests.RequestException.

    https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc#send-a-sign-out-request
    """
    back = f"{settings.PUBLIC_BASE_URL}{reverse('accounts:signed_out')}"
    address: str = entra.discovery()["end_session_endpoint"]
    return requests.Request("GET", address, params={"post_logout_redirect_uri": back}).prepare().url or back


def _keep(request: HttpRequest, flow: dict[str, Any], next_url: str) -> None:
    """Add a flow to the session, and drop the expired and the oldest ones."""
    now = time.time()
    flows = {state: kept for state, kept in _flows(request).items() if now - kept["started"] < FLOW_TTL_SECONDS}
    newest = sorted(flows, key=lambda state: flows[state]["started"])[-(MAX_FLOWS - 1) :]
    flows = {state: flows[state] for state in newest}
    flows[flow["state"]] = {"flow": flow, "next": safe_next(next_url), "started": now}
    request.session[SESSION_KEY] = flows


def _flows(request: HttpRequest) -> dict[str, Any]:
    flows: dict[str, Any] = request.session.get(SESSION_KEY, {})
    return flows


def _take(request: HttpRequest) -> dict[str, Any]:
    """Remove the flow of this callback from the session and return it. Raises SignInFailed."""
    flows = _flows(request)
    pending: dict[str, Any] | None = flows.pop(request.GET.get("state", ""), None)
    request.session[SESSION_KEY] = flows
    request.session.save()
    if pending is None or time.time() - pending["started"] > FLOW_TTL_SECONDS:
        raise SignInFailed(FLOW_LOST)
    return pending


def _redeem(flow: dict[str, Any], request: HttpRequest, cache: msal.SerializableTokenCache) -> Claims:
    try:
        result = entra.application(cache).acquire_token_by_auth_code_flow(flow, request.GET.dict())
        if "id_token" not in result:
            raise SignInFailed(refused(result), str(result.get("correlation_id", "")))
        return id_token.validate(result["id_token"])
    except InvalidIdToken as error:
        raise SignInFailed(invalid(str(error))) from error
    except entra.CONNECTION_ERRORS as error:
        raise SignInFailed(NO_ANSWER) from error
    except (ValueError, RuntimeError) as error:
        # msal raises ValueError if the state does not match, RuntimeError if the nonce does not or if auth_time is
        # older than max_age.
        raise SignInFailed(NOT_RECENT if "max_age" in flow else FLOW_LOST) from error


def _save_user(claims: Claims, request: HttpRequest) -> User:
    # Never look a user up by address or name: https://learn.microsoft.com/entra/identity-platform/migrate-off-email-claim-authorization
    columns = {
        "username": claims.username,
        "name": claims.name,
        "roles": known(claims.roles),
        "roles_checked_at": timezone.now(),
    }
    before = User.objects.filter(tid=claims.tid, oid=claims.oid).first()
    user, _ = User.objects.update_or_create(tid=claims.tid, oid=claims.oid, defaults=columns)
    if before:
        audit.record_role_change(user, before.roles, actor_of(request).as_user(user))
    return user
