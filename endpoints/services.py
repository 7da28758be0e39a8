"""What a person can ask for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.actor import Actor
from accounts.models import User
from endpoints import clock, history
from endpoints.arm.errors import ArmError
from endpoints.arm.operations import Outcome
from endpoints.arm.resources import WorkspaceId, WorkspaceResource
from endpoints.arm_clients import reader
from endpoints.engine.update import FOLLOWED_FOR
from endpoints.kinds import ALLOWED, Kind, Precheck
from endpoints.models import Endpoint, Operation, Workspace
from endpoints.states import NOT_YET_ACCEPTED, Phase, State, Urgency
from endpoints.wake import wake_worker_on_commit


class NameTaken(Exception):
    """The workspace already has an endpoint of this name."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(f"{endpoint.workspace} already has an endpoint named {endpoint.name}. Choose another name.")
        self.endpoint = endpoint


@dataclass(frozen=True)
class EndpointRequest:
    """What a form asks for: `body` is the PUT body as it will be sent."""

    workspace: Workspace
    name: str
    body: dict[str, Any]
    submission_id: UUID

    @property
    def model_id(self) -> str:
        model_id: str = self.body["properties"]["modelSettings"]["modelId"]
        return model_id


def create_endpoint(wanted: EndpointRequest, actor: Actor) -> Endpoint:
    """Queue the creation and return its row; the same submission again returns the same row.

    Raises NameTaken. Nothing is asked of Azure here: the worker is rung when the rows are committed, and finds them
    by itself if it did not hear.
    """
    try:
        with transaction.atomic():
            before = _submitted(wanted.submission_id, actor)
            return before.endpoint if before else _queue(wanted, actor)
    except IntegrityError:
        # The other half of a double click, or another person with the same name, was faster by a moment.
        if before := _submitted(wanted.submission_id, actor):
            return before.endpoint
        raise NameTaken(_endpoint_named(wanted)) from None


class Busy(Exception):
    """Something is running on the endpoint already; Azure does one thing at a time."""

    def __init__(self, endpoint: Endpoint) -> None:
        state = endpoint.shown_state.label.lower()
        super().__init__(f"{endpoint.name} is {state}. Wait until that is over, then ask again.")


class Gone(Busy):
    """Azure does not hold the endpoint any more, so there is nothing to change or delete."""

    def __init__(self, endpoint: Endpoint) -> None:
        Exception.__init__(self, f"{endpoint.name} is deleted. Create it again, or look again at what Azure holds.")


def delete_endpoint(endpoint: Endpoint, submission_id: UUID, actor: Actor) -> Operation:
    """Queue the deletion; the same submission again returns the same operation. Raises Busy, and Gone."""
    return _ask(endpoint, Kind.DELETE, None, submission_id, actor)


def update_endpoint(endpoint: Endpoint, changes: dict[str, Any], submission_id: UUID, actor: Actor) -> Operation:
    """Queue a PATCH of tags, identity or sku, which replaces each of them whole. Raises Busy, and Gone."""
    return _ask(endpoint, Kind.UPDATE, changes, submission_id, actor)


def regenerate_key(endpoint: Endpoint, key_type: str, submission_id: UUID, actor: Actor) -> Operation:
    """Queue a new `Primary` or `Secondary` key, made by Azure and not kept here. Raises Busy, and Gone."""
    return _ask(endpoint, Kind.REGENERATE_KEY, {"keyType": key_type}, submission_id, actor)


def refresh_endpoint(endpoint: Endpoint, submission_id: UUID, actor: Actor) -> Operation:
    """Ask Azure what it holds, and follow what runs there; what was set aside goes on at once instead. Raises Busy."""
    now = clock.now()
    aside = endpoint.operations.filter(settled_at=None, needs_sign_in=False, lease=None)
    operation = aside.first() if endpoint.shown_state == State.UNKNOWN else None
    if operation and aside.update(next_step_at=now):
        wake_worker_on_commit()
        return operation
    return _ask(endpoint, Kind.REFRESH, None, submission_id, actor)


def requestable(endpoint: Endpoint) -> frozenset[Kind]:
    """What may be requested of the endpoint as it is now, by people whom the permission of the kind allows it."""
    allowed = ALLOWED[endpoint.shown_state]
    if endpoint.operations.filter(settled_at=None, needs_sign_in=False).exists():
        # In a state that allows anything, it was set aside after an error: a look takes it up at once.
        return allowed & {Kind.REFRESH}
    return allowed


def resume_parked(user: User) -> None:
    """Let the operations that waited for this person's sign-in go on."""
    now = clock.now()
    parked = Operation.objects.filter(requested_by=user, needs_sign_in=True, settled_at=None)
    for operation in list(parked):
        # What Azure does not work on yet has its time from now on, however long it waited for its person.
        deadline = now + FOLLOWED_FOR if operation.phase in NOT_YET_ACCEPTED else operation.deadline_at
        resumed = parked.filter(pk=operation.pk).update(
            needs_sign_in=False, claims="", next_step_at=now, deadline_at=deadline
        )
        if resumed:
            wake_worker_on_commit()


def register_workspace(arm_id: WorkspaceId, actor: Actor) -> tuple[Workspace, bool]:
    """Register the workspace as ARM describes it to this person; the flag says whether it is new.

    Raises accounts.tokens.TokenUnavailable, and endpoints.arm.reads.ArmFailed with ARM's own words.
    """
    found: WorkspaceResource = reader(actor.signed_in_user, UUID(actor.correlation_id)).workspace(arm_id)
    with transaction.atomic():
        workspace, is_new = Workspace.objects.get_or_create(
            subscription_id__iexact=found.id.subscription_id,
            resource_group__iexact=found.id.resource_group,
            name__iexact=found.id.name,
            defaults={
                "subscription_id": found.id.subscription_id,
                "resource_group": found.id.resource_group,
                "name": found.id.name,
                "location": found.location,
                "registered_by": actor.signed_in_user,
                "registered_at": timezone.now(),
            },
        )
    return workspace, is_new


