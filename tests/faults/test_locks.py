"""Workers and people at the same rows of PostgreSQL: nobody waits for somebody who does not go on."""

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg

from tests.faults.test_slow_worker import TAKEN_OVER
from tests.support.installation import Fleet, times_sent


def test_asking_for_something_while_a_worker_records_the_end_before_it_is_no_deadlock(served: Fleet) -> None:
    served.ask("create", "ada", "chat")
    with psycopg.connect(served.environment["DATABASE_URL"]) as worker, ThreadPoolExecutor() as person:
        worker.execute("UPDATE endpoints_operation SET settled_at = now(), next_step_at = NULL")
        asking = person.submit(served.ask, "delete", "ada", "chat")
        time.sleep(0.5)
        worker.execute("UPDATE endpoints_endpoint SET state = 'online', version = version + 1")
        worker.commit()
        asking.result()
    assert served.row("chat").kind == "delete"


def test_a_worker_that_stops_within_a_transaction_holds_up_nobody_for_long(served: Fleet) -> None:
    served.beat()
    served.worker("stopped")
    served.azure.fault("slow", where="put", name="held", when="after", seconds=1, times=1)
    served.ask("create", "ada", "held")
    served.until_held("held")
    with psycopg.connect(served.environment["DATABASE_URL"]) as connection:
        connection.execute("LOCK TABLE endpoints_endpoint IN EXCLUSIVE MODE")
        served.until(lambda: served.azure.requests("PUT", "/held"))
        time.sleep(1)
        served.stop("stopped")  # its transaction has changed the operation, and waits for the endpoint
    served.worker("another")
    served.ask("create", "ada", "free")
    served.until_settled("held", "free")
    assert TAKEN_OVER in served.row("held").history
    assert [served.row(name).state for name in ("held", "free")] == ["online", "online"]
    assert times_sent(served.azure, "PUT", "/held") == 1


def test_nothing_is_sent_whose_lease_the_database_took_too_long_to_write(served: Fleet) -> None:
    served.ask("create", "ada", "chat")
    with psycopg.connect(served.environment["DATABASE_URL"]) as connection:
        connection.execute("UPDATE endpoints_operation SET phase = 'clear'")
        connection.commit()
        connection.execute("LOCK TABLE endpoints_endpoint IN EXCLUSIVE MODE")
        served.worker()
        served.beat()
        served.until(lambda: served.row("chat").lease_owner)
        time.sleep(6)
    served.until_settled("chat")
    assert "Other calls to Azure took too long. Trying again." in served.row("chat").history
    assert times_sent(served.azure, "PUT", "/chat") == 1
