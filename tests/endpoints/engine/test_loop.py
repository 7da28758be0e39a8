"""Sweeps: rows with a lease, rows that raise, and leases lost on the way."""

from datetime import timedelta
from threading import Thread
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from endpoints.models import Operation, Workspace
from tests.conftest import SignIn
from tests.support.azure import Azure
from tests.support.creation import one_step, settle, submit
from tests.support.processes import eventually
from tests.support.worker import run_due


def test_leased_operation_is_left_alone(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    endpoint = submit(sign_in("ada"), workspaces[0])
    Operation.objects.update(lease=uuid4(), lease_until=timezone.now() + timedelta(minutes=1))
    assert run_due() == 0
    Operation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert settle(azure, endpoint).state == "online"


def test_failing_row_does_not_stop_the_others(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace], caplog: pytest.LogCaptureFixture
) -> None:
    client = sign_in("ada")
    broken, sound = submit(client, workspaces[0], "broken"), submit(client, workspaces[0], "sound")
    one_step(azure)
    Operation.objects.filter(endpoint=broken).update(monitor_url="https://evil.example/status")
    azure.advance(60)
    Operation.objects.update(next_step_at=timezone.now())
    run_due()
    sound.refresh_from_db()
    broken.refresh_from_db()
    assert (sound.state, broken.state) == ("online", "unknown")
    assert "could not be advanced" in caplog.text
    quarantined = broken.events.first()
    assert quarantined is not None
    assert "ForeignOrigin" in quarantined.evidence["traceback"]


@pytest.mark.django_db(transaction=True)
def test_worker_without_its_lease_sends_nothing(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    submit(sign_in("ada"), workspaces[0])
    Operation.objects.update(phase="clear", force_token_refresh=True)
    azure.fault("slow", where="token", seconds=1)

    def sweep() -> None:
        run_due()
        connection.close()

    worker = Thread(target=sweep)
    worker.start()
    assert eventually(lambda: Operation.objects.get().lease)
    Operation.objects.update(lease=uuid4())
    worker.join()
    assert azure.requests("POST", "/token")
    assert not azure.requests("PUT")
