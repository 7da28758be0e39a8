"""Workers that are alive but late: paused for longer than their lease, or with a wrong clock."""

from tests.support.installation import RESUMED_BY_ANOTHER, Installation
from tests.support.processes import faked_time


def test_operations_of_a_paused_worker_are_finished_once(installation: Installation) -> None:
    azure = installation.azure
    installation.beat()
    installation.worker("paused")
    installation.call("create", "ada", "rekeyed")
    installation.wait_until_settled("rekeyed")
    # Just below the read timeout, so that both requests are still in flight when the worker is paused.
    azure.fault("slow", where="put", name="made", when="after", seconds=1.8, times=1)
    azure.fault("slow", where="regenerate", name="rekeyed", when="after", seconds=1.8, times=1)
    installation.call("create", "ada", "made")
    installation.call("regenerate_key", "kim", "rekeyed")
    installation.wait_until_faulted("made", "rekeyed")
    installation.pause("paused")
    installation.worker("another")
    installation.wait_until_settled("made", "rekeyed")
    rows = installation.row("made"), installation.row("rekeyed")
    assert [(row.state, row.outcome, row.code) for row in rows] == [
        ("online", "succeeded", ""), ("online", "error", "OutcomeUnknown")
    ]  # fmt: skip
    assert all(RESUMED_BY_ANOTHER in row.history for row in rows)
    # The paused worker now reads the responses to its requests.
    installation.kill("another")
    installation.resume("paused")
    installation.call("create", "ada", "next")
    installation.wait_until_settled("next")
    assert (installation.row("made"), installation.row("rekeyed")) == rows
    assert azure.count("PUT", "/made") == azure.count("POST", "/rekeyed/regenerateKeys") == 1
    assert installation.restarts == {}


def test_operation_of_a_killed_worker_resumes_after_its_lease(production: Installation) -> None:
    azure = production.azure
    production.beat()
    production.worker("killed")
    azure.fault("hang", where="put", name="made", when="after", times=1)
    production.call("create", "ada", "made")
    production.wait_until_faulted("made")
    production.pause("killed")  # alive while the other worker starts, which therefore reclaims nothing
    production.worker("another")
    production.call("create", "ada", "proof")
    production.wait_until(lambda: azure.requests("PUT", "/proof"))
    production.kill("killed")
    production.wait_until_settled("made")
    assert RESUMED_BY_ANOTHER in production.row("made").history
    assert azure.count("PUT", "/made") == 1
    assert azure.resource("made") is not None


def test_wrong_clocks_repeat_and_starve_nothing(production: Installation) -> None:
    azure = production.azure
    production.beat()
    production.worker("right")
    production.worker("ahead", **faked_time("+60s"))
    production.worker("behind", **faked_time("-60s"))
    names = [f"chat-{number}" for number in range(6)]
    for name in names:
        azure.fault("slow", where="put", name=name, when="after", seconds=1, times=1)
        production.call("create", "ada", name)
    production.wait_until_settled(*names)
    production.kill("right")
    production.kill("behind")
    production.call("create", "ada", "alone")
    production.wait_until_settled("alone")
    for name in [*names, "alone"]:
        row = production.row(name)
        assert row.state == "online"
        assert RESUMED_BY_ANOTHER not in row.history
        assert azure.count("PUT", f"/{name}") == 1
