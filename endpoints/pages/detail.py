"""The page of one endpoint: state, failure, sample calls, history and facts."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts import flow
from accounts.actor import actor_of
from accounts.http import SignedInRequest
from accounts.models import User
from accounts.policy import Action, may, require
from endpoints import services
from endpoints.access import endpoint_or_404, endpoint_to
from endpoints.kinds import Kind
from endpoints.models import Endpoint, Event
from endpoints.pages.as_json import pretty
from endpoints.pages.facts import FactGroup, facts
from endpoints.pages.failure import Failure, failure
from endpoints.pages.live import POLL_AT_REST_SECONDS, POLL_WHILE_WORKING_SECONDS, live_response, shown_tag
from endpoints.pages.samples import Sample, samples
from endpoints.states import State


@dataclass(frozen=True)
class HistoryLine:
    key: int
    at: datetime
    state: State | None
    text: str
    actor: str
    evidence: dict[str, Any] | None


@dataclass(frozen=True)
class EndpointDetail:
    """The content of the page. A URL is empty if the user cannot do this now."""

    endpoint: Endpoint
    failure: Failure | None
    facts: list[FactGroup]
    history: list[HistoryLine]
    raw_requested: str
    raw_observed: str
    tag: str
    poll_seconds: int
    create_again_url: str
    refresh_url: str
    delete_url: str
    sign_in_url: str
    samples: list[Sample] = field(default_factory=list)


@require_safe
@require(Action.VIEW_ENDPOINTS)
def detail(request: SignedInRequest, endpoint_id: UUID) -> HttpResponse:
    """The page; for htmx its live part, or 304 if the browser already shows it."""
    endpoint = endpoint_or_404(request.user, endpoint_id)
    tag = detail_tag(endpoint)
    return live_response(
        request,
        "endpoints/detail.html",
        tag,
        context=lambda: {"detail": endpoint_detail(endpoint, request.user)},
        announcement=lambda: announcement(endpoint, shown_tag(request)),
    )


@require_POST
@require(Action.VIEW_ENDPOINTS)
def refresh(request: SignedInRequest, endpoint_id: UUID) -> HttpResponse:
    """Request a read of the endpoint, then show its page, which polls for the result."""
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
    """Start the sign-in that Azure requires. It resumes the parked operation."""
    endpoint = endpoint_or_404(request.user, endpoint_id)
    parked = endpoint.operations.filter(requested_by=request.user, needs_sign_in=True).first()
    claims = parked.claims if parked else ""
    try:
        return flow.begin(
            request, next_url=endpoint.get_absolute_url(), claims=claims, login_hint=request.user.username
        )
    except flow.SignInFailed as failure:
        messages.error(request, f"{failure} {failure.error.advice}")
        return redirect(endpoint)


def endpoint_detail(endpoint: Endpoint, user: User) -> EndpointDetail:
    operation = endpoint.operations.order_by("-requested_at").first()
    offered = {kind for kind in services.requestable(endpoint) if may(user, kind.spec.permission, endpoint)}
    waits_for_user = operation is not None and operation.needs_sign_in and operation.requested_by_id == user.pk
    create_again_url = f"{reverse('endpoints:create')}?from={endpoint.pk}"
    return EndpointDetail(
        endpoint=endpoint,
        failure=failure(operation),
        facts=facts(endpoint, operation),
        history=[_history_line(event) for event in endpoint.events.select_related("actor")],
        raw_requested=pretty(endpoint.requested.to_json()),
        raw_observed=pretty(endpoint.observed.to_json()) if endpoint.observed else "",
        tag=detail_tag(endpoint),
        poll_seconds=POLL_WHILE_WORKING_SECONDS if endpoint.shown_state.is_working else POLL_AT_REST_SECONDS,
        create_again_url=create_again_url if Kind.CREATE in offered else "",
        refresh_url=reverse("endpoints:refresh", args=[endpoint.pk]) if Kind.REFRESH in offered else "",
        delete_url=reverse("endpoints:delete", args=[endpoint.pk]) if Kind.DELETE in offered else "",
        sign_in_url=reverse("endpoints:sign_in_again", args=[endpoint.pk]) if waits_for_user else "",
        samples=samples(endpoint) if endpoint.shown_state == State.ONLINE else [],
    )


def detail_tag(endpoint: Endpoint) -> str:
    """The version of the page, and the state, for the announcement."""
    return f"{endpoint.version}.{endpoint.state}"


def announcement(endpoint: Endpoint, tag: str) -> str:
    """A sentence for screen readers if the state differs from that in the page with this tag."""
    return endpoint.announcement if tag.partition(".")[2] not in {"", endpoint.state} else ""


def _history_line(event: Event) -> HistoryLine:
    actor = event.actor.name if event.actor else "Azure" if event.evidence.get("status") else "Endpoint Desk"
    state = State(event.state) if event.state else None
    return HistoryLine(event.pk, event.at, state, event.text, actor, _evidence(event.evidence))


def _evidence(evidence: dict[str, Any]) -> dict[str, Any] | None:
    if not evidence:
        return None
    return {**evidence, "headers": list(evidence.get("headers", {}).items())}
