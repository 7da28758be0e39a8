"""Leases: claims in turn, and leases that are lost or orphaned."""

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
from tests.support.scripted_server import ScriptedResponse, scripted_server
from tests.support.worker import new_worker, run_due

HOST = socket.gethostname()


def names(operations: list[Operation]) -> list[str]:
    return [operation.endpoint.name for operation in operations]


def claim(room: int, share: int = 100) -> list[str]:
    operations = claim_requests(room, share)
    return names(sorted(operations, key=lambda operation: operation.requested_at))


def test_one_users_bulk_does_not_delay_another_user(ada: Client, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    for number in range(10):
        submit(ada, workspaces[0], f"bulk-{number}")
    submit(sign_in("oscar"), workspaces[0], "single")
    assert claim(2) == ["bulk-0", "single"]


def test_requests_in_flight_count_towards_a_users_turn(
    ada: Client, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    for number in range(10):
        submit(ada, workspaces[0], f"bulk-{number}")
    claim(3)
    submit(sign_in("oscar"), workspaces[0], "single")
    assert claim(1) == ["single"]


def test_user_gets_at_most_a_share(ada: Client, workspaces: list[Workspace]) -> None:
    for number in range(10):
        submit(ada, workspaces[0], f"bulk-{number}")
    assert len(claim(10, share=4)) == 4
    assert claim(10, share=4) == []


def test_request_is_claimed_once(ada: Client, workspaces: list[Workspace]) -> None:
    submit(ada, workspaces[0])
    assert (claim(5), claim(5)) == (["chat"], [])


def test_poll_is_claimed_once(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    submit(ada, workspaces[0])
    run_due()
    Operation.objects.update(next_step_at=timezone.now())
    assert names(claim_polls(5, lambda group: True)) == ["chat"]
    assert claim_polls(5, lambda group: True) == []


def submit_leased(owner: str, ada: Client, workspace: Workspace) -> tuple[Endpoint, UUID]:
    endpoint, lease = submit(ada, workspace), uuid4()
    until = timezone.now() + timedelta(minutes=1)
    Operation.objects.update(lease=lease, lease_until=until, lease_owner=owner)
    return endpoint, lease


def dead_process() -> int:
    with subprocess.Popen(["true"]) as process:
        process.wait()
        return process.pid


def test_leases_of_a_dead_process_are_reclaimed(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    endpoint, _ = submit_leased(f"{HOST}:{dead_process()}", ada, workspaces[0])
    assert run_due() == 0
    assert reclaim_orphaned_leases() == 1
    assert settle(azure, endpoint).state == "online"
    assert "Worker restarted; resuming." in texts(endpoint)


def test_leases_of_a_predecessor_with_this_pid_are_reclaimed(ada: Client, workspaces: list[Workspace]) -> None:
    submit_leased(f"{HOST}:{os.getpid()}", ada, workspaces[0])
    assert reclaim_orphaned_leases() == 1


@pytest.mark.parametrize(
    "owner",
    [f"{HOST}:{os.getppid()}", f"{HOST}-other:1", f"another-{HOST}:{os.getpid()}"],
    ids=["alive", "host with this prefix", "host with this suffix"],
)
def test_leases_of_other_processes_are_kept(ada: Client, workspaces: list[Workspace], owner: str) -> None:
    _, lease = submit_leased(owner, ada, workspaces[0])
    assert reclaim_orphaned_leases() == 0
    assert Operation.objects.get().lease == lease


def test_worker_without_its_lease_writes_nothing(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    endpoint = submit(ada, workspaces[0])
    one_step(azure)
    before = texts(endpoint)
    Operation.objects.update(next_step_at=timezone.now())
    [claimed] = claim_polls(1, lambda group: False)
    Operation.objects.update(lease=uuid4())
    update = step.retry_later(claimed, "Nothing.", timezone.now())
    assert not record(claimed, update, {}, timezone.now())
    record_unchanged([(claimed, unchanged(claimed, None, timezone.now()))], timezone.now())
    assert texts(endpoint) == before
    assert Operation.objects.get().polls == claimed.polls


@pytest.mark.django_db(transaction=True)
def test_row_that_advances_during_a_claim_is_not_claimed(ada: Client, workspaces: list[Workspace]) -> None:
    submit(ada, workspaces[0])
    later = timezone.now() + timedelta(minutes=1)
    with ThreadPoolExecutor() as another:
        with transaction.atomic():
            Operation.objects.update(phase="following", next_step_at=later)
            claiming = another.submit(claim_in_thread)
            time.sleep(0.5)  # it has read the old row, and waits to write
        assert claiming.result() == []
    assert Operation.objects.get().next_step_at == later


def claim_in_thread() -> list[str]:
    try:
        return claim(5)
    finally:
        connection.close()


def test_no_call_outlasts_its_lease() -> None:
    dripping = ScriptedResponse(200, (), b" " * 100, "drip")
    responses: list[Any] = []
    quick = {"ARM_CONNECT_TIMEOUT_SECONDS": 0.5, "ARM_READ_TIMEOUT_SECONDS": 1}
    with scripted_server(lambda _: dripping) as server, override_settings(ARM_BASE_URL=server.origin, **quick):
        call = PendingCall([Operation()], ArmRequest("GET", f"{server.origin}/x"), "")
        new_worker().calls.send(call, "t", time.monotonic() + 1, responses.append)
    [(_, [response])] = responses
    assert isinstance(response, NoResponse)