def _submitted(submission_id: UUID, actor: Actor) -> Operation | None:
    """What the first click of a double click asked for."""
    return (
        Operation.objects.filter(submission_id=submission_id, requested_by=actor.signed_in_user)
        .select_related("endpoint")
        .first()
    )


def _endpoint_named(wanted: EndpointRequest) -> Endpoint:
    return Endpoint.objects.select_related("workspace").get(workspace=wanted.workspace, name__iexact=wanted.name)


def _queue(wanted: EndpointRequest, actor: Actor) -> Endpoint:
    now = clock.now()
    _let_workers_finish(endpoint__workspace=wanted.workspace, endpoint__name__iexact=wanted.name)
    named = Endpoint.objects.filter(workspace=wanted.workspace, name__iexact=wanted.name)
    endpoint = named.select_for_update(no_key=True).first()
    if endpoint and Kind.CREATE not in ALLOWED[endpoint.shown_state]:
        raise NameTaken(endpoint)
    again = endpoint is not None
    endpoint = endpoint or Endpoint(workspace=wanted.workspace, created_at=now)
    if endpoint.state == State.DELETED:
        # What Azure holds under this name now is not ours, and what it held is no more.
        endpoint.sent_at = endpoint.observed = endpoint.observed_at = None
    endpoint.name, endpoint.owner = wanted.name, actor.signed_in_user
    endpoint.requested, endpoint.model_id = wanted.body, wanted.model_id
    endpoint.confirmed_at, endpoint.inference_uri = None, ""
    _show(endpoint, State.QUEUED, "", now)
    text = "Asked for again." if again else Kind.CREATE.spec.requested_text
    _add(endpoint, Kind.CREATE, wanted.body, text, wanted.submission_id, actor, now)
    return endpoint


def _ask(
    endpoint: Endpoint,
    kind: Kind,
    body: dict[str, Any] | None,
    submission_id: UUID,
    actor: Actor,
) -> Operation:
    """Queue an operation on an endpoint on which nothing runs."""
    now = clock.now()
    try:
        with transaction.atomic():
            if before := _submitted(submission_id, actor):
                return before
            _let_workers_finish(endpoint=endpoint)
            locked = Endpoint.objects.select_for_update(of=("self",), no_key=True)
            endpoint = locked.select_related("workspace").get(pk=endpoint.pk)
            if kind not in ALLOWED[endpoint.shown_state]:
                raise Gone(endpoint) if endpoint.state == State.DELETED else Busy(endpoint)
            if kind.spec.replaces_parked:
                _withdraw_parked(endpoint, actor.signed_in_user, now)
            _show(endpoint, kind.spec.queued_state, kind.spec.queued_reason, now)
            return _add(endpoint, kind, body, kind.spec.requested_text, submission_id, actor, now)
    except IntegrityError:
        if before := _submitted(submission_id, actor):
            return before
        raise Busy(Endpoint.objects.get(pk=endpoint.pk)) from None


def _withdraw_parked(endpoint: Endpoint, user: User, now: datetime) -> None:
    """End what waits for a sign-in, which may never come: somebody who may act here goes before it."""
    parked = endpoint.operations.filter(settled_at=None, needs_sign_in=True, lease=None).select_related("requested_by")
    for operation in parked:
        message = f"It waited for {operation.requested_by.name} to sign in, and {user.name} asked for something else."
        error = ArmError("Withdrawn", message, 0, {})
        parked.filter(pk=operation.pk).update(
            phase=Phase.SETTLED,
            settled_at=now,
            outcome=Outcome.ERROR,
            error=error.as_json(),
            needs_sign_in=False,
            claims="",
            monitor_url="",
            result_url="",
        )
        history.add_event(operation, message, now, actor=user)
        history.close_audit_entry(operation, Outcome.ERROR, message)


def _let_workers_finish(**endpoint: Any) -> None:
    """Lock what runs on the endpoint before the endpoint itself, in the order in which workers record."""
    running = Operation.objects.filter(settled_at=None, **endpoint)
    running.select_for_update(of=("self",), no_key=True).first()


def _show(endpoint: Endpoint, state: State, reason: str, now: datetime) -> None:
    endpoint.state, endpoint.reason, endpoint.urgency = state, reason, Urgency.WORKING
    endpoint.state_since = endpoint.changed_at = now
    endpoint.version += 1
    endpoint.save()


def _add(
    endpoint: Endpoint,
    kind: Kind,
    body: dict[str, Any] | None,
    text: str,
    submission_id: UUID,
    actor: Actor,
    now: datetime,
) -> Operation:
    """The operation, its line of history and of the audit log, and the bell. Raises IntegrityError when one runs."""
    precheck = kind.spec.precheck
    looks_first = precheck is Precheck.ALWAYS or (precheck is Precheck.UNLESS_OURS and not endpoint.is_ours)
    operation = Operation.objects.create(
        endpoint=endpoint,
        kind=kind,
        phase=Phase.QUEUED if looks_first else Phase.CLEAR,
        submission_id=submission_id,
        requested_by=actor.signed_in_user,
        requested_at=now,
        body=body,
        next_step_at=now,
        correlation_id=UUID(actor.correlation_id),
    )
    history.add_event(operation, text, now, actor=actor.user, state=endpoint.state)
    history.open_audit_entry(operation, actor)
    wake_worker_on_commit()
    return operation
