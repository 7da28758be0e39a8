"""Where Azure differs from the request: the comparison on the page of an endpoint, and its two buttons."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_POST

from accounts.actor import actor_of
from accounts.http import SignedInRequest
from accounts.models import User
from accounts.policy import Action, may, require
from endpoints.access import endpoint_to
from endpoints.arm.serverless_endpoint import SystemData
from endpoints.drift import is_patchable
from endpoints.drift_actions import Outdated, accept_drift, send_again
from endpoints.kinds import Kind
from endpoints.models import Endpoint
from endpoints.services import Busy, requestable


class DriftForm(forms.Form):
    """`seen` is the hash of what Azure held when the page was drawn."""

    seen = forms.CharField(max_length=64, required=False)
    submission_id = forms.UUIDField(required=False)


@dataclass(frozen=True)
class ComparedField:
    name: str
    requested: str
    held: str
    is_patchable: bool


@dataclass(frozen=True)
class Comparison:
    fields: list[ComparedField]
    since: datetime | None
    changed_by: str
    changed_at: datetime | None
    seen: str
    submission_id: UUID
    # Whether the user may decide about it now.
    is_offered: bool

    @property
    def can_be_sent(self) -> bool:
        return any(field.is_patchable for field in self.fields)

    @property
    def fixed(self) -> list[str]:
        """The fields that no PATCH changes."""
        return [field.name for field in self.fields if not field.is_patchable]


def comparison(endpoint: Endpoint, user: User) -> Comparison | None:
    """None if Azure holds what was requested."""
    if not endpoint.drift or endpoint.observed is None:
        return None
    data = endpoint.observed.system_data
    return Comparison(
        fields=[_field(difference) for difference in endpoint.drift],
        since=endpoint.drift_since,
        changed_by=_changed_by(data),
        changed_at=_time(data.last_modified_at),
        seen=endpoint.observed_hash,
        submission_id=uuid4(),
        is_offered=may(user, Action.UPDATE_ENDPOINT, endpoint) and Kind.UPDATE in requestable(endpoint),
    )


@require_POST
@require(Action.UPDATE_ENDPOINT)
def accept(request: SignedInRequest, endpoint_id: UUID) -> HttpResponse:
    """Accept what Azure holds, unless it has changed since the user saw it."""
    endpoint, form = endpoint_to(Action.UPDATE_ENDPOINT, request, endpoint_id), DriftForm(request.POST)
    try:
        accept_drift(endpoint, _seen(form), actor_of(request))
    except (Outdated, Busy) as error:
        messages.warning(request, str(error))
    return _back_to(endpoint)


@require_POST
@require(Action.UPDATE_ENDPOINT)
def send(request: SignedInRequest, endpoint_id: UUID) -> HttpResponse:
    """Send what was requested again, unless Azure's side has changed since the user saw it."""
    endpoint, form = endpoint_to(Action.UPDATE_ENDPOINT, request, endpoint_id), DriftForm(request.POST)
    seen, submission_id = _seen(form), form.cleaned_data.get("submission_id") or uuid4()
    try:
        send_again(endpoint, seen, submission_id, actor_of(request))
    except (Outdated, Busy) as error:
        messages.warning(request, str(error))
    return _back_to(endpoint)


def _seen(form: DriftForm) -> str:
    form.full_clean()
    return str(form.cleaned_data.get("seen", ""))


def _back_to(endpoint: Endpoint) -> HttpResponse:
    response = redirect(endpoint)
    response.status_code = 303
    return response


def _field(difference: dict[str, Any]) -> ComparedField:
    name = difference["field"]
    return ComparedField(name, difference["before"], difference["after"], is_patchable(name))


def _changed_by(data: SystemData) -> str:
    kind = f" ({data.last_modified_by_type})" if data.last_modified_by_type else ""
    return f"{data.last_modified_by}{kind}" if data.last_modified_by else ""


def _time(text: str) -> datetime | None:
    try:
        return parse_datetime(text)
    except ValueError:
        return None
