"""Messages get lost, come twice or too often, and the broker dies: nothing happens but a delay."""

import signal
import time

from tests.support.installation import Fleet, times_sent
from tests.support.processes import eventually


def test_a_lost_message_delays_and_loses_nothing(fleet: Fleet) -> None:
    fleet.ask("create", "ada", "chat")
    fleet.forget_messages()
    fleet.worker()
    fleet.beat()
    fleet.until_settled("chat")
    assert fleet.row("chat").state == "online"


def test_two_beats_and_doubled_messages_repeat_nothing(fleet: Fleet) -> None:
    for name in ("one", "two"):
        fleet.beat(f"beat-{name}")
        fleet.worker(f"worker-{name}")
    for name in ("red", "green", "blue"):
        fleet.ask("create", "ada", name)
        fleet.ask("ring", 20)
    fleet.until_settled("red", "green", "blue")
    for name in ("red", "green", "blue"):
        assert fleet.row(name).state == "online"
        assert times_sent(fleet.azure, "PUT", f"/{name}") == 1


def test_a_killed_beat_delays_and_loses_nothing(fleet: Fleet) -> None:
    fleet.worker()
    fleet.beat()
    fleet.ask("create", "ada", "chat")
    fleet.until(lambda: fleet.azure.requests("PUT", "/chat"))
    fleet.kill("beat")
    # A click rings the worker itself.
    fleet.ask("create", "ada", "search")
    fleet.until(lambda: fleet.azure.requests("PUT", "/search"))
    fleet.beat()
    fleet.until_settled("chat", "search")
    assert {fleet.row(name).state for name in ("chat", "search")} == {"online"}
    assert times_sent(fleet.azure, "PUT", "/chat") == times_sent(fleet.azure, "PUT", "/search") == 1


def test_a_redis_that_is_emptied_and_then_killed_delays_and_loses_nothing(served: Fleet) -> None:
    assert served.redis
    served.worker()
    served.beat()
    served.ask("create", "ada", "chat")
    served.until(lambda: served.azure.requests("PUT", "/chat"))
    served.forget_messages()
    served.until_settled("chat")
    served.ask("create", "ada", "search")
    served.until(lambda: served.azure.requests("PUT", "/search"))
    served.redis.end(signal.SIGKILL)
    served.ask("create", "ada", "sales")
    assert served.row("sales").state == "queued"
    served.redis.start()
    served.until_settled("search", "sales")
    for name in ("chat", "search", "sales"):
        assert served.row(name).state == "online"
        assert times_sent(served.azure, "PUT", f"/{name}") == 1


def test_a_restarted_postgresql_delays_and_loses_nothing(served: Fleet) -> None:
    assert served.postgres
    azure = served.azure
    served.worker()
    served.beat()
    for name, person, where in [("asked", "ada", "resource"), ("sent", "oscar", "put"), ("polled", "olga", "status")]:
        azure.fault("slow", where=where, name=name, when="after", seconds=1.5, times=1)
        served.ask("create", person, name)
    served.until_held("asked", "sent", "polled")
    served.postgres.end(signal.SIGQUIT)
    assert eventually(lambda: azure.requests("PUT", "/sent"))
    time.sleep(1)
    served.postgres.start()
    served.until_settled("asked", "sent", "polled")
    for name in ("asked", "sent", "polled"):
        assert served.row(name).state == "online"
        assert times_sent(azure, "PUT", f"/{name}") == 1
    assert served.restarts == {}


def test_what_azure_answered_while_postgresql_was_away_for_long_is_not_lost(served: Fleet) -> None:
    assert served.postgres
    served.worker(ARM_READ_TIMEOUT_SECONDS="30")
    served.beat()
    served.ask("create", "ada", "rekeyed")
    served.until_settled("rekeyed")
    served.azure.fault("slow", where="regenerate", name="rekeyed", when="after", seconds=11, times=1)
    served.ask("regenerate_key", "ada", "rekeyed")
    served.until_held("rekeyed")
    served.postgres.end(signal.SIGQUIT)
    assert eventually(lambda: served.azure.requests("POST", "/regenerateKeys"), 20)
    time.sleep(1)
    served.postgres.start()
    served.until_settled("rekeyed")
    assert served.row("rekeyed").outcome == "succeeded", served.row("rekeyed").history
