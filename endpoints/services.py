"""What a person can ask for."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit
from accounts.models import User
from endpoints.arm.resources import WorkspaceId, WorkspaceResource
from endpoints.azure import reader
from endpoints.models import Endpoint, Event, Operation, Workspace
from endpoints.states import State, Urgency
from endpoints.tasks import ring_on_commit

# States in which nothing runs and nothing works, so that the name may be asked for again.
MAY_BE_TRIED_AGAIN = {State.FAILED, State.UNKNOWN, State.DELETED}


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


def create_endpoint(asked: EndpointRequest, user: User, request: HttpRequest) -> Endpoint:
    """Queue the creation and return its row; the same submission again returns the same row.

    Raises NameTaken. Nothing is asked of Azure here: the worker is rung when the rows are committed, and finds them
    by itself if it did not hear.
    """
    try:
        with transaction.atomic():
            return _submitted(asked, user) or _queue(asked, user, request)
    except IntegrityError:
        # The other half of a double click, or another person with the same name, was faster by a moment.
        if endpoint := _submitted(asked, user):
            return endpoint
        raise NameTaken(_endpoint_named(asked)) from None


def may_be_tried_again(endpoint: Endpoint) -> bool:
    return State(endpoint.state) in MAY_BE_TRIED_AGAIN


def resume_parked(user: User) -> None:
    """Let the operations that waited for this person's sign-in go on."""
    now = timezone.now()
    parked = Operation.objects.filter(asked_by=user, needs_sign_in=True, settled_at=None)
    for operation in list(parked):
        resumed = parked.filter(pk=operation.pk).update(needs_sign_in=False, claims="", next_step_at=now)
        if resumed:
            ring_on_commit()


def register_workspace(arm_id: WorkspaceId, user: User, request: HttpRequest) -> tuple[Workspace, bool]:
    """Register the workspace as ARM describes it to this person; the flag says whether it is new.

    Raises accounts.tokens.TokenUnavailable, and endpoints.arm.reads.ArmFailed with ARM's own words.
    """
    found: WorkspaceResource = reader(user, UUID(request.correlation_id)).workspace(arm_id)  # type: ignore[attr-defined]
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
                "registered_by": user,
                "registered_at": timezone.now(),
            },
        )
        if is_new:
            audit.record("workspace-registered", request=request, actor=user, target=workspace.arm_id)
    return workspace, is_new


def _submitted(asked: EndpointRequest, user: User) -> Endpoint | None:
    operation = Operation.objects.filter(submission_id=asked.submission_id, asked_by=user).first()
    return operation.endpoint if operation else None


def _endpoint_named(asked: EndpointRequest) -> Endpoint:
    return Endpoint.objects.select_related("workspace").get(workspace=asked.workspace, name__iexact=asked.name)


def _queue(asked: EndpointRequest, user: User, request: HttpRequest) -> Endpoint:
    now = timezone.now()
    endpoint = Endpoint.objects.filter(workspace=asked.workspace, name__iexact=asked.name).select_for_update().first()
    if endpoint and not may_be_tried_again(endpoint):
        raise NameTaken(endpoint)
    again = endpoint is not None
    endpoint = endpoint or Endpoint(workspace=asked.workspace, created_at=now)
    endpoint.name, endpoint.owner = asked.name, user
    endpoint.asked, endpoint.model_id = asked.body, asked.model_id
    endpoint.state, endpoint.reason, endpoint.urgency = State.QUEUED, "", Urgency.WORKING
    endpoint.state_since = endpoint.changed_at = now
    endpoint.confirmed_at, endpoint.inference_uri = None, ""
    endpoint.version += 1
    endpoint.save()
    operation = Operation.objects.create(
        endpoint=endpoint,
        kind=Operation.Kind.CREATE,
        submission_id=asked.submission_id,
        asked_by=user,
        asked_at=now,
        body=asked.body,
        next_step_at=now,
        correlation_id=request.correlation_id,  # type: ignore[attr-defined]
    )
    text = "Asked for again." if again else "Asked for."
    Event.objects.create(endpoint=endpoint, operation=operation, at=now, actor=user, state=State.QUEUED, text=text)
    audit.record(
        "endpoint-created",
        request=request,
        actor=user,
        target=endpoint.arm_id,
        outcome="attempted",
        correlation_id=str(operation.correlation_id),
    )
    ring_on_commit()
    return endpoint
