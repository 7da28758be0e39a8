"""Give an endpoint an owner."""

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.actor import actor_of
from accounts.http import SignedInRequest
from accounts.models import User
from accounts.policy import Action, require
from endpoints.access import endpoint_to
from endpoints.adoption import adopt, possible_owners


class OwnerField(forms.ModelChoiceField):  # type: ignore[type-arg]  # generic only in django-stubs
    def label_from_instance(self, user: User) -> str:
        return f"{user.name} · {user.username}"


class AdoptForm(forms.Form):
    owner = OwnerField(
        label="Owner",
        queryset=User.objects.none(),
        empty_label=None,
        help_text="Operators and Admins who have signed in here.",
        error_messages={"required": "Choose an owner.", "invalid_choice": "Choose one of the users in the list."},
    )

    def __init__(self, admin: User, data: Any = None) -> None:
        super().__init__(data, label_suffix="", initial={"owner": admin.pk})
        field = self.fields["owner"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101  (for mypy)
        field.queryset = User.objects.filter(pk__in=[user.pk for user in possible_owners()]).order_by("name")


@require_http_methods(["GET", "HEAD", "POST"])
@require(Action.ADOPT_ENDPOINT)
def adopt_endpoint(request: SignedInRequest, endpoint_id: UUID) -> HttpResponse:
    endpoint = endpoint_to(Action.ADOPT_ENDPOINT, request, endpoint_id)
    form = AdoptForm(request.user, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        adopt(endpoint, form.cleaned_data["owner"], actor_of(request))
        response = redirect(endpoint)
        response.status_code = 303
        return response
    context = {"endpoint": endpoint, "form": form}
    return render(request, "endpoints/adopt.html", context, status=422 if form.errors else 200)
