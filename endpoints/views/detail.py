from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from accounts import flow
from accounts.http import SignedInRequest
from accounts.policy import Action, require
from endpoints.access import endpoint_or_404
from endpoints.detail import detail_tag, endpoint_detail


@require_safe
@require(Action.VIEW_ENDPOINTS)
def detail(request: SignedInRequest, endpoint_id: UUID) -> HttpResponse:
    """All about one endpoint; to htmx the live part, and nothing at all when the page shows it already."""
    endpoint = endpoint_or_404(request.user, endpoint_id)
    if request.headers.get("X-Table-Tag") == detail_tag(endpoint):
        return HttpResponse(status=204)
    live = request.htmx and not request.htmx.history_restore_request
    template = "endpoints/detail.html#live" if live else "endpoints/detail.html"
    return render(request, template, {"detail": endpoint_detail(endpoint, request.user)})


@require_POST
@require(Action.CREATE_ENDPOINT)
def sign_in_again(request: SignedInRequest, endpoint_id: UUID) -> HttpResponse:
    """Fetch at Entra ID what Azure asked for, and come back; what waited for it goes on by itself."""
    endpoint = endpoint_or_404(request.user, endpoint_id)
    waiting = endpoint.operations.filter(asked_by=request.user, needs_sign_in=True).first()
    return flow.begin(
        request,
        next_url=endpoint.get_absolute_url(),
        claims=waiting.claims if waiting else "",
        login_hint=request.user.username,
    )
