from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts import flow
from accounts.actor import actor_of
from accounts.http import SignedInRequest
from accounts.policy import Action, require
from endpoints import services
from endpoints.access import endpoint_or_404, endpoint_to
from endpoints.pages.endpoint_detail import announcement, detail_tag, endpoint_detail


@require_safe
@require(Action.VIEW_ENDPOINTS)
def detail(request: SignedInRequest, endpoint_id: UUID) -> HttpResponse:
    """All about one endpoint; to htmx the live part, and nothing at all when the page shows it already."""
    endpoint = endpoint_or_404(request.user, endpoint_id)
    shown = request.headers.get("X-Table-Tag", "")
    if shown == detail_tag(endpoint):
        return HttpResponse(status=204)
    context: dict[str, object] = {"detail": endpoint_detail(endpoint, request.user)}
    if not request.htmx or request.htmx.history_restore_request:
        return render(request, "endpoints/detail.html", context)
    context["announcement"] = announcement(endpoint, shown)
    return render(request, "endpoints/detail.html#live", context)


@require_POST
@require(Action.VIEW_ENDPOINTS)
def refresh(request: SignedInRequest, endpoint_id: UUID) -> HttpResponse:
    """Ask Azure what it holds, and come back to the page, which shows it as soon as it is known."""
    endpoint = endpoint_to(Action.VIEW_ENDPOINTS, request, endpoint_id)
    try:
        services.refresh_endpoint(endpoint, uuid4(), actor_of(request))
    except services.Busy as error:
        messages.warning(request, str(error))
    response = redirect(endpoint)
    response.status_code = 303
    return response


@require_POST
@require(Action.VIEW_ENDPOINTS)
def sign_in_again(request: SignedInRequest, endpoint_id: UUID) -> HttpResponse:
    """Fetch at Entra ID what Azure asked for, and come back; what waited for it goes on by itself."""
    endpoint = endpoint_or_404(request.user, endpoint_id)
    waiting = endpoint.operations.filter(requested_by=request.user, needs_sign_in=True).first()
    claims = waiting.claims if waiting else ""
    try:
        return flow.begin(
            request, next_url=endpoint.get_absolute_url(), claims=claims, login_hint=request.user.username
        )
    except flow.SignInFailed as failure:
        messages.error(request, f"{failure} {failure.error.advice}")
        return redirect(endpoint)
