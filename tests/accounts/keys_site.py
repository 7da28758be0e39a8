"""The site plus a view that reveals a key, built as such views are built."""

from uuid import UUID

from django.http import HttpResponse
from django.urls import path
from django.views.decorators.http import require_POST

from accounts import audit
from accounts.actor import actor_of
from accounts.http import SignedInRequest
from accounts.policy import Action, require
from dashboard import urls
from endpoints.access import endpoint_to

KEY = "0123456789abcdef0123456789abcdef"
handler403 = urls.handler403


@require_POST
@require(Action.REVEAL_KEYS)
def reveal(request: SignedInRequest, endpoint_id: UUID) -> HttpResponse:
    endpoint = endpoint_to(Action.REVEAL_KEYS, request, endpoint_id)
    with audit.attempt("key-revealed", actor_of(request), target=endpoint.arm_id):
        if "fail" in request.POST:
            raise RuntimeError(KEY)
        return HttpResponse(KEY)


urlpatterns = [*urls.urlpatterns, path("endpoints/<uuid:endpoint_id>/key", reveal, name="reveal")]
