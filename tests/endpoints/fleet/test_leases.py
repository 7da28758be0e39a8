"""Leases of reads: each row is read by one worker at a time, and a lost lease writes nothing."""

import os
import socket
import subprocess
from datetime import timedelta

from django.utils import timezone

from endpoints.fleet import workspaces
from endpoints.fleet.leases import claim, reclaim_orphaned
from endpoints.fleet.listing import Listing, Unreadable
from endpoints.fleet.sighting import Sighting
from endpoints.models import Endpoint, EndpointCheck, Event, Workspace, WorkspaceRead

MINUTE = timedelta(minutes=1)


def claim_reads(room: int) -> list[WorkspaceRead]:
    return claim(WorkspaceRead.objects.select_related("workspace").order_by("due_at"), room, MINUTE)


def all_due() -> int:
    WorkspaceRead.objects.update(due_at=timezone.now())
    return WorkspaceRead.objects.count()


def test_reads_are_claimed_once(production: Workspace) -> None:
    number = all_due()
    first, second = claim_reads(2), claim_reads(100)
    assert len(first) == 2
    assert len(second) == number - 2
    assert not {read.pk for read in first} & {read.pk for read in second}
    assert claim_reads(100) == []


def test_read_is_claimed_again_after_its_lease(production: Workspace) -> None:
    number = all_due()
    claim_reads(100)
    WorkspaceRead.objects.update(lease_until=timezone.now())
    assert len(claim_reads(100)) == number


def stale_read(endpoint: Endpoint) -> WorkspaceRead:
    """A read of the endpoint's workspace, whose lease another worker has taken over."""
    all_due()
    (stale,) = [read for read in claim_reads(100) if read.pk == endpoint.workspace_id]
    WorkspaceRead.objects.update(lease_until=timezone.now())
    claim_reads(100)
    return stale


def state_of_all() -> list[object]:
    reads = WorkspaceRead.objects.order_by("pk").values()
    endpoints = Endpoint.objects.order_by("pk").values("state", "missing_since", "version")
    return [list(reads), list(endpoints), Event.objects.count()]


def test_worker_without_its_lease_records_no_list(listed: Endpoint) -> None:
    stale, now = stale_read(listed), timezone.now()
    before = state_of_all()
    listing = Listing([{"name": "theirs", "properties": {"endpointState": "Online"}}], "digest", 1)
    workspaces.record(stale, listing, Sighting(now, listed.listed_as, now), lambda: now)
    workspaces.record_unchanged({stale: now}, now)
    assert state_of_all() == before


def test_worker_without_its_lease_records_no_failure(listed: Endpoint) -> None:
    stale = stale_read(listed)
    before = state_of_all()
    workspaces.fail(stale, Unreadable("Nothing."), timezone.now())
    assert state_of_all() == before


def test_reads_of_a_dead_process_are_reclaimed(listed: Endpoint) -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    number = all_due()
    now = timezone.now()
    EndpointCheck.objects.create(endpoint=listed, requested_at=now, due_at=now)
    claim_reads(100)
    claim(EndpointCheck.objects.all(), 100, MINUTE)
    dead = f"{socket.gethostname()}:{process.pid}"
    WorkspaceRead.objects.update(lease_owner=dead)
    EndpointCheck.objects.update(lease_owner=dead)
    assert reclaim_orphaned() == number + 1
    assert len(claim_reads(100)) == number


def test_reads_of_a_process_that_lives_are_kept(production: Workspace) -> None:
    all_due()
    claim_reads(100)
    WorkspaceRead.objects.update(lease_owner=f"{socket.gethostname()}:{os.getppid()}")
    assert reclaim_orphaned() == 0
    assert claim_reads(100) == []
