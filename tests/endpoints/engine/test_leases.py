"""Who works on what, and whose turn it is."""

import os
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.test import Client, override_settings
from django.utils import timezone

from endpoints.arm.http import ArmRequest, NoResponse
from endpoints.engine import step
from endpoints.engine.calls import PendingCall
from endpoints.engine.leases import claim_polls, claim_requests, reclaim_orphaned_leases
from endpoints.engine.record import record, record_unchanged
from endpoints.engine.update import unchanged
from endpoints.models import Endpoint, Operation, Workspace
from tests.conftest import SignIn
from tests.support.azure import Azure
from tests.support.creation import one_step, settle, submit, texts
from tests.support.scripted_server import Wire, scripted
from tests.support.worker import new_worker, run_due

HOST = socket.gethostname()


@pytest.fixture
def ada(sign_in: SignIn, workspaces: list[Workspace]) -> Client:
    return sign_in("ada")


def names(operations: list[Operation]) -> list[str]:
    return [one.endpoint.name for one in operations]


def claim(room: int, share: int = 100) -> list[str]:
    operations = claim_requests(room, share)
    order = {one.pk: one for one in operations}
    return names([order[pk] for pk in sorted(order, key=lambda pk: order[pk].requested_at)])


def test_nobody_waits_behind_somebody_elses_many(ada: Client, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    for number in range(10):
        submit(ada, workspaces[0], f"bulk-{number}")
    submit(sign_in("oscar"), workspaces[0], "single")
    assert claim(2) == ["bulk-0", "single"]


def test_what_somebody_has_under_way_counts_for_their_turn(
    ada: Client, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    for number in range(10):
        submit(ada, workspaces[0], f"bulk-{number}")
    claim(3)
    submit(sign_in("oscar"), workspaces[0], "single")
    assert claim(1) == ["single"]


def test_nobody_takes_more_than_a_share(ada: Client, workspaces: list[Workspace]) -> None:
    for number in range(10):
        submit(ada, workspaces[0], f"bulk-{number}")
    assert len(claim(10, share=4)) == 4
    assert claim(10, share=4) == []


def test_a_row_is_claimed_once(ada: Client, workspaces: list[Workspace]) -> None:
    submit(ada, workspaces[0])
    assert (claim(5), claim(5)) == (["chat"], [])


def test_a_poll_is_claimed_once(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    submit(ada, workspaces[0])
    run_due()
    Operation.objects.update(next_step_at=timezone.now())
    assert names(claim_polls(5, lambda group: True)) == ["chat"]
    assert claim_polls(5, lambda group: True) == []


def leased(owner: str, ada: Client, workspace: Workspace) -> tuple[Endpoint, UUID]:
    endpoint, lease = submit(ada, workspace), uuid4()
    until = timezone.now() + timedelta(minutes=1)
    Operation.objects.update(lease=lease, lease_until=until, lease_owner=owner)
    return endpoint, lease


def ended_process() -> int:
    with subprocess.Popen(["true"]) as process:
        process.wait()
        return process.pid


def test_what_a_process_that_is_no_more_held_is_taken_up_at_once(
    azure: Azure, ada: Client, workspaces: list[Workspace]
) -> None:
    endpoint, _ = leased(f"{HOST}:{ended_process()}", ada, workspaces[0])
    assert run_due() == 0
    assert reclaim_orphaned_leases() == 1
    assert settle(azure, endpoint).state == "online"
    assert "Worker restarted; resuming." in texts(endpoint)


def test_a_process_that_has_the_number_of_the_one_before_it_takes_back_its_rows(
    ada: Client, workspaces: list[Workspace]
) -> None:
    leased(f"{HOST}:{os.getpid()}", ada, workspaces[0])
    assert reclaim_orphaned_leases() == 1


@pytest.mark.parametrize(
    "owner",
    [f"{HOST}:{os.getppid()}", f"{HOST}-other:1", f"another-{HOST}:{os.getpid()}"],
    ids=["alive", "host with this prefix", "host with this suffix"],
)
def test_what_others_hold_stays_theirs(ada: Client, workspaces: list[Workspace], owner: str) -> None:
    _, lease = leased(owner, ada, workspaces[0])
    assert reclaim_orphaned_leases() == 0
    assert Operation.objects.get().lease == lease


def test_who_lost_the_lease_writes_nothing(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    endpoint = submit(ada, workspaces[0])
    one_step(azure)
    before = texts(endpoint)
    Operation.objects.update(next_step_at=timezone.now())
    [mine] = claim_polls(1, lambda group: False)
    Operation.objects.update(lease=uuid4())
    change = step.retry_later(mine, "Nothing.", timezone.now())
    assert not record(mine, change, {}, timezone.now())
    record_unchanged([(mine, unchanged(mine, None, timezone.now()))], timezone.now())
    assert texts(endpoint) == before
    assert Operation.objects.get().polls == mine.polls


@pytest.mark.django_db(transaction=True)
def test_what_moved_on_while_it_was_being_claimed_is_not_claimed(ada: Client, workspaces: list[Workspace]) -> None:
    submit(ada, workspaces[0])
    later = timezone.now() + timedelta(minutes=1)
    with ThreadPoolExecutor() as another:
        with transaction.atomic():
            Operation.objects.update(phase="following", next_step_at=later)
            claiming = another.submit(claimed_starts)
            time.sleep(0.5)  # it has found the row as it was, and waits to write
        assert claiming.result() == []
    assert Operation.objects.get().next_step_at == later


def claimed_starts() -> list[str]:
    try:
        return claim(5)
    finally:
        connection.close()


def test_no_call_outlasts_its_lease() -> None:
    dripping = Wire(200, (), b" " * 100, "drip")
    responses: list[Any] = []
    quick = {"ARM_CONNECT_TIMEOUT_SECONDS": 0.5, "ARM_READ_TIMEOUT_SECONDS": 1}
    with scripted(lambda _: dripping) as server, override_settings(ARM_BASE_URL=server.home, **quick):
        call = PendingCall([Operation()], ArmRequest("GET", f"{server.home}/x"), "")
        new_worker().calls.send(call, "t", time.monotonic() + 1, responses.append)
    [(_, [response])] = responses
    assert isinstance(response, NoResponse)
