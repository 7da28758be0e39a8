"""Which registered workspaces Azure lets a user read. All others are hidden from that user."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
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
# In SQL, because every poll runs it. A user who reads every workspace takes no joins.
ACCESS = """
    WITH access AS (SELECT workspace_id FROM endpoints_workspaceaccess WHERE user_id = %s AND readable),
    numbers AS (
        SELECT (SELECT COUNT(*) FROM endpoints_workspace) AS registered, (SELECT COUNT(*) FROM access) AS readable
    )
    SELECT
        (SELECT version FROM endpoints_accessread WHERE user_id = %s), registered, readable,
        CASE WHEN readable = registered THEN (SELECT SUM(version) FROM endpoints_workspace)
        ELSE (SELECT SUM(version) FROM access JOIN endpoints_workspace ON id = workspace_id) END,
        CASE WHEN readable = registered THEN (SELECT MIN(complete_at) FROM endpoints_workspaceread)
        ELSE (SELECT MIN(complete_at) FROM access JOIN endpoints_workspaceread USING (workspace_id)) END
    FROM numbers
"""


@dataclass(frozen=True)
class Access:
    """What a user may read, in numbers.

    `version` changes with the set of readable workspaces, and `changes` is the sum of their versions: together they
    show whether anything that the user sees has changed. Every readable workspace was read from Azure at `confirmed_at`
    or later, except those that never were.
    """

    version: int
    registered: int
    readable: int
    changes: int
    confirmed_at: datetime | None

    @property
    def is_complete(self) -> bool:
        """Whether the user reads every registered workspace."""
        return self.readable == self.registered


@dataclass(frozen=True)
class Readable:
    """The workspaces that a user may read; `notice` explains which could not be checked."""

    workspaces: list[Workspace]
    notice: str = ""

    @property
    def ids(self) -> list[UUID]:
        return [workspace.id for workspace in self.workspaces]


def access_of(user: User) -> Access:
    """As last known: call `prepare` first."""
    with connection.cursor() as cursor:
        cursor.execute(ACCESS, [user.pk, user.pk])
        version, registered, readable, changes, confirmed_at = cursor.fetchone()
    if isinstance(confirmed_at, str):  # SQLite has no type for times
        confirmed_at = datetime.fromisoformat(confirmed_at).replace(tzinfo=UTC)
    return Access(version or 0, registered, readable, int(changes or 0), confirmed_at)


def readable_ids(user: User) -> QuerySet[WorkspaceAccess, UUID]:
    """The ids of the workspaces that the user may read, as a subquery: call `prepare` first."""
    return WorkspaceAccess.objects.filter(user=user, readable=True).values_list("workspace_id", flat=True)


def readable_workspaces(user: User) -> Readable:
    notice = prepare(user)
    return Readable(list(Workspace.objects.filter(pk__in=readable_ids(user))), notice)


def prepare(user: User) -> str:
    """Check with Azure the workspaces that were last checked over ten minutes ago; returns a notice for the page."""
    now = timezone.now()
    fresh = WorkspaceAccess.objects.filter(user=user, checked_at__gt=now - ACCESS_TTL)
    stale = list(Workspace.objects.exclude(pk__in=fresh.values("workspace")))
    return _check(user, stale, now) if stale else ""


def endpoint_or_404(user: User, endpoint_id: UUID) -> Endpoint:
    """The endpoint, if it is in a workspace that Azure lets the user read."""
    prepare(user)
    query = Endpoint.objects.select_related("workspace", "owner").filter(workspace__in=readable_ids(user))
    return get_object_or_404(query, pk=endpoint_id)


def endpoint_to(action: Action, request: SignedInRequest, endpoint_id: UUID) -> Endpoint:
    """The endpoint, if the user may see it and do this with it. Raises Http404 or PermissionDenied."""
    endpoint = endpoint_or_404(request.user, endpoint_id)
    if not may(request.user, action, endpoint):
        refuse(actor_of(request), action, endpoint.arm_id)
    return endpoint


def _check(user: User, workspaces: list[Workspace], now: datetime) -> str:
    try:
        arm = reader(user)
    except TokenUnavailable as error:
        WorkspaceAccess.objects.filter(user=user, workspace__in=workspaces).delete()
        return f"{error} Until then, workspaces are hidden."
    with ThreadPoolExecutor(MAX_PARALLEL) as pool:
        results = dict(zip(workspaces, pool.map(lambda workspace: _may_read(arm, workspace), workspaces), strict=True))
    unknown = [workspace for workspace, readable in results.items() if readable is None]
    WorkspaceAccess.objects.filter(user=user, workspace__in=unknown).delete()
    _save(user, results, now)
    notice = (
        f"Some workspaces are hidden: Azure could not check your access to {len(unknown)} of them. "
        "Reload the page to try again."
    )
    return notice if unknown else ""


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
