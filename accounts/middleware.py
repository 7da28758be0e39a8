"""Every page requires a signed-in user unless its view says otherwise; sessions expire."""

import time
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse

from accounts.flow import page_of
from accounts.http import SignedInRequest, refusal_page
from accounts.limits import RateLimited
from accounts.models import User
from accounts.tokens import NeedsSignIn, TokenUnavailable, arm_token, roles_are_known

# How often activity is written to the session at most.
ACTIVITY_INTERVAL_SECONDS = 60
# How long a page waits for Entra ID.
ROLES_WITHIN_SECONDS = 1.0


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    def process_view(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase], view_args: Any, view_kwargs: Any
    ) -> HttpResponseBase | None:
        if request.user.is_authenticated:
            if _has_ended(cast(SignedInRequest, request)) or not _is_still_signed_in_at_entra(request.user):
                logout(request)
            else:
                _note_activity(request)
        response: HttpResponseBase | None = super().process_view(request, view_func, view_args, view_kwargs)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, RateLimited):
            return None
        response = refusal_page(request, "429.html", str(exception), 429)
        response["Retry-After"] = str(exception.seconds)
        return response

    def handle_no_permission(  # type: ignore[override]  # htmx needs a header instead of a redirect
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponse:
        """Redirect to the sign-in page and back here; htmx by header, as it would swap the redirect's page in.

        https://htmx.org/headers/hx-redirect/
        """
        is_read = request.method in {"GET", "HEAD"}
        if request.headers.get("HX-Request") == "true":
            return HttpResponse(status=401, headers={"HX-Redirect": _sign_in_url(page_of(request), not is_read)})
        next_url = request.get_full_path() if is_read else page_of(request)
        return HttpResponseRedirect(_sign_in_url(next_url, not is_read))


def _sign_in_url(next_url: str, is_lost: bool) -> str:
    """`is_lost` if the user sent a form, which had no effect."""
    query = ({"next": next_url} if next_url != "/" else {}) | ({"lost": "1"} if is_lost else {})
    url = reverse(settings.LOGIN_URL)
    return f"{url}?{urlencode(query)}" if query else url


def _has_ended(request: SignedInRequest) -> bool:
    now, session = time.time(), request.session
    started, active = session.get("signed_in_at", 0), session.get("active_at", 0)
    signed_out_at = request.user.signed_out_at
    return bool(
        now - started > settings.SESSION_COOKIE_AGE
        or now - active > settings.SESSION_IDLE_SECONDS
        or (signed_out_at and started < signed_out_at.timestamp())
    )


def _is_still_signed_in_at_entra(user: User) -> bool:
    """Check with Entra ID once an hour, which also updates the roles; False if it ended the user's sign-in."""
    if roles_are_known(user):
        return True
    try:
        arm_token(user, within=ROLES_WITHIN_SECONDS)
    except NeedsSignIn:
        return False
    except TokenUnavailable:
        pass  # the last known state stays valid until Entra ID answers
    return True


def _note_activity(request: HttpRequest) -> None:
    """Extend the idle timeout, but not for a table that refreshes itself in a forgotten tab."""
    if "X-Poll" in request.headers:
        return
    now = time.time()
    if now - request.session.get("active_at", 0) > ACTIVITY_INTERVAL_SECONDS:
        request.session["active_at"] = now
