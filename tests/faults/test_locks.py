"""Workers and people at the same rows of PostgreSQL: nobody waits for somebody who does not go on."""

import time

import psycopg

from tests.faults.fleet import Fleet, times_sent
from tests.faults.test_slow_worker import TAKEN_OVER


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
