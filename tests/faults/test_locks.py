"""Row locks of PostgreSQL that workers and users contend for."""

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.support.installation import RESUMED_BY_ANOTHER, Installation


def test_request_during_a_recording_does_not_deadlock(production: Installation) -> None:
    production.call("create", "ada", "chat")
    with psycopg.connect(production.environment["DATABASE_URL"]) as worker, ThreadPoolExecutor() as user:
        worker.execute("UPDATE endpoints_operation SET settled_at = now(), next_step_at = NULL")
        request = user.submit(production.call, "delete", "ada", "chat")
        time.sleep(0.5)
        worker.execute("UPDATE endpoints_endpoint SET state = 'online', version = version + 1")
        worker.commit()
        request.result()
    assert production.row("chat").kind == "delete"


@pytest.mark.parametrize("table", ["workspaceread", "endpoint"])
def test_unregistering_during_a_read_does_not_deadlock(production: Installation, table: str) -> None:
    production.call("create", "ada", "chat")
    production.call("read_all")
    with psycopg.connect(production.environment["DATABASE_URL"]) as worker, ThreadPoolExecutor() as user:
        worker.execute("UPDATE endpoints_operation SET settled_at = now(), next_step_at = NULL, phase = 'settled'")
        worker.commit()
        worker.execute(f"SELECT 1 FROM endpoints_{table} FOR UPDATE")
        request = user.submit(production.call, "unregister", "ada", "ml-production")
        time.sleep(0.5)
        worker.execute("UPDATE endpoints_workspace SET version = version + 1")
        worker.commit()
        request.result()
    assert production.call("workspaces") == ["ml-research"]


def test_worker_paused_in_a_transaction_does_not_block_others(production: Installation) -> None:
    production.beat()
    production.worker("paused")
    production.azure.fault("slow", where="put", name="blocked", when="after", seconds=1, times=1)
    production.call("create", "ada", "blocked")
    production.wait_until_faulted("blocked")
    with psycopg.connect(production.environment["DATABASE_URL"]) as connection:
        connection.execute("LOCK TABLE endpoints_endpoint IN EXCLUSIVE MODE")
        production.wait_until(lambda: production.azure.requests("PUT", "/blocked"))
        time.sleep(1)
        production.pause("paused")  # its transaction has updated the operation, and waits for the endpoint
    production.worker("another")
    production.call("create", "ada", "free")
    production.wait_until_settled("blocked", "free")
    assert RESUMED_BY_ANOTHER in production.row("blocked").history
    assert [production.row(name).state for name in ("blocked", "free")] == ["online", "online"]
    assert production.azure.count("PUT", "/blocked") == 1


def test_request_whose_lease_was_written_late_is_not_sent(production: Installation) -> None:
    production.call("create", "ada", "chat")
    with psycopg.connect(production.environment["DATABASE_URL"]) as connection:
        connection.execute("UPDATE endpoints_operation SET phase = 'clear'")
        connection.commit()
        connection.execute("LOCK TABLE endpoints_endpoint IN EXCLUSIVE MODE")
        production.worker()
        production.beat()
        production.wait_until(lambda: production.row("chat").lease_owner)
        time.sleep(6)
    production.wait_until_settled("chat")
    assert "Other calls to Azure took too long. Trying again." in production.row("chat").history
    assert production.azure.count("PUT", "/chat") == 1
