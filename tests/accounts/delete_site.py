"""The site with one address more: a page that deletes an endpoint, made of the parts that such pages are made of."""

from uuid import UUID

from django.http import HttpResponse
from django.urls import path

from accounts.http import SignedInRequest
from accounts.policy import Action, require
from dashboard import urls
from endpoints.access import endpoint_to

handler403 = urls.handler403


@require(Action.DELETE_ENDPOINT)
def delete(request: SignedInRequest, endpoint_id: UUID) -> HttpResponse:
    return HttpResponse(f"{endpoint_to(Action.DELETE_ENDPOINT, request, endpoint_id)} is gone")


urlpatterns = [*urls.urlpatterns, path("endpoints/<uuid:endpoint_id>/delete", delete, name="delete")]
