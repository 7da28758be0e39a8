"""Register workspaces, and unregister them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from accounts import audit
from accounts.actor import Actor
from accounts.tokens import TokenUnavailable
from endpoints import clock
from endpoints.arm.resources import WorkspaceId, WorkspaceResource, key_of
from endpoints.arm.visibility import Single, Trouble, Verdict
from endpoints.arm_clients import reader
from endpoints.models import (
    AccessRead,
    Endpoint,
    Event,
    Operation,
    VisibleWorkspace,
    Workspace,
    WorkspaceAccess,
    WorkspaceRead,
)
from endpoints.wake import wake_access_reader_on_commit, wake_reader_on_commit

# How long a registration waits for Azure.
WITHIN_SECONDS = 3.0
# Users who were here within this time see a new workspace soon.
ACTIVE_WITHIN = timedelta(hours=1)
ENDPOINTS_PER_ENTRY = 100


class Running(Exception):
    """An operation is running in the workspace."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(f"An operation is running in {workspace}. Wait until it ends, then try again.")


@dataclass(frozen=True)
class Registration:
    """What became of a request to register a workspace: `workspace`, or why there is none."""

    id: WorkspaceId
    workspace: Workspace | None = None
    is_new: bool = False
    problem: str = ""


def register_workspaces(ids: Iterable[WorkspaceId], actor: Actor) -> list[Registration]:
    """Register the workspaces that Azure shows to this user. Each has audit entries of its own, and fails alone."""
    wanted = {one.key: one for one in ids}
    for one in wanted.values():
        _audit(one, actor, "attempted")
    known = _known(wanted, actor)
    answers = _read([one for key, one in wanted.items() if key not in known], actor)
    registrations = []
    for key, one in wanted.items():
        resource = known.get(key) or answers[one].resource
        registration = _register(one, resource, actor) if resource else Registration(one, problem=answers[one].text)
        outcome, details = ("failed", {"reason": registration.problem}) if registration.problem else ("done", None)
        _audit(one, actor, outcome, details)
        registrations.append(registration)
    return registrations


def unregister_workspace(workspace: Workspace, actor: Actor) -> None:
    """Delete what is known about the workspace, and keep it in the audit log. Nothing changes in Azure. Raises Running.

    Rows are locked in the order in which workers lock them: the workspace comes last.
    """
    with transaction.atomic():
        unsettled = Operation.objects.filter(endpoint__workspace=workspace, settled_at=None)
        list(unsettled.select_for_update(of=("self",)).order_by("pk"))
        list(WorkspaceRead.objects.select_for_update().filter(pk=workspace.pk).values_list("pk"))
        endpoints = Endpoint.objects.select_for_update().filter(workspace=workspace)
        list(endpoints.order_by("name", "pk").values_list("pk"))
        # With this lock no endpoint is added.
        if not Workspace.objects.select_for_update().filter(pk=workspace.pk).exists():
            return
        if unsettled.filter(Q(next_step_at__isnull=False) | Q(lease__isnull=False), needs_sign_in=False).exists():
            raise Running(workspace)
        _audit_what_was_known(workspace, actor)
        Event.objects.filter(endpoint__workspace=workspace).delete()
        Operation.objects.filter(endpoint__workspace=workspace).delete()
        Endpoint.objects.filter(workspace=workspace).delete()
        workspace.delete()


def _known(wanted: dict[str, WorkspaceId], actor: Actor) -> dict[str, WorkspaceResource]:
    """Those of the wanted workspaces that Azure listed for this user."""
    rows = VisibleWorkspace.objects.filter(user=actor.signed_in_user, key__in=wanted)
    found = {}
    for row in rows:
        identity = WorkspaceId(row.subscription_id, row.resource_group, row.name)
        if identity.key == row.key:
            found[row.key] = WorkspaceResource(str(identity), row.name, row.location, identity)
    return found


def _read(ids: list[WorkspaceId], actor: Actor) -> dict[WorkspaceId, Single]:
    late = {one: Single(Verdict.UNKNOWN, Trouble.DOWN) for one in ids}
    if not ids:
        return late
    correlation_id = UUID(actor.correlation_id)
    try:
        with reader(actor.signed_in_user, within=WITHIN_SECONDS, correlation_id=correlation_id) as arm:
            return late | arm.workspaces(ids)
    except TokenUnavailable as error:
        return {one: Single(Verdict.UNKNOWN, str(error)) for one in ids}


def _register(requested: WorkspaceId, resource: WorkspaceResource, actor: Actor) -> Registration:
    """Under the id that Azure gave, which has Azure's case."""
    identity, user, now = resource.id or requested, actor.signed_in_user, clock.now()
    with transaction.atomic():
        workspace = _registered(identity)
        is_new = workspace is None
        if workspace is None:
            workspace, is_new = Workspace.objects.get_or_create(
                subscription_id=identity.subscription_id,
                resource_group=identity.resource_group,
                name=identity.name,
                defaults={"location": resource.location[:90], "registered_by": user, "registered_at": now},
            )
        WorkspaceRead.objects.get_or_create(workspace=workspace, defaults={"due_at": now, "wanted_at": now})
        WorkspaceAccess.objects.update_or_create(
            user=user, workspace=workspace, defaults={"readable": True, "checked_at": now}
        )
        AccessRead.objects.filter(user=user).update(version=F("version") + 1)
        if is_new:
            AccessRead.objects.filter(complete_at__gt=now - ACTIVE_WITHIN).update(due_at=now)
            wake_reader_on_commit()
            wake_access_reader_on_commit()
    return Registration(requested, workspace, is_new)


def _registered(identity: WorkspaceId) -> Workspace | None:
    """Compared here, since databases disagree about the case of letters beyond ASCII."""
    named = Workspace.objects.filter(subscription_id__iexact=identity.subscription_id, name__iexact=identity.name)
    return next((one for one in named if key_of(one.arm_id) == identity.key), None)


def _audit(workspace: WorkspaceId, actor: Actor, outcome: str, details: dict[str, Any] | None = None) -> None:
    audit.record(
        "workspace-registered",
        actor,
        target=str(workspace),
        outcome=outcome,
        details=details,
        correlation_id=actor.correlation_id,
    )


def _audit_what_was_known(workspace: Workspace, actor: Actor) -> None:
    """One entry, or several if it holds many endpoints."""
    columns = ("name", "state", "model_id", "owner__username", "inference_uri")
    rows = Endpoint.objects.filter(workspace=workspace).order_by("name").values_list(*columns)
    endpoints = [dict(zip(("name", "state", "model", "owner", "uri"), row, strict=True)) for row in rows]
    parts = [
        endpoints[first : first + ENDPOINTS_PER_ENTRY] for first in range(0, len(endpoints), ENDPOINTS_PER_ENTRY)
    ] or [[]]
    for number, part in enumerate(parts, 1):
        details = {"location": workspace.location, "endpoints": part, "part": f"{number} of {len(parts)}"}
        audit.record("workspace-unregistered", actor, target=workspace.arm_id, details=details)
