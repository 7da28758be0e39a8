"""Leases: a worker claims a row for as long as its longest call may take.

A lease is a column of the row. A worker that lost its lease writes nothing, so that another worker can resume the row
of a killed one and no response is ever recorded twice.
"""

import os
import socket
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Window
from django.db.models.functions import Coalesce, RowNumber

from endpoints import clock, history
from endpoints.engine.tokens import poll_identity_key
from endpoints.models import Operation
from endpoints.states import NOT_YET_ACCEPTED, Phase

# The key of the identity that polls, and a workspace: one list can report on all operations of a group.
Group = tuple[str, UUID]

# A call that does not start within this time after its lease was taken is left to the next claim.
START_WITHIN = timedelta(seconds=5)
# Azure answers a read in well under a second; a slower one is repeated.
POLL_READ_TIMEOUT_SECONDS = 20.0
# Reads of one workspace that are due within this time are made together.
TOGETHER_WITHIN = timedelta(seconds=10)
# The columns that a poll reads: loading the rest of three tables would cost as much as the poll.
READ_BY_POLLS = (
    "kind", "requested_by_id", "requested_at", "correlation_id", "phase", "monitor_url", "result_url", "deadline_at",
    "polls", "arm_status", "faults", "unreadable", "confirmations", "absences", "next_step_at", "lease",
    "force_token_refresh",
    "endpoint__name", "endpoint__state", "endpoint__reason",
    "endpoint__workspace__subscription_id", "endpoint__workspace__resource_group", "endpoint__workspace__name",
)  # fmt: skip
GROUP_COLUMNS = ("pk", "requested_by_id", "endpoint__workspace_id")
# How long a read before a request stands. A request that leaves later could hit an endpoint that others made meanwhile.
PROOF_TTL = timedelta(seconds=60)
# The columns of an operation that reads the resource again before it sends its request.
UNPROVED = {"phase": Phase.QUEUED, "absences": 0}
# The columns of a row without a lease.
RELEASED = {"lease": None, "lease_until": None, "lease_owner": ""}


def claim_requests(room: int, share: int, only: UUID | None = None) -> list[Operation]:
    """Claim up to `room` requests that people wait for, in turn.

    A user's turn comes again only after everyone else's, and at most `share` requests of one user are in flight, so
    that one click never waits behind another user's five hundred.
    """
    now = clock.now()
    due = _due(now).filter(phase__in=NOT_YET_ACCEPTED)
    due = due.filter(pk=only) if only else due
    in_flight = (
        Operation.objects.filter(requested_by=OuterRef("requested_by"), lease_until__gt=now, phase__in=NOT_YET_ACCEPTED)
        .order_by()
        .values("requested_by")
        .annotate(number=Count("*"))
        .values("number")
    )
    turn = Window(RowNumber(), partition_by=[F("requested_by")], order_by=F("next_step_at").asc())
    in_turn = due.annotate(turn=turn + Coalesce(Subquery(in_flight), 0)).order_by("turn", "next_step_at")
    ids = [pk for pk, turn in in_turn.values_list("pk", "turn")[:room] if turn <= share]
    if not ids:
        return []  # an idle sweep takes no lock
    claimed = _claim(due.filter(pk__in=ids), now, _lease_until(now, settings.ARM_READ_TIMEOUT_SECONDS))
    proved(claimed).filter(next_step_at__lte=now - PROOF_TTL).update(**UNPROVED)
    return list(claimed)


def claim_polls(room: int, is_listed: Callable[[Group], bool], only: UUID | None = None) -> list[Operation]:
    """Claim up to `room` reads that are due, and those due soon in the same workspaces if these can be listed."""
    now = clock.now()
    due = _due(now).exclude(phase__in=NOT_YET_ACCEPTED).order_by("next_step_at")
    due = due.filter(pk=only) if only else due
    if not due.exists():
        return []  # an idle sweep takes no lock
    with transaction.atomic():
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True, of=("self",))
        found = [(pk, (poll_identity_key(by), at)) for pk, by, at in due.values_list(*GROUP_COLUMNS)[:room]]
        ids = [pk for pk, _ in found]
        if not only:
            ids += _due_soon({group for _, group in found if is_listed(group)}, now)
        rows = Operation.objects.filter(_unleased(now), pk__in=ids, next_step_at__isnull=False)
        claimed = _claim(rows.exclude(phase__in=NOT_YET_ACCEPTED), now, _lease_until(now, poll_read_timeout()))
    return list(claimed.only(*READ_BY_POLLS))


