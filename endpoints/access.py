"""Which registered workspaces Azure lets a user read. All others are hidden from that user.

A worker keeps this up to date: `endpoints.fleet.access`. What was known stays until Azure says something else.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts.actor import actor_of
from accounts.http import SignedInRequest
from accounts.models import User
from accounts.policy import Action, may, refuse
from accounts.tokens import TokenUnavailable
from endpoints import clock
from endpoints.access_read import ask, record, without_token
from endpoints.arm_clients import reader
from endpoints.models import AccessRead, Endpoint, Workspace, WorkspaceAccess
from endpoints.wake import wake_access_reader_on_commit

ACCESS_TTL = timedelta(minutes=10)
# The workspaces among a user's that could not be read last.
UNREADABLE = Q(readable=True, workspace__gone_at=None, workspace__read__problem__gt="")
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
        CASE WHEN readable = registered THEN (SELECT MIN(complete_at) FROM endpoints_workspaceread WHERE problem = '')
        ELSE (SELECT MIN(complete_at) FROM access JOIN endpoints_workspaceread USING (workspace_id) WHERE problem = '')
        END
    FROM numbers
"""


@dataclass(frozen=True)
class Access:
    """What a user may read, in numbers.

    `version` changes with the set of readable workspaces, and `changes` is the sum of their versions: together they
    show whether anything that the user sees has changed. Every readable workspace was read from Azure at `confirmed_at`
    or later, except those that cannot be read, or never were.
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
    """The workspaces that a user may read."""

    workspaces: list[Workspace]

    @property
    def ids(self) -> list[UUID]:
        return [workspace.id for workspace in self.workspaces]


class NoticeKind(StrEnum):
    UNREACHABLE = "unreachable"
    UNREADABLE = "unreadable"
    REFUSED = "refused"
    GONE = "gone"
    EMPTY = "empty"


@dataclass(frozen=True)
class Notice:
    """Why a page shows less than a user may expect, and what to do; `url` and `label` are a link to do it."""

    kind: NoticeKind
    text: str
    url: str = ""
    label: str = ""

    @property
    def is_warning(self) -> bool:
        return self.kind in {NoticeKind.UNREACHABLE, NoticeKind.UNREADABLE, NoticeKind.GONE}


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
    prepare(user)
    return Readable(list(Workspace.objects.filter(pk__in=readable_ids(user))))


def prepare(user: User) -> None:
    """Have Azure read again if what is known is old. Only a first read waits for Azure, and not for long."""
    reads = AccessRead.objects.filter(user=user).annotate(has_unknown=Exists(_unknown(user)))
    columns = reads.values_list("complete_at", "due_at", "problem", "has_unknown").first()
    complete_at, due_at, problem, has_unknown = columns or (None, None, "", True)
    is_first = complete_at is None or has_unknown
    if is_first and not problem:
        _read_now(user)
    elif due_at is None and (is_first or complete_at is None or clock.now() - complete_at > ACCESS_TTL):
        make_due(user)


def make_due(user: User) -> None:
    """Have a worker read what the user may see."""
    now = clock.now()
    if not AccessRead.objects.filter(user=user).update(due_at=now):
        AccessRead.objects.get_or_create(user=user, defaults={"due_at": now})
    wake_access_reader_on_commit()


def notices(user: User) -> list[Notice]:
    """As last known: call `prepare` first. One notice of each kind at most, with one query if there is none."""
    mine = WorkspaceAccess.objects.filter(user=user)
    reads = AccessRead.objects.filter(user=user).annotate(
        has_refused=Exists(mine.filter(readable=False)),
        has_unreadable=Exists(mine.filter(UNREADABLE)),
        has_gone=Exists(mine.filter(readable=True, workspace__gone_at__isnull=False)),
        has_workspaces=Exists(Workspace.objects.all()),
    )
    flags = ("has_unreadable", "has_refused", "has_gone", "has_workspaces")
    read = reads.values("problem", "problem_since", "complete_at", *flags).first()
    if read is None:
        return []
    found = [
        _unreachable(read["problem"], read["problem_since"], read["complete_at"]) if read["problem"] else None,
        _unreadable(user) if read["has_unreadable"] else None,
        _refused(user) if read["has_refused"] else None,
        _gone(user) if read["has_gone"] else None,
        None if read["has_workspaces"] else _empty(user),
    ]
    return [notice for notice in found if notice]


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


def _unknown(user: User) -> QuerySet[Workspace]:
    """The workspaces that were registered since the read of the outer query."""
    known = WorkspaceAccess.objects.filter(user=user, workspace=OuterRef("pk"))
    return Workspace.objects.filter(~Exists(known), gone_at=None, registered_at__gte=OuterRef("complete_at"))


def _read_now(user: User) -> None:
    """Use what arrives in time, and leave the rest to a worker."""
    asked = ask(user)
    try:
        with reader(user, within=settings.ARM_PAGE_TIMEOUT_SECONDS) as arm:
            seen = arm.see(asked.question)
    except TokenUnavailable as error:
        seen = without_token(error)
    record(asked, seen, retry_now=True)
    if seen.problem:
        wake_access_reader_on_commit()


def _unreachable(problem: str, since: datetime | None, known_at: datetime | None) -> Notice:
    shown = f"This page shows what was known at {_at(known_at)}. " if known_at else ""
    return Notice(NoticeKind.UNREACHABLE, f"{problem} Since {_at(since)}. {shown}Endpoint Desk keeps trying.")


def _unreadable(user: User) -> Notice | None:
    rows = WorkspaceAccess.objects.filter(UNREADABLE, user=user).order_by("workspace__read__problem_since")
    first = rows.values_list("workspace__read__problem", "workspace__read__problem_since").first()
    if first is None:
        return None
    names = capped(rows.values_list("workspace__name", flat=True))
    text = f"Cannot read {names}: {first[0]} Since {_at(first[1])}. Their endpoints are shown as last read."
    return Notice(NoticeKind.UNREADABLE, text)


def _refused(user: User) -> Notice | None:
    """Names only what the user could read before; those who register workspaces know them all."""
    refused = WorkspaceAccess.objects.filter(user=user, readable=False).order_by("workspace__name")
    named = refused if user.may_register_workspaces else refused.filter(lost_at__isnull=False)
    names = capped(named.values_list("workspace__name", flat=True))
    if not names and not readable_ids(user).exists():
        names = "any registered workspace"
    text = f"Azure does not let you read {names}. An owner in Azure can give you the role Reader or Azure AI Developer."
    return Notice(NoticeKind.REFUSED, text) if names else None


def _gone(user: User) -> Notice | None:
    gone = Workspace.objects.filter(gone_at__isnull=False, pk__in=readable_ids(user)).order_by("name")
    first = gone.first()
    if first is None:
        return None
    number = gone.count()
    names = capped(gone.values_list("name", flat=True))
    since = f" since {_at(first.gone_at)}" if number == 1 else ""
    verb, pronoun = ("exists", "its") if number == 1 else ("exist", "their")
    text = f"Azure says that {names} no longer {verb}{since}, and {pronoun} endpoints went with it."
    if not user.may_unregister_workspaces:
        return Notice(NoticeKind.GONE, f"{text} An Admin can unregister it.")
    url = reverse("endpoints:workspace", args=[first.pk]) if number == 1 else reverse("endpoints:workspaces")
    return Notice(NoticeKind.GONE, text, url, "Unregister it" if number == 1 else "Unregister them")


def _empty(user: User) -> Notice:
    text = "No workspace is registered yet."
    if not user.may_register_workspaces:
        return Notice(NoticeKind.EMPTY, f"{text} An Admin of Endpoint Desk can register one.")
    return Notice(NoticeKind.EMPTY, text, reverse("endpoints:register_workspace"), "Register a workspace")


def capped(names: QuerySet[Any, str]) -> str:
    """The first two names, and how many more there are."""
    first, number = list(names[:3]), names.count()
    if number > 3:
        return f"{first[0]}, {first[1]} and {number - 2} more"
    return " and ".join(filter(None, [", ".join(first[:-1]), *first[-1:]]))


def _at(moment: datetime | None) -> str:
    return f"{moment:%-d %b, %H:%M} UTC" if moment else ""
