"""Which registered workspaces Azure lets a user read. All others are hidden from that user."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils import timezone

from accounts.actor import actor_of
from accounts.http import SignedInRequest
from accounts.models import User
from accounts.policy import Action, may, refuse
from accounts.tokens import TokenUnavailable
from endpoints.arm.reads import ArmFailed, ArmReader, ArmRefused
from endpoints.arm.resources import WorkspaceId
from endpoints.arm_clients import reader
from endpoints.models import Endpoint, Workspace, WorkspaceAccess

ACCESS_TTL = timedelta(minutes=10)
MAX_PARALLEL = 8


@dataclass(frozen=True)
class Readable:
    """The workspaces that a user may read; `notice` explains which could not be checked."""

    workspaces: list[Workspace]
    notice: str = ""

    @property
    def ids(self) -> list[UUID]:
        return [workspace.id for workspace in self.workspaces]


def readable_workspaces(user: User) -> Readable:
    """Check with Azure the workspaces that were last checked over ten minutes ago. Hide those that it cannot check."""
    now = timezone.now()
    cached = dict(
        WorkspaceAccess.objects.filter(user=user, checked_at__gt=now - ACCESS_TTL).values_list(
            "workspace_id", "readable"
        )
    )
    workspaces = list(Workspace.objects.all())
    stale = [workspace for workspace in workspaces if workspace.id not in cached]
    notice = ""
    if stale:
        checked, notice = _check(user, stale, now)
        cached |= checked
    return Readable([workspace for workspace in workspaces if cached.get(workspace.id)], notice)


def endpoint_or_404(user: User, endpoint_id: UUID) -> Endpoint:
    """The endpoint, if it is in a workspace that Azure lets the user read."""
    readable = readable_workspaces(user).ids
    query = Endpoint.objects.select_related("workspace", "owner").filter(workspace__in=readable)
    return get_object_or_404(query, pk=endpoint_id)


def endpoint_to(action: Action, request: SignedInRequest, endpoint_id: UUID) -> Endpoint:
    """The endpoint, if the user may see it and do this with it. Raises Http404 or PermissionDenied."""
    endpoint = endpoint_or_404(request.user, endpoint_id)
    if not may(request.user, action, endpoint):
        refuse(actor_of(request), action, endpoint.arm_id)
    return endpoint


def _check(user: User, workspaces: list[Workspace], now: datetime) -> tuple[dict[UUID, bool], str]:
    try:
        arm = reader(user)
    except TokenUnavailable as error:
        return {}, f"{error} Until then, workspaces are hidden."
    with ThreadPoolExecutor(MAX_PARALLEL) as pool:
        results = dict(zip(workspaces, pool.map(lambda workspace: _may_read(arm, workspace), workspaces), strict=True))
    _save(user, results, now)
    unknown = sum(readable is None for readable in results.values())
    notice = (
        f"Some workspaces are hidden: Azure could not check your access to {unknown} of them. "
        "Reload the page to try again."
    )
    return {workspace.id: bool(readable) for workspace, readable in results.items()}, notice if unknown else ""


def _may_read(arm: ArmReader, workspace: Workspace) -> bool | None:
    """Whether Azure lets the user read the workspace; None if that is unknown."""
    try:
        arm.workspace(WorkspaceId.parse(workspace.arm_id))
    except ArmRefused as refusal:
        return False if refusal.error.status in {403, 404} else None
    except ArmFailed:
        return None
    return True


def _save(user: User, results: dict[Workspace, bool | None], now: datetime) -> None:
    rows = [
        WorkspaceAccess(user=user, workspace=workspace, readable=readable, checked_at=now)
        for workspace, readable in results.items()
        if readable is not None
    ]
    WorkspaceAccess.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["user", "workspace"],
        update_fields=["readable", "checked_at"],
    )
