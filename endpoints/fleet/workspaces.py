"""Record the read of a workspace."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from endpoints.arm.absence import Absence
from endpoints.engine.leases import RELEASED
from endpoints.fleet.leases import still_leased
from endpoints.fleet.listing import Listing, Unreadable
from endpoints.fleet.pace import MAX_SECONDS, after_failure
from endpoints.fleet.reconcile import SECOND_PROOF_AFTER, reconcile, workspace_vanished
from endpoints.fleet.sighting import Sighting
from endpoints.models import Endpoint, Workspace, WorkspaceRead
from endpoints.versions import bump

# Unchanged workspaces that are due within this time of each other are written together.
TOGETHER_SECONDS = 1.5


def is_unchanged(read: WorkspaceRead, listing: Listing, read_as: str) -> bool:
    """Whether list, reader and rows are as they were after the read before, which was good."""
    before = (read.body_hash, read.read_as, read.seen_version, read.pages)
    is_same = before == (listing.digest, read_as, read.workspace.version, listing.pages)
    return is_same and not read.problem and read.workspace.gone_at is None


def record_unchanged(due: Mapping[WorkspaceRead, datetime], began: datetime) -> None:
    """Note that these workspaces were read, and when each is due next: a few statements for many of them.

    Those that are due at nearly the same time share one time.
    """
    groups: dict[int, list[WorkspaceRead]] = defaultdict(list)
    for read, due_at in due.items():
        groups[int(due_at.timestamp() / TOGETHER_SECONDS)].append(read)
    columns = {"complete_at": began, "wanted_at": None, "faults": 0, "missing_since": None, **RELEASED}
    for reads in groups.values():
        still_leased(reads).update(**columns, due_at=max(due[read] for read in reads))


def conclude(
    read: WorkspaceRead, listing: Listing | Unreadable, next_read: Callable[[], datetime], sighting: Sighting
) -> Unreadable | None:
    """Record a complete list; returns why it is none."""
    if isinstance(listing, Unreadable):
        return listing
    record(read, listing, sighting, next_read)
    return None


@transaction.atomic
def record(read: WorkspaceRead, listing: Listing, sighting: Sighting, next_read: Callable[[], datetime]) -> None:
    """Bring the rows in line with the list. A worker without the lease writes nothing.

    The digest is stored only if nothing is left for the next read, and with the differences, never before them.
    """
    if not still_leased([read]).update(complete_at=sighting.began):
        return
    versions = _versions(read.workspace)
    is_final = reconcile(read.workspace, listing.items, sighting)
    has_changed = versions != _versions(read.workspace)
    columns: dict[str, Any] = {
        "wanted_at": None,
        "pages": listing.pages,
        "read_as": sighting.read_as,
        "body_hash": listing.digest if is_final else "",
        "faults": 0,
        "problem": "",
        "problem_since": None,
        "error": None,
        "missing_since": None,
        "due_at": next_read() if is_final else min(next_read(), sighting.now + 2 * SECOND_PROOF_AFTER),
        **RELEASED,
    }
    if has_changed:
        columns["changed_at"] = sighting.now
    is_shown = bool(has_changed or read.problem or read.workspace.gone_at)
    WorkspaceRead.objects.filter(pk=read.pk).update(**columns, seen_version=read.workspace.version + is_shown)
    if read.workspace.gone_at:
        Workspace.objects.filter(pk=read.pk).update(gone_at=None)
    if is_shown:
        bump(read.workspace_id)


def fail(read: WorkspaceRead, problem: Unreadable, now: datetime) -> None:
    """Keep what is known, and say since when and why it cannot be read. An absent workspace is proved twice."""
    columns: dict[str, Any] = {
        "wanted_at": None,
        "faults": read.faults + 1,
        "problem": problem.problem[:500],
        "problem_since": read.problem_since or now,
        "error": problem.error,
        "missing_since": None,
        "due_at": after_failure(read.faults, problem.wait, now),
        **RELEASED,
    }
    is_gone = False
    if problem.absence is Absence.PROVED:
        first = read.missing_since or now
        is_gone = now >= first + SECOND_PROOF_AFTER
        pause = timedelta(seconds=MAX_SECONDS) if is_gone else SECOND_PROOF_AFTER
        columns |= {"missing_since": first, "due_at": now + pause}
    with transaction.atomic():
        if not still_leased([read]).update(**columns):
            return
        if is_gone and read.workspace.gone_at is None:
            workspace_vanished(read.workspace, Sighting(now, read.read_as, now))
        if is_gone or columns["problem"] != read.problem:
            bump(read.workspace_id)


def _versions(workspace: Workspace) -> list[Any]:
    """What changes with every change of a row."""
    return list(Endpoint.objects.filter(workspace=workspace).order_by("pk").values_list("pk", "version"))
