"""A worker is killed at every moment of an operation; the next one goes on where it was."""

import time

from tests.support.installation import Fleet, hold, resource, times_sent

TAKEN_BACK = "Worker restarted; resuming."


def test_a_worker_killed_at_any_moment_of_a_creation_loses_nothing(fleet: Fleet) -> None:
    azure = fleet.azure
    # A lease of more than a minute: only what a starting worker takes back at once can be done in time.
    patient = {"ARM_READ_TIMEOUT_SECONDS": "60"}
    hold(azure, "looking", "resource")
    hold(azure, "leaving", "put", "before")
    hold(azure, "accepted", "put", "after")
    hold(azure, "polling", "status")
    azure.fault("slow", where="status", match="reading", seconds=2)  # time to hold the read after it
    for name, person, workspace in [
        ("looking", "ada", "ml-production"),
        ("leaving", "ada", "ml-production"),
        ("accepted", "ada", "ml-production"),
        ("polling", "oscar", "ml-research"),
        ("reading", "olga", "ml-production"),
    ]:
        fleet.ask("create", person, name, workspace)
    fleet.worker(**patient)
    fleet.beat()
    fleet.until(lambda: azure.requests("PUT", "/reading"))
    hold(azure, "reading", "resource")
    names = "looking", "leaving", "accepted", "polling", "reading"
    fleet.until_held(*names)
    fleet.kill("worker")
    fleet.worker(**patient)
    fleet.until_settled(*names)
    for name in names:
        row = fleet.row(name)
        assert (row.state, row.kind, row.outcome) == ("online", "create", "succeeded"), row
        assert row.inference_uri == resource(azure, name)["properties"]["inferenceEndpoint"]["uri"]
        assert row.history[0] == "Creation requested"
        assert TAKEN_BACK in row.history
        assert row.history[-1] == "Online"
        assert row.audited == ["attempted", "done"]
        assert times_sent(azure, "PUT", f"/{name}") == (2 if name == "leaving" else 1)


def test_a_worker_killed_while_it_records_loses_no_answer(fleet: Fleet) -> None:
    azure = fleet.azure
    fleet.ask("create", "ada", "chat")
    azure.fault("slow", where="put", name="chat", when="after", seconds=1, times=1)
    fleet.worker()
    fleet.beat()
    fleet.until_held("chat")
    with fleet.locked():
        fleet.until(lambda: azure.requests("PUT", "/chat"))
        time.sleep(0.5)
        fleet.kill("worker")
    assert fleet.row("chat").phase == "sending"
    fleet.worker()
    fleet.until_settled("chat")
    assert fleet.row("chat").state == "online"
    assert times_sent(azure, "PUT", "/chat") == 1


def test_a_worker_killed_after_azure_took_a_change_repeats_none(fleet: Fleet) -> None:
    azure, names = fleet.azure, ("changed", "rekeyed", "deleted")
    fleet.worker()
    fleet.beat()
    for name in names:
        fleet.ask("create", "ada", name)
    fleet.until_settled(*names)
    for name, where in zip(names, ("patch", "regenerate", "delete"), strict=True):
        hold(azure, name, where, "after")
    fleet.ask("update", "ada", "changed", {"tags": {"team": "search"}})
    fleet.ask("regenerate_key", "ada", "rekeyed")
    fleet.ask("delete", "ada", "deleted")
    fleet.until_held(*names)
    fleet.kill("worker")
    fleet.worker()
    fleet.until_settled(*names)
    rows = {name: fleet.row(name) for name in names}
    assert {name: row.state for name, row in rows.items()} == {
        "changed": "online", "rekeyed": "online", "deleted": "deleted"
    }  # fmt: skip
    assert resource(azure, "changed")["tags"] == {"team": "search"}
    assert resource(azure, "deleted") is None
    assert rows["changed"].outcome == rows["deleted"].outcome == "succeeded"
    assert (rows["rekeyed"].outcome, rows["rekeyed"].code) == ("error", "OutcomeUnknown")
    assert all(TAKEN_BACK in row.history for row in rows.values())
    sent = [("PATCH", "/changed"), ("POST", "/rekeyed/regenerateKeys"), ("DELETE", "/deleted")]
    assert [times_sent(azure, *one) for one in sent] == [1, 1, 1]


def test_a_worker_that_is_asked_to_end_records_what_it_has_sent(fleet: Fleet) -> None:
    fleet.azure.fault("slow", where="put", name="chat", when="after", seconds=1.5, times=1)
    fleet.ask("create", "ada", "chat")
    fleet.worker()
    fleet.beat()
    fleet.until_held("chat")
    assert fleet.end("worker") == 0
    assert fleet.row("chat").phase == "following"
    fleet.worker()
    fleet.until_settled("chat")
    assert TAKEN_BACK not in fleet.row("chat").history
    assert times_sent(fleet.azure, "PUT", "/chat") == 1
