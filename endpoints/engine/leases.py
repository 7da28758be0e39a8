"""Who works on an operation: rows are leased to one worker for as long as its max_length call may take.

A lease is a column of the row. Whoever holds it may write, and a worker that lost it writes nothing, so a row of a
killed worker is taken up again and never recorded twice.
"""

import os
import socket
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Window
from django.db.models.functions import Coalesce, RowNumber

from endpoints import clock, history
from endpoints.engine.tokens import poll_identity_key
from endpoints.models import Operation
from endpoints.states import NOT_YET_ACCEPTED, Phase

# In whose name, and which workspace: what one list can tell about.
Group = tuple[str, UUID]

# A call that could not begin in this time after its lease was taken is left to the next claim.
START_WITHIN: Final = timedelta(seconds=5)
# Azure answers a read in well under a second; one that takes longer is repeated.
POLL_READ_TIMEOUT_SECONDS: Final = 20.0
# Reads of one workspace that are due within this time are done together.
TOGETHER_WITHIN: Final = timedelta(seconds=10)
# What a poll looks at: the other half of three tables would cost as much as the poll.
READ_BY_POLLS: Final = (
    "kind", "requested_by_id", "requested_at", "correlation_id", "phase", "monitor_url", "result_url", "deadline_at",
    "polls", "arm_status", "faults", "unreadable", "confirmations", "next_step_at", "lease", "force_token_refresh",
    "endpoint__name", "endpoint__state", "endpoint__reason",
    "endpoint__workspace__subscription_id", "endpoint__workspace__resource_group", "endpoint__workspace__name",
)  # fmt: skip
WHERE_FROM: Final = ("pk", "requested_by_id", "endpoint__workspace_id")
# What gives a row back.
RELEASED: Final = {"lease": None, "lease_until": None, "lease_owner": ""}


def claim_starts(room: int, share: int, only: UUID | None = None) -> list[Operation]:
    """Lease up to `room` of the requests that people wait for, in turn.

    Nobody's turn comes again while others have had fewer, and nobody has more than `share` of them under way at once,
    so that no click waits behind somebody's five hundred.
    """
    now = clock.now()
    due = _due(now).filter(phase__in=NOT_YET_ACCEPTED)
    due = due.filter(pk=only) if only else due
    under_way = (
        Operation.objects.filter(requested_by=OuterRef("requested_by"), lease_until__gt=now, phase__in=NOT_YET_ACCEPTED)
        .order_by()
        .values("requested_by")
        .annotate(number=Count("*"))
        .values("number")
    )
    turn = Window(RowNumber(), partition_by=[F("requested_by")], order_by=F("next_step_at").asc())
    in_turn = due.annotate(turn=turn + Coalesce(Subquery(under_way), 0)).order_by("turn", "next_step_at")
    ids = [pk for pk, turn in in_turn.values_list("pk", "turn")[:room] if turn <= share]
    if not ids:
        return []  # an idle sweep takes no lock
    return list(_lease(due.filter(pk__in=ids), now, _lease_until(now, settings.ARM_READ_TIMEOUT_SECONDS)))


def claim_polls(room: int, is_listed: Callable[[Group], bool], only: UUID | None = None) -> list[Operation]:
    """Lease up to `room` of the reads that are due, with those due soon in the same workspaces if these are listed."""
    now = clock.now()
    due = _due(now).exclude(phase__in=NOT_YET_ACCEPTED).order_by("next_step_at")
    due = due.filter(pk=only) if only else due
    if not due.exists():
        return []  # an idle sweep takes no lock
    with transaction.atomic():
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True, of=("self",))
        found = [(pk, (poll_identity_key(by), at)) for pk, by, at in due.values_list(*WHERE_FROM)[:room]]
        ids = [pk for pk, _ in found]
        if not only:
            ids += _due_soon({group for _, group in found if is_listed(group)}, now)
        rows = Operation.objects.filter(_free(now), pk__in=ids, next_step_at__isnull=False)
        claimed = _lease(rows.exclude(phase__in=NOT_YET_ACCEPTED), now, _lease_until(now, poll_read_timeout()))
    return list(claimed.only(*READ_BY_POLLS))


def renew(operations: Sequence[Operation]) -> set[UUID]:
    """Begin the leases of starts anew, and return which of them are still ours."""
    now = clock.now()
    mine = still_leased(operations)
    mine.update(lease_until=_lease_until(now, settings.ARM_READ_TIMEOUT_SECONDS))
    return set(mine.values_list("pk", flat=True))


def still_leased(operations: Collection[Operation]) -> QuerySet[Operation]:
    """Those of these rows whose lease is still the one they were claimed with."""
    return Operation.objects.filter(pk__in=[one.pk for one in operations], lease__in={one.lease for one in operations})


def reclaim_orphaned_leases() -> int:
    """Free what processes of this machine held that are no more, so that it need not wait for its lease to end.

    Called when a worker starts. Its own process id can have been that of one before it, as in a container.
    """
    host, mine = _owner().rpartition(":")[::2]
    leased = Operation.objects.filter(lease__isnull=False, lease_owner__startswith=f"{host}:")
    owners = set(leased.values_list("lease_owner", flat=True))
    dead = [owner for owner in owners if (pid := owner.rpartition(":")[2]) == mine or not _is_alive(int(pid))]
    left = leased.filter(lease_owner__in=dead)
    with transaction.atomic():
        _add_events(left, "The worker that held it has ended; it is taken up again.")
        return left.update(**RELEASED, next_step_at=clock.now())


def poll_read_timeout() -> float:
    """Seconds."""
    return float(min(POLL_READ_TIMEOUT_SECONDS, settings.ARM_READ_TIMEOUT_SECONDS))


def _due(now: datetime) -> QuerySet[Operation]:
    return Operation.objects.filter(_free(now), next_step_at__lte=now)


def _free(now: datetime) -> Q:
    return Q(lease=None) | Q(lease_until__lte=now)


def _lease_until(now: datetime, read_timeout: float) -> datetime:
    """A lease outlasts the max_length request, if that begins within START_WITHIN."""
    return now + START_WITHIN + timedelta(seconds=settings.ARM_CONNECT_TIMEOUT_SECONDS + read_timeout)


def _due_soon(groups: set[Group], now: datetime) -> list[UUID]:
    """Others of these groups whose turn comes so soon that one list may tell of all of them."""
    if not groups:
        return []
    soon = Operation.objects.filter(
        _free(now),
        phase=Phase.FOLLOWING,
        has_retry_after=False,
        next_step_at__gt=now,
        next_step_at__lte=now + TOGETHER_WITHIN,
        endpoint__workspace__in={workspace for _, workspace in groups},
    )
    return [pk for pk, by, at in soon.values_list(*WHERE_FROM) if (poll_identity_key(by), at) in groups]


def _lease(rows: QuerySet[Operation], now: datetime, until: datetime) -> QuerySet[Operation]:
    """`rows` repeats what they were chosen by: another worker may have been faster, and have led them on."""
    lease = uuid4()
    with transaction.atomic():
        _add_events(rows.filter(lease__isnull=False), "The worker that held it stopped answering; another one goes on.")
        rows.update(lease=lease, lease_until=until, lease_owner=_owner())
    return Operation.objects.filter(lease=lease).select_related("endpoint__workspace")


def _add_events(rows: QuerySet[Operation], text: str) -> None:
    history.add_events(rows.values_list("pk", "endpoint_id"), text, clock.now())


def _owner() -> str:
    return f"{socket.gethostname()[:255]}:{os.getpid()}"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
