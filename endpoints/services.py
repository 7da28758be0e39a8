"""The requests of users. Everything that an `Actor` causes in Azure starts here."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from accounts.actor import Actor
from accounts.models import User
from accounts.policy import Action, may
from endpoints import clock, history
from endpoints.arm.json_fields import JsonObject
from endpoints.arm.operations import DEFAULT_OPERATION_TIMEOUT
from endpoints.arm.serverless_endpoint import EndpointUpdate, RegenerateKeyRequest, ServerlessEndpoint
from endpoints.kinds import ALLOWED, Kind
from endpoints.models import Endpoint, Operation, Workspace
from endpoints.parking import end_parked
from endpoints.states import NOT_YET_ACCEPTED, Phase, State, Urgency
from endpoints.versions import bump
from endpoints.wake import wake_worker_on_commit


class NameTaken(Exception):
    """The workspace already has an endpoint of this name."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(f"{endpoint.workspace} already has an endpoint named {endpoint.name}. Choose another name.")
        self.endpoint = endpoint


class NotYours(NameTaken):
    """The name is that of an endpoint that this user may not change."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint)
        name, owner = endpoint.name, endpoint.owner
        if owner:
            text = f"{name} belongs to {owner.name}. Only {owner.name} or an Admin can create it again."
        else:
            text = f"{name} was not created here. Only an Admin can create it again."
        self.args = (f"{text} Choose another name.",)


class Busy(Exception):
    """An operation is running on the endpoint; Azure takes one at a time."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(f"{endpoint.announcement} Wait until the operation ends, then try again.")


class Gone(Busy):
    """The endpoint no longer exists in Azure, so there is nothing to change or delete."""

    def __init__(self, endpoint: Endpoint) -> None:
        Exception.__init__(self, f"{endpoint.name} is deleted. Create it again, or choose Check now.")


@dataclass(frozen=True)
class NewEndpoint:
    """`resource` is the PUT body as it will be sent."""

    workspace: Workspace
    name: str
    resource: ServerlessEndpoint
    submission_id: UUID


def create_endpoint(new: NewEndpoint, actor: Actor) -> Endpoint:
    """Queue the creation and return its row; the same submission again returns the same row.

    Raises NameTaken. Sends nothing to Azure: a worker is woken once the rows are committed, and the next sweep finds
    them if the message is lost.
    """
    try:
        with transaction.atomic():
            before = _submitted(new.submission_id, actor)
            return before.endpoint if before else _queue(new, actor)
    except IntegrityError:
        # The second request of a double click, or another user with the same name, won the race.
        if before := _submitted(new.submission_id, actor):
            return before.endpoint
        named = Endpoint.objects.select_related("workspace")
        raise NameTaken(named.get(workspace=new.workspace, name__iexact=new.name)) from None


def delete_endpoint(endpoint: Endpoint, submission_id: UUID, actor: Actor) -> Operation:
    """Queue the deletion; the same submission again returns the same operation. Raises Busy and Gone."""
    return _request(endpoint, Kind.DELETE, None, submission_id, actor)


def update_endpoint(endpoint: Endpoint, changes: EndpointUpdate, submission_id: UUID, actor: Actor) -> Operation:
    """Queue a PATCH, which replaces each of its parts as a whole. Raises Busy and Gone."""
    return _request(endpoint, Kind.UPDATE, changes.to_json(), submission_id, actor)


def regenerate_key(endpoint: Endpoint, key_type: str, submission_id: UUID, actor: Actor) -> Operation:
    """Queue a new `Primary` or `Secondary` key, which Azure makes and nothing here stores. Raises Busy and Gone."""
    body = RegenerateKeyRequest(key_type=key_type).to_json()
    return _request(endpoint, Kind.REGENERATE_KEY, body, submission_id, actor)


def may_create_again(endpoint: Endpoint, user: User) -> bool:
    """Whether the user may create under the name of this row: of one that is deleted, or that the user may change."""
    return endpoint.state == State.DELETED or may(user, Action.UPDATE_ENDPOINT, endpoint)


def requestable(endpoint: Endpoint) -> frozenset[Kind]:
    """The kinds of operation that the endpoint allows now. The kind's permission decides for whom."""
    is_running = endpoint.operations.filter(settled_at=None, needs_sign_in=False).exists()
    return frozenset() if is_running else ALLOWED[endpoint.shown_state]


def resume_parked(user: User) -> None:
    """Resume the operations that waited for this user's sign-in."""
    now = clock.now()
    parked = Operation.objects.filter(requested_by=user, needs_sign_in=True, settled_at=None)
    for operation in list(parked):
        # A request that Azure has not accepted gets its full time from now on, however long it was parked.
        is_new = operation.phase in NOT_YET_ACCEPTED
        deadline = now + DEFAULT_OPERATION_TIMEOUT if is_new else operation.deadline_at
        resumed = parked.filter(pk=operation.pk).update(
            needs_sign_in=False, claims="", next_step_at=now, deadline_at=deadline
        )
        if resumed:
            wake_worker_on_commit()


