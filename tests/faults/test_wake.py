"""Messages that wake workers may be lost or duplicated, and the broker may die: operations are only delayed."""

import signal
import time

from tests.support.installation import Installation
from tests.support.processes import eventually


def test_lost_message_only_delays(installation: Installation) -> None:
    installation.call("create", "ada", "chat")
    installation.empty_broker()
    installation.worker()
    installation.beat()
    installation.wait_until_settled("chat")
    assert installation.row("chat").state == "online"


def test_duplicate_messages_repeat_nothing(installation: Installation) -> None:
    for name in ("a", "b"):
        installation.beat(f"beat-{name}")
        installation.worker(f"worker-{name}")
    for name in ("red", "green", "blue"):
        installation.call("create", "ada", name)
        installation.call("publish_messages", 20)
    installation.wait_until_settled("red", "green", "blue")
    for name in ("red", "green", "blue"):
        assert installation.row(name).state == "online"
        assert installation.azure.count("PUT", f"/{name}") == 1


def test_killed_beat_only_delays(installation: Installation) -> None:
    installation.worker()
    installation.beat()
    installation.call("create", "ada", "chat")
    installation.wait_until(lambda: installation.azure.requests("PUT", "/chat"))
    installation.kill("beat")
    # A click wakes the worker without beat.
    installation.call("create", "ada", "search")
    installation.wait_until(lambda: installation.azure.requests("PUT", "/search"))
    installation.beat()
    installation.wait_until_settled("chat", "search")
    assert {installation.row(name).state for name in ("chat", "search")} == {"online"}
    assert installation.azure.count("PUT", "/chat") == installation.azure.count("PUT", "/search") == 1


def test_emptied_and_killed_redis_only_delays(production: Installation) -> None:
    assert production.redis
    production.worker()
    production.beat()
    production.call("create", "ada", "chat")
    production.wait_until(lambda: production.azure.requests("PUT", "/chat"))
    production.empty_broker()
    production.wait_until_settled("chat")
    production.call("create", "ada", "search")
    production.wait_until(lambda: production.azure.requests("PUT", "/search"))
    production.redis.end(signal.SIGKILL)
    production.call("create", "ada", "sales")
    assert production.row("sales").state == "queued"
    production.redis.start()
    production.wait_until_settled("search", "sales")
    for name in ("chat", "search", "sales"):
        assert production.row(name).state == "online"
        assert production.azure.count("PUT", f"/{name}") == 1


def test_restarted_postgresql_only_delays(production: Installation) -> None:
    assert production.postgres
    azure = production.azure
    production.worker()
    production.beat()
    for name, person, where in [("checked", "ada", "resource"), ("sent", "oscar", "put"), ("polled", "olga", "status")]:
        azure.fault("slow", where=where, name=name, when="after", seconds=1.5, times=1)
        production.call("create", person, name)
    production.wait_until_faulted("checked", "sent", "polled")
    production.postgres.end(signal.SIGQUIT)
    assert eventually(lambda: azure.requests("PUT", "/sent"))
    time.sleep(1)
    production.postgres.start()
    production.wait_until_settled("checked", "sent", "polled")
    for name in ("checked", "sent", "polled"):
        assert production.row(name).state == "online"
        assert azure.count("PUT", f"/{name}") == 1
    assert production.restarts == {}


def test_response_survives_a_long_outage_of_postgresql(production: Installation) -> None:
    assert production.postgres
    production.worker(ARM_READ_TIMEOUT_SECONDS="30")
    production.beat()
    production.call("create", "ada", "rekeyed")
    production.wait_until_settled("rekeyed")
    production.azure.fault("slow", where="regenerate", name="rekeyed", when="after", seconds=11, times=1)
    production.call("regenerate_key", "ada", "rekeyed")
    production.wait_until_faulted("rekeyed")
    production.postgres.end(signal.SIGQUIT)
    assert eventually(lambda: production.azure.requests("POST", "/regenerateKeys"), 20)
    time.sleep(1)
    production.postgres.start()
    production.wait_until_settled("rekeyed")
    assert production.row("rekeyed").outcome == "succeeded", production.row("rekeyed").history
