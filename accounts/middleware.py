"""Every page is closed unless its view says otherwise, and a session ends when its time is up."""

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

# The session's row is written at most this often for being active.
NOTED_EVERY_SECONDS = 60


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    def process_view(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase], view_args: Any, view_kwargs: Any
    ) -> HttpResponseBase | None:
        if request.user.is_authenticated:
            if _has_ended(cast(SignedInRequest, request)) or not _is_still_welcome(request.user):
                logout(request)
            else:
                _note_activity(request)
        answer: HttpResponseBase | None = super().process_view(request, view_func, view_args, view_kwargs)
        return answer

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, RateLimited):
            return None
        response = refusal_page(request, "429.html", str(exception), 429)
        response["Retry-After"] = str(exception.seconds)
        return response

    def handle_no_permission(  # type: ignore[override]  # htmx needs something else than a redirect
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponse:
        """Lead to the sign-in page and from there back here; htmx by its header, as it would swap a redirect in."""
        is_read = request.method in {"GET", "HEAD"}
        if request.headers.get("HX-Request") == "true":
            return HttpResponse(status=401, headers={"HX-Redirect": _sign_in_address(page_of(request), not is_read)})
        wanted = request.get_full_path() if is_read else page_of(request)
        return HttpResponseRedirect(_sign_in_address(wanted, not is_read))


def _sign_in_address(wanted: str, is_lost: bool) -> str:
    """`is_lost` says that somebody sent something, which was not done."""
    query = ({"next": wanted} if wanted != "/" else {}) | ({"lost": "1"} if is_lost else {})
    address = reverse(settings.LOGIN_URL)
    return f"{address}?{urlencode(query)}" if query else address


def _has_ended(request: SignedInRequest) -> bool:
    now, session = time.time(), request.session
    started, active = session.get("signed_in_at", 0), session.get("active_at", 0)
    signed_out_at = request.user.signed_out_at
    return bool(
        now - started > settings.SESSION_COOKIE_AGE
        or now - active > settings.SESSION_IDLE_SECONDS
        or (signed_out_at and started < signed_out_at.timestamp())
    )


def _is_still_welcome(user: User) -> bool:
    """Ask Entra ID once an hour; False when it ended the person's sign-in. A new token brings the roles of now."""
    if roles_are_known(user):
        return True
    try:
        arm_token(user)
    except NeedsSignIn:
        return False
    except TokenUnavailable:
        pass  # what was known holds until Entra ID can be asked
    return True


def _note_activity(request: HttpRequest) -> None:
    """A table that refreshes itself in a forgotten tab is nobody's activity."""
    if "X-Table-Tag" in request.headers:
        return
    now = time.time()
    if now - request.session.get("active_at", 0) > NOTED_EVERY_SECONDS:
        request.session["active_at"] = now