def renew(operations: Sequence[Operation]) -> set[UUID]:
    """Restart the leases of requests; returns the ids of the rows that are still leased to us."""
    now = clock.now()
    mine = still_leased(operations)
    mine.update(lease_until=_lease_until(now, settings.ARM_READ_TIMEOUT_SECONDS))
    return set(mine.values_list("pk", flat=True))


def proved(operations: QuerySet[Operation]) -> QuerySet[Operation]:
    """The operations among these that have read the resource. They are due from the time of the read."""
    return operations.filter(phase=Phase.CLEAR)


def still_leased(operations: Collection[Operation]) -> QuerySet[Operation]:
    """The rows of these operations that still have the lease with which they were claimed."""
    return Operation.objects.filter(pk__in=[one.pk for one in operations], lease__in={one.lease for one in operations})


def reclaim_orphaned_leases() -> int:
    """Release the leases of dead processes on this host, so that a restart need not wait for them to run out.

    Called when a worker starts. In a container a new process can have the process id of the one before.
    """
    leased = Operation.objects.filter(lease__isnull=False)
    dead = dead_owners(leased.values_list("lease_owner", flat=True))
    orphaned = leased.filter(lease_owner__in=dead)
    with transaction.atomic():
        _add_events(orphaned, "Worker restarted; resuming.")
        proved(orphaned).update(**UNPROVED)
        return orphaned.update(**RELEASED, next_step_at=clock.now())


def dead_owners(owners: Iterable[str]) -> list[str]:
    """Those of these owners of leases that are processes of this host and have ended."""
    host, own_pid = lease_owner().rpartition(":")[::2]
    here = {owner for owner in owners if owner.rpartition(":")[0] == host}
    return [owner for owner in here if (pid := owner.rpartition(":")[2]) == own_pid or not _is_alive(int(pid))]


def poll_read_timeout() -> float:
    """Seconds."""
    return float(min(POLL_READ_TIMEOUT_SECONDS, settings.ARM_READ_TIMEOUT_SECONDS))


def _due(now: datetime) -> QuerySet[Operation]:
    return Operation.objects.filter(_unleased(now), next_step_at__lte=now)


def _unleased(now: datetime) -> Q:
    return Q(lease=None) | Q(lease_until__lte=now)


def _lease_until(now: datetime, read_timeout: float) -> datetime:
    """A lease outlasts the longest call, provided that the call starts within START_WITHIN."""
    return now + START_WITHIN + timedelta(seconds=settings.ARM_CONNECT_TIMEOUT_SECONDS + read_timeout)


def _due_soon(groups: set[Group], now: datetime) -> list[UUID]:
    """More operations of these groups, due so soon that the same list can report on them."""
    if not groups:
        return []
    soon = Operation.objects.filter(
        _unleased(now),
        phase=Phase.FOLLOWING,
        has_retry_after=False,
        next_step_at__gt=now,
        next_step_at__lte=now + TOGETHER_WITHIN,
        endpoint__workspace__in={workspace for _, workspace in groups},
    )
    return [pk for pk, by, at in soon.values_list(*GROUP_COLUMNS) if (poll_identity_key(by), at) in groups]


def _claim(rows: QuerySet[Operation], now: datetime, until: datetime) -> QuerySet[Operation]:
    """`rows` repeats the conditions of the choice: another worker may have claimed and advanced some since."""
    lease = uuid4()
    with transaction.atomic():
        _add_events(rows.filter(lease__isnull=False), "Worker stopped responding; resuming with another one.")
        rows.update(lease=lease, lease_until=until, lease_owner=lease_owner())
    return Operation.objects.filter(lease=lease).select_related("endpoint__workspace")


def _add_events(rows: QuerySet[Operation], text: str) -> None:
    history.add_events(rows.values_list("pk", "endpoint_id"), text, clock.now())


def lease_owner() -> str:
    """This process."""
    return f"{socket.gethostname()[:255]}:{os.getpid()}"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