def _submitted(submission_id: UUID, actor: Actor) -> Operation | None:
    """The operation of the first request of a double click."""
    mine = Operation.objects.filter(submission_id=submission_id, requested_by=actor.signed_in_user)
    return mine.select_related("endpoint").first()


def _queue(new: NewEndpoint, actor: Actor) -> Endpoint:
    now = clock.now()
    _lock_running(endpoint__workspace=new.workspace, endpoint__name__iexact=new.name)
    named = Endpoint.objects.filter(workspace=new.workspace, name__iexact=new.name)
    endpoint = named.select_for_update(no_key=True).first()
    if endpoint and Kind.CREATE not in ALLOWED[endpoint.shown_state]:
        raise NameTaken(endpoint)
    text = "Creation requested again." if endpoint else Kind.CREATE.spec.requested_text
    if not endpoint:
        endpoint = Endpoint(workspace=new.workspace, created_at=now, owner=actor.signed_in_user)
    elif endpoint.state == State.DELETED:
        _start_again(endpoint, actor.signed_in_user)
    elif not may(actor.signed_in_user, Action.UPDATE_ENDPOINT, endpoint):
        raise NotYours(endpoint)
    endpoint.name, endpoint.requested, endpoint.model_id = new.name, new.resource, new.resource.model_id
    endpoint.confirmed_at, endpoint.inference_uri = None, ""
    _set_state(endpoint, State.QUEUED, "", now)
    _add_operation(endpoint, Kind.CREATE, new.resource.to_json(), text, new.submission_id, actor, now)
    return endpoint


def _start_again(endpoint: Endpoint, owner: User) -> None:
    """Forget the deleted endpoint: whatever Azure holds under its name now is not ours."""
    endpoint.owner = owner
    endpoint.sent_at = endpoint.observed = endpoint.observed_at = endpoint.missing_since = None
    endpoint.drift = endpoint.drift_since = endpoint.problem_since = None
    endpoint.observed_hash = endpoint.listed_as = endpoint.problem = ""


def _request(endpoint: Endpoint, kind: Kind, body: JsonObject | None, submission_id: UUID, actor: Actor) -> Operation:
    """Queue an operation on an endpoint on which nothing is running."""
    now = clock.now()
    try:
        with transaction.atomic():
            if before := _submitted(submission_id, actor):
                return before
            _lock_running(endpoint=endpoint)
            locked = Endpoint.objects.select_for_update(of=("self",), no_key=True)
            endpoint = locked.select_related("workspace").get(pk=endpoint.pk)
            if kind not in ALLOWED[endpoint.shown_state]:
                raise Gone(endpoint) if endpoint.state == State.DELETED else Busy(endpoint)
            if kind.spec.replaces_parked:
                _withdraw_parked(endpoint, actor.signed_in_user, now)
            _set_state(endpoint, kind.spec.queued_state, "", now)
            return _add_operation(endpoint, kind, body, kind.spec.requested_text, submission_id, actor, now)
    except IntegrityError:
        if before := _submitted(submission_id, actor):
            return before
        raise Busy(Endpoint.objects.get(pk=endpoint.pk)) from None


def _withdraw_parked(endpoint: Endpoint, user: User, now: datetime) -> None:
    def reason(operation: Operation) -> str:
        return f"It waited for {operation.requested_by.name} to sign in, until {user.name} made another request."

    end_parked(endpoint, "Withdrawn", reason, now, actor=user)


def _lock_running(**endpoint: Any) -> None:
    """Lock the running operation before its endpoint, in the order in which workers record."""
    running = Operation.objects.filter(settled_at=None, **endpoint)
    running.select_for_update(of=("self",), no_key=True).first()


def _set_state(endpoint: Endpoint, state: State, reason: str, now: datetime) -> None:
    endpoint.state, endpoint.reason, endpoint.urgency = state, reason, Urgency.WORKING
    endpoint.state_since = endpoint.changed_at = now
    endpoint.version += 1
    endpoint.save()


def _add_operation(
    endpoint: Endpoint,
    kind: Kind,
    body: JsonObject | None,
    text: str,
    submission_id: UUID,
    actor: Actor,
    now: datetime,
) -> Operation:
    """Add the operation with its event and audit entry, and wake a worker. Raises IntegrityError if one is running."""
    operation = Operation.objects.create(
        endpoint=endpoint,
        kind=kind,
        phase=Phase.QUEUED,
        submission_id=submission_id,
        requested_by=actor.signed_in_user,
        requested_at=now,
        body=body,
        next_step_at=now,
        correlation_id=UUID(actor.correlation_id),
    )
    history.add_event(operation, text, now, actor=actor.user, state=endpoint.state)
    history.open_audit_entry(operation, actor)
    bump(endpoint.workspace_id)
    wake_worker_on_commit()
    return operation
