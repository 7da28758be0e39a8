"""Delete an endpoint, after a page that explains the consequences."""

from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from accounts.http import SignedInRequest
from accounts.policy import Action, require
from endpoints.access import endpoint_to
from endpoints.kinds import Kind
from endpoints.models import Endpoint
from endpoints.pages.fields import text_field
from endpoints.services import Busy, delete_endpoint, requestable


class DeleteEndpointForm(forms.Form):
    """Requires the endpoint's name if it has an inference URI, which clients may be calling."""

    submission_id = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)

    def __init__(self, endpoint: Endpoint, data: Any = None) -> None:
        super().__init__(data, label_suffix="")
        self.endpoint = endpoint
        if endpoint.inference_uri:
            self.fields["typed_name"] = text_field(f"Type {endpoint.name} to delete it", required=True)

    def clean_typed_name(self) -> str:
        typed: str = self.cleaned_data["typed_name"].strip()
        if typed != self.endpoint.name:
            raise ValidationError(f"The name does not match. Type {self.endpoint.name} to delete it.")
        return typed


@require_http_methods(["GET", "HEAD", "POST"])
@require(Action.DELETE_ENDPOINT)
def delete(request: SignedInRequest, endpoint_id: UUID) -> HttpResponse:
    """Ask for confirmation, then delete the endpoint."""
    endpoint = endpoint_to(Action.DELETE_ENDPOINT, request, endpoint_id)
    form = DeleteEndpointForm(endpoint, request.POST if request.method == "POST" else None)
    allowed = Kind.DELETE in requestable(endpoint)
    if allowed and form.is_bound and form.is_valid():
        try:
            delete_endpoint(endpoint, form.cleaned_data["submission_id"], actor_of(request))
        except Busy as error:
            form.add_error(None, str(error))
        else:
            response = redirect(endpoint)
            response.status_code = 303
            return response
    status = 422 if form.errors else 409 if form.is_bound else 200
    context = {"endpoint": endpoint, "form": form, "can_be_deleted": allowed}
    return render(request, "endpoints/delete.html", context, status=status)
