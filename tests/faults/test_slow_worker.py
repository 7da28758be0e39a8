"""Workers that are alive and yet late: they stop for longer than their lease, or their machine's clock is wrong."""

from tests.support.installation import Fleet, resource, times_sent
from tests.support.processes import faked_time

TAKEN_OVER = "Worker stopped responding; resuming with another one."


def test_what_a_worker_held_that_stopped_is_done_once_by_another(fleet: Fleet) -> None:
    azure = fleet.azure
    fleet.beat()
    fleet.worker("stopped")
    fleet.ask("create", "ada", "rekeyed")
    fleet.until_settled("rekeyed")
    azure.fault("slow", where="put", name="made", when="after", seconds=1, times=1)
    azure.fault("slow", where="regenerate", name="rekeyed", when="after", seconds=1, times=1)
    fleet.ask("create", "ada", "made")
    fleet.ask("regenerate_key", "kim", "rekeyed")
    fleet.until_held("made", "rekeyed")
    fleet.stop("stopped")
    fleet.worker("another")
    fleet.until_settled("made", "rekeyed")
    rows = fleet.row("made"), fleet.row("rekeyed")
    assert [(row.state, row.outcome, row.code) for row in rows] == [
        ("online", "succeeded", ""), ("online", "error", "OutcomeUnknown")
    ]  # fmt: skip
    assert all(TAKEN_OVER in row.history for row in rows)
    # The answers to the one that stopped have long been there; it reads them now.
    fleet.kill("another")
    fleet.go_on("stopped")
    fleet.ask("create", "ada", "next")
    fleet.until_settled("next")
    assert (fleet.row("made"), fleet.row("rekeyed")) == rows
    assert times_sent(azure, "PUT", "/made") == times_sent(azure, "POST", "/rekeyed/regenerateKeys") == 1
    assert fleet.restarts == {}


def test_what_a_killed_worker_held_is_done_by_another_when_its_lease_ends(served: Fleet) -> None:
    azure = served.azure
    served.beat()
    served.worker("killed")
    azure.fault("hang", where="put", name="made", when="after", times=1)
    served.ask("create", "ada", "made")
    served.until_held("made")
    served.stop("killed")  # alive while the other one starts, which therefore takes nothing back
    served.worker("another")
    served.ask("create", "ada", "proof")
    served.until(lambda: azure.requests("PUT", "/proof"))
    served.kill("killed")
    served.until_settled("made")
    assert TAKEN_OVER in served.row("made").history
    assert times_sent(azure, "PUT", "/made") == 1
    assert resource(azure, "made") is not None


def test_clocks_that_are_a_minute_off_repeat_and_starve_nothing(served: Fleet) -> None:
    azure = served.azure
    served.beat()
    served.worker("right")
    served.worker("ahead", **faked_time("+60s"))
    served.worker("behind", **faked_time("-60s"))
    names = [f"chat-{number}" for number in range(6)]
    for name in names:
        azure.fault("slow", where="put", name=name, when="after", seconds=1, times=1)
        served.ask("create", "ada", name)
    served.until_settled(*names)
    served.kill("right")
    served.kill("behind")
    served.ask("create", "ada", "alone")
    served.until_settled("alone")
    for name in [*names, "alone"]:
        row = served.row(name)
        assert row.state == "online"
        assert TAKEN_OVER not in row.history
        assert times_sent(azure, "PUT", f"/{name}") == 1
