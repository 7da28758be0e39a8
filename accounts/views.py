from urllib.parse import urlencode

import requests
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST, require_safe

from accounts import audit, flow, limits
from accounts.actor import actor_of
from accounts.http import SignedInRequest, refusal_page
from accounts.models import AuditEntry
from accounts.policy import Action, require
from accounts.sign_in_errors import FLOW_LOST, NO_ANSWER

AUDIT_PAGE_SIZE = 100


@require_safe
@login_not_required
def sign_in(request: HttpRequest) -> HttpResponse:
    if request.get_host() != settings.PUBLIC_HOST:
        # Entra ID redirects to the public host, which does not receive the cookie of another one.
        return HttpResponseRedirect(f"{settings.PUBLIC_BASE_URL}{request.get_full_path()}")
    next_url = flow.safe_next(request.GET.get("next", "/"))
    if request.user.is_authenticated:
        return redirect(next_url)
    context = {
        "is_lost": "lost" in request.GET,
        "start_url": _start_url(next_url),
        "other_account_url": _start_url(next_url, prompt="select_account"),
    }
    return render(request, "accounts/sign_in.html", context)


@require_GET
@login_not_required
def start(request: HttpRequest) -> HttpResponse:
    _count_sign_in(request, "start")
    prompt = "select_account" if request.GET.get("prompt") == "select_account" else ""
    try:
        return flow.begin(request, next_url=request.GET.get("next", "/"), prompt=prompt)
    except flow.SignInFailed as failure:
        return _failed(request, failure)


@require_GET
@login_not_required
def callback(request: HttpRequest) -> HttpResponse:
    _count_sign_in(request, "callback")
    try:
        return redirect(flow.finish(request).next_url)
    except flow.SignInFailed as failure:
        if failure.error is FLOW_LOST and request.user.is_authenticated:
            return redirect("/")  # the Back button, or a reload, after a successful sign-in
        return _failed(request, failure)


@require_POST
def sign_out(request: SignedInRequest) -> HttpResponse:
    """Sign out of every browser, delete the tokens, and sign out of Entra ID."""
    user = request.user
    flow.sign_out_everywhere(user)
    audit.record("signed-out", actor_of(request))
    logout(request)
    try:
        return HttpResponseRedirect(flow.sign_out_url())
    except requests.RequestException:
        return redirect("accounts:signed_out")


@require_safe
@login_not_required
def signed_out(request: HttpRequest) -> HttpResponse:
    context = {"sign_in_url": _start_url("/", prompt="select_account")}
    return render(request, "accounts/signed_out.html", context)


@require_safe
@require(Action.READ_AUDIT_LOG)
def audit_log(request: SignedInRequest) -> HttpResponseBase:
    """A page of matching entries, or with ?format=csv all of them as a file."""
    names = ("text", "action", "outcome", "since", "until")
    filters = {name: request.GET.get(name, "").strip()[:200] for name in names}
    entries = audit.find(**filters)
    if request.GET.get("format") == "csv":
        audit.record("audit-log-exported", actor_of(request), details=filters)
        headers = {"Content-Disposition": 'attachment; filename="audit-log.csv"'}
        return StreamingHttpResponse(audit.as_csv(entries), content_type="text/csv; charset=utf-8", headers=headers)
    context = {
        "page": Paginator(entries, AUDIT_PAGE_SIZE).get_page(request.GET.get("page")),
        "filters": filters,
        "query": urlencode({name: value for name, value in filters.items() if value}),
        "actions": AuditEntry.objects.order_by("action").values_list("action", flat=True).distinct(),
        "outcomes": AuditEntry.objects.order_by("outcome").values_list("outcome", flat=True).distinct(),
    }
    return render(request, "accounts/audit_log.html", context)


def forbidden(request: SignedInRequest, exception: Exception) -> HttpResponse:
    """The site's 403 page; for a user without any role it says which to request."""
    if request.user.is_authenticated and not request.user.roles:
        context = {"overage": request.session.get("groups_overage", False)}
        return render(request, "accounts/no_role.html", context, status=403)
    return refusal_page(request, "403.html", str(exception), 403)


def _count_sign_in(request: HttpRequest, step: str) -> None:
    actor = actor_of(request)
    limits.hit(limits.RateLimit.SIGN_INS, f"{step}:{limits.client_network(actor)}", actor, target=request.path)


def _start_url(next_url: str, **parameters: str) -> str:
    return f"{reverse('accounts:start')}?{urlencode({'next': next_url, **parameters})}"


def _failed(request: HttpRequest, failure: flow.SignInFailed) -> HttpResponse:
    error = failure.error
    details = {"code": error.code, "title": error.title}
    audit.record("signed-in", actor_of(request).as_user(None), outcome="failed", details=details)
    context = {
        "title": error.title,
        "sentence": error.sentence,
        "advice": error.advice,
        "code": error.code,
        "microsofts_page": error.microsofts_page,
        "trace_id": error.trace_id,
        "correlation_id": failure.entra_correlation_id or getattr(request, "correlation_id", ""),
        "at": timezone.now(),
        "start_url": _start_url("/", prompt="select_account"),
    }
    status = 503 if error is NO_ANSWER else 403
    return render(request, "accounts/sign_in_failed.html", context, status=status)
