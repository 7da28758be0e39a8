"""The page of one endpoint: state, failure, sample calls, history and facts."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts import flow, limits
from accounts.actor import actor_of
from accounts.http import SignedInRequest
from accounts.models import User
from accounts.policy import Action, may, require
from endpoints import services
from endpoints.access import endpoint_or_404
from endpoints.checks import check_endpoint
from endpoints.kinds import Kind
from endpoints.models import Endpoint, Event, WorkspaceRead
from endpoints.models.endpoint import Problem
from endpoints.pages.as_json import pretty
from endpoints.pages.drift import Comparison, comparison
from endpoints.pages.facts import FactGroup, facts
from endpoints.pages.failure import Failure, failure
from endpoints.pages.findings import FindingRow, findings_of
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
    check_url: str
    is_being_checked: bool
    confirmed_at: datetime | None
    problem: Problem | None
    drift: Comparison | None
    adopt_url: str
    delete_url: str
    sign_in_url: str
    findings: list[FindingRow]
    samples: list[Sample] = field(default_factory=list)


@require_safe
@require(Action.VIEW_ENDPOINTS)
def detail(request: SignedInRequest, endpoint_id: UUID) -> HttpResponse:
    """The page; for htmx its live part, or 304 if the browser already shows it."""
    endpoint = endpoint_or_404(request.user, endpoint_id)
    tag, confirmed = detail_tag(endpoint), confirmed_at(endpoint)
    response = live_response(
        request,
        "endpoints/detail.html",
        tag,
        context=lambda: {"detail": endpoint_detail(endpoint, request.user)},
        announcement=lambda: announcement(endpoint, shown_tag(request)),
    )
    if confirmed:
        response["X-Confirmed-At"] = confirmed.isoformat()
    return response


@require_POST
@require(Action.VIEW_ENDPOINTS)
def check(request: SignedInRequest, endpoint_id: UUID) -> HttpResponse:
    """Have the endpoint read, then show its page, which polls for the result."""
    endpoint = endpoint_or_404(request.user, endpoint_id)
    try:
        limits.hit(limits.RateLimit.CHECKS, str(request.user.pk), actor_of(request), target=request.path)
    except limits.RateLimited as error:
        messages.warning(request, str(error))
    else:
        check_endpoint(endpoint, request.user)
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
    is_being_checked = endpoint.is_being_checked
    is_busy = endpoint.shown_state.is_working or is_being_checked
    may_create_again = Kind.CREATE in offered and services.may_create_again(endpoint, user)
    create_again_url = f"{reverse('endpoints:create')}?from={endpoint.pk}"
    return EndpointDetail(
        endpoint=endpoint,
        failure=failure(operation),
        facts=facts(endpoint, operation, confirmed_at(endpoint)),
        history=[_history_line(event) for event in endpoint.events.select_related("actor")],
        raw_requested=pretty(endpoint.requested.to_json()),
        raw_observed=pretty(endpoint.observed.to_json()) if endpoint.observed else "",
        tag=detail_tag(endpoint),
        poll_seconds=POLL_WHILE_WORKING_SECONDS if is_busy else POLL_AT_REST_SECONDS,
        create_again_url=create_again_url if may_create_again else "",
        check_url=reverse("endpoints:check", args=[endpoint.pk]),
        is_being_checked=is_being_checked,
        confirmed_at=confirmed_at(endpoint),
        problem=endpoint.unconfirmed,
        drift=comparison(endpoint, user),
        adopt_url=reverse("endpoints:adopt", args=[endpoint.pk]) if may(user, Action.ADOPT_ENDPOINT) else "",
        delete_url=reverse("endpoints:delete", args=[endpoint.pk]) if Kind.DELETE in offered else "",
        sign_in_url=reverse("endpoints:sign_in_again", args=[endpoint.pk]) if waits_for_user else "",
        findings=findings_of(endpoint, user),
        samples=samples(endpoint) if endpoint.shown_state == State.ONLINE else [],
    )


def confirmed_at(endpoint: Endpoint) -> datetime | None:
    """When Azure last confirmed what is shown: about this endpoint, or by a complete list of its workspace."""
    read = WorkspaceRead.objects.filter(workspace=endpoint.workspace_id).first()
    listed_at = read.complete_at if read and endpoint.observed_at and not endpoint.missing_since else None
    return max((at for at in (endpoint.confirmed_at, listed_at) if at), default=None)


def detail_tag(endpoint: Endpoint) -> str:
    """The version of the page, and the state, for the announcement."""
    problem = endpoint.unconfirmed
    since = int(problem.since.timestamp()) if problem else 0
    return f"{endpoint.version}-{since}.{endpoint.state}"


def announcement(endpoint: Endpoint, tag: str) -> str:
    """A sentence for screen readers if the state differs from that in the page with this tag."""
    return endpoint.announcement if tag.partition(".")[2] not in {"", endpoint.state} else ""


def _history_line(event: Event) -> HistoryLine:
    is_azure = event.evidence.get("status") or "read_as" in event.evidence
    actor = event.actor.name if event.actor else "Azure" if is_azure else "Endpoint Desk"
    state = State(event.state) if event.state else None
    return HistoryLine(event.pk, event.at, state, event.text, actor, _evidence(event.evidence))


def _evidence(evidence: dict[str, Any]) -> dict[str, Any] | None:
    """The exchange with Azure; None if there was none, or it was a read of many endpoints."""
    if not evidence or "read_as" in evidence:
        return None
    return {**evidence, "headers": list(evidence.get("headers", {}).items())}
