"""Which of the registered workspaces Azure lets a person read. The others do not exist for them."""

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
    """The workspaces a person may see; `notice` says in a sentence what could not be asked."""

    workspaces: list[Workspace]
    notice: str = ""

    @property
    def ids(self) -> list[UUID]:
        return [workspace.id for workspace in self.workspaces]


def readable_workspaces(user: User) -> Readable:
    """Ask Azure where the last answer is older than ten minutes; what it does not answer for stays hidden."""
    now = timezone.now()
    known = dict(
        WorkspaceAccess.objects.filter(user=user, checked_at__gt=now - ACCESS_TTL).values_list(
            "workspace_id", "readable"
        )
    )
    workspaces = list(Workspace.objects.all())
    stale = [workspace for workspace in workspaces if workspace.id not in known]
    notice = ""
    if stale:
        answers, notice = _ask(user, stale, now)
        known |= answers
    return Readable([workspace for workspace in workspaces if known.get(workspace.id)], notice)


def endpoint_or_404(user: User, endpoint_id: UUID) -> Endpoint:
    """The endpoint, if it is in a workspace that Azure lets this person read."""
    readable = readable_workspaces(user).ids
    query = Endpoint.objects.select_related("workspace", "owner").filter(workspace__in=readable)
    return get_object_or_404(query, pk=endpoint_id)


def endpoint_to(action: Action, request: SignedInRequest, endpoint_id: UUID) -> Endpoint:
    """The endpoint, if this person may see it and do this with it. Raises Http404 or PermissionDenied."""
    endpoint = endpoint_or_404(request.user, endpoint_id)
    if not may(request.user, action, endpoint):
        refuse(actor_of(request), action, endpoint.arm_id)
    return endpoint


def _ask(user: User, workspaces: list[Workspace], now: datetime) -> tuple[dict[UUID, bool], str]:
    try:
        arm = reader(user)
    except TokenUnavailable as error:
        return {}, f"{error} Until then workspaces are hidden."
    with ThreadPoolExecutor(MAX_PARALLEL) as pool:
        answers = dict(zip(workspaces, pool.map(lambda workspace: _may_read(arm, workspace), workspaces), strict=True))
    _remember(user, answers, now)
    unanswered = sum(answer is None for answer in answers.values())
    notice = f"Azure did not say whether you may see {unanswered} of the workspaces; they are hidden until it does."
    return {workspace.id: bool(answer) for workspace, answer in answers.items()}, notice if unanswered else ""


def _may_read(arm: ArmReader, workspace: Workspace) -> bool | None:
    """Azure's answer; None when there was none that says yes or no."""
    try:
        arm.workspace(WorkspaceId.parse(workspace.arm_id))
    except ArmRefused as refused:
        return False if refused.error.status in {403, 404} else None
    except ArmFailed:
        return None
    return True


def _remember(user: User, answers: dict[Workspace, bool | None], now: datetime) -> None:
    rows = [
        WorkspaceAccess(user=user, workspace=workspace, readable=answer, checked_at=now)
        for workspace, answer in answers.items()
        if answer is not None
    ]
    WorkspaceAccess.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["user", "workspace"],
        update_fields=["readable", "checked_at"],
    )
