"""The authorization code flow with PKCE: out to Entra ID, and back with an identity.

Several tabs may be on their way at once, so each flow is kept in the session under its own state, and is taken out
before it is redeemed: it works once.
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

from accounts import audit, entra, store
from accounts.actor import actor_of
from accounts.http import SignedInRequest
from accounts.id_token import Identity, InvalidIdToken, identity_of
from accounts.models import User
from accounts.roles import known
from accounts.sign_in_errors import LOST, NOT_RECENT, UNREACHABLE, SignInError, invalid, refused

SESSION_KEY = "sign_in_flows"
MAX_FLOWS = 5
FLOW_TTL_SECONDS = 600
# How long ago somebody may have proved who they are to Entra ID, to do what takes a recent sign-in.
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
    """The address as a path of this site; the front page when it leads anywhere else."""
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
    """Where Entra ID sends people back to: from the settings alone, never from a request."""
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
    """Send the browser to Entra ID. Raises SignInFailed when that cannot be reached."""
    try:
        with warnings.catch_warnings():
            # A form post would come back without our Lax cookie; the code is bound to PKCE and used once.
            warnings.filterwarnings("ignore", message=".*response_mode", category=UserWarning)
            flow = entra.application(msal.SerializableTokenCache()).initiate_auth_code_flow(
                [settings.ARM_SCOPE],
                redirect_uri=redirect_uri(),
                prompt=prompt or None,
                login_hint=login_hint or None,
                claims_challenge=claims or None,
                max_age=max_age,
            )
    except (*entra.UNREACHABLE, ValueError) as error:
        raise SignInFailed(UNREACHABLE) from error
    now = time.time()
    flows = {state: one for state, one in _flows(request).items() if now - one["started"] < FLOW_TTL_SECONDS}
    newest = sorted(flows, key=lambda state: flows[state]["started"])[-(MAX_FLOWS - 1) :]
    flows = {state: flows[state] for state in newest}
    flows[flow["state"]] = {"flow": flow, "next": safe_next(next_url), "started": now}
    request.session[SESSION_KEY] = flows
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(status=401, headers={"HX-Redirect": flow["auth_uri"]})
    return HttpResponseRedirect(flow["auth_uri"])


def signed_in_lately(request: HttpRequest) -> bool:
    """Whether Entra ID says that the person proved who they are a few minutes ago; silent sign-ins do not count."""
    return bool(time.time() - request.session.get("authenticated_at", 0) < RECENT_SECONDS)


def begin_again(request: SignedInRequest) -> HttpResponse:
    """Have the person prove again who they are, and come back to the page they are on."""
    page, name = page_of(request), request.user.username
    try:
        return begin(request, next_url=page, prompt="login", login_hint=name, max_age=RECENT_SECONDS)
    except SignInFailed as failure:
        messages.error(request, f"{failure} {failure.error.advice}")
        return HttpResponseRedirect(page)


def finish(request: HttpRequest) -> SignedIn:
    """Redeem what came back, check it, and sign the person in. Raises SignInFailed."""
    pending = _take(request)
    cache = msal.SerializableTokenCache()
    identity = _redeem(pending["flow"], request, cache)
    with transaction.atomic():  # nobody is signed in whose sign-in could not be written down
        user = _user_of(identity, request)
        # Before the sign-in is announced: what waited for these tokens starts then.
        if user.roles:
            store.put(user, cache)
        else:
            store.forget(user)
        login(request, user, backend="accounts.backend.EntraBackend")
        audit.record("signed-in", actor_of(request), details={"roles": user.roles})
    now = time.time()
    request.session.update(
        {
            "signed_in_at": now,
            "active_at": now,
            "authenticated_at": identity.authenticated_at,
            "groups_overage": identity.groups_overage,
        }
    )
    if "max_age" in pending["flow"]:
        messages.info(request, "You proved again who you are. Nothing was done yet: ask for it once more.")
    return SignedIn(user, pending["next"])


def end_everywhere(user: User) -> None:
    """End the sessions of a person in every browser, and forget the tokens."""
    store.forget(user)
    User.objects.filter(pk=user.pk).update(signed_out_at=timezone.now())


def sign_out_url() -> str:
    """Where the browser ends its session at Entra ID too. Raises requests.RequestException."""
    back = f"{settings.PUBLIC_BASE_URL}{reverse('accounts:signed_out')}"
    address: str = entra.discovery()["end_session_endpoint"]
    return requests.Request("GET", address, params={"post_logout_redirect_uri": back}).prepare().url or back


def _flows(request: HttpRequest) -> dict[str, Any]:
    flows: dict[str, Any] = request.session.get(SESSION_KEY, {})
    return flows


def _take(request: HttpRequest) -> dict[str, Any]:
    flows = _flows(request)
    pending: dict[str, Any] | None = flows.pop(request.GET.get("state", ""), None)
    request.session[SESSION_KEY] = flows
    request.session.save()
    if pending is None or time.time() - pending["started"] > FLOW_TTL_SECONDS:
        raise SignInFailed(LOST)
    return pending


def _redeem(flow: dict[str, Any], request: HttpRequest, cache: msal.SerializableTokenCache) -> Identity:
    try:
        result = entra.application(cache).acquire_token_by_auth_code_flow(flow, request.GET.dict())
        if "id_token" not in result:
            raise SignInFailed(refused(result), str(result.get("correlation_id", "")))
        return identity_of(result["id_token"])
    except InvalidIdToken as error:
        raise SignInFailed(invalid(str(error))) from error
    except entra.UNREACHABLE as error:
        raise SignInFailed(UNREACHABLE) from error
    except (ValueError, RuntimeError) as error:
        # msal says so when state or nonce are not those of this flow, or when the sign-in is older than was asked for.
        raise SignInFailed(NOT_RECENT if "max_age" in flow else LOST) from error


def _user_of(identity: Identity, request: HttpRequest) -> User:
    columns = {
        "username": identity.username,
        "name": identity.name,
        "roles": known(identity.roles),
        "roles_checked_at": timezone.now(),
    }
    before = User.objects.filter(tid=identity.tid, oid=identity.oid).first()
    user, _ = User.objects.update_or_create(tid=identity.tid, oid=identity.oid, defaults=columns)
    if before:
        audit.record_role_change(user, before.roles, actor_of(request).as_user(user))
    return user
