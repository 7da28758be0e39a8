"""Workers killed at any moment of an operation; the next worker resumes it."""

import time

from tests.support.installation import RESUMED_AFTER_RESTART, Installation, hang_next


def test_worker_killed_during_a_creation_loses_nothing(installation: Installation) -> None:
    azure = installation.azure
    # With a lease of more than a minute, only operations that a starting worker reclaims settle in time.
    slow = {"ARM_READ_TIMEOUT_SECONDS": "60"}
    hang_next(azure, "checking", "resource")
    hang_next(azure, "leaving", "put", "before")
    hang_next(azure, "accepted", "put", "after")
    hang_next(azure, "polling", "status")
    azure.fault("slow", where="status", match="reading", seconds=2)  # leaves time to set a fault for the next read
    for name, person, workspace in [
        ("checking", "ada", "ml-production"),
        ("leaving", "ada", "ml-production"),
        ("accepted", "ada", "ml-production"),
        ("polling", "oscar", "ml-research"),
        ("reading", "olga", "ml-production"),
    ]:
        installation.call("create", person, name, workspace)
    installation.worker(**slow)
    installation.beat()
    installation.wait_until(lambda: azure.requests("PUT", "/reading"))
    hang_next(azure, "reading", "resource")
    names = "checking", "leaving", "accepted", "polling", "reading"
    installation.wait_until_faulted(*names)
    installation.kill("worker")
    installation.worker(**slow)
    installation.wait_until_settled(*names)
    for name in names:
        row = installation.row(name)
        assert (row.state, row.kind, row.outcome) == ("online", "create", "succeeded"), row
        assert row.inference_uri == (azure.resource(name) or {})["properties"]["inferenceEndpoint"]["uri"]
        assert row.history[0] == "Creation requested"
        assert RESUMED_AFTER_RESTART in row.history
        assert row.history[-1] == "Online"
        assert row.audited == ["attempted", "done"]
        assert azure.count("PUT", f"/{name}") == (2 if name == "leaving" else 1)


def test_worker_killed_while_recording_loses_no_response(installation: Installation) -> None:
    azure = installation.azure
    installation.call("create", "ada", "chat")
    azure.fault("slow", where="put", name="chat", when="after", seconds=1, times=1)
    installation.worker()
    installation.beat()
    installation.wait_until_faulted("chat")
    with installation.operations_locked():
        installation.wait_until(lambda: azure.requests("PUT", "/chat"))
        time.sleep(0.5)
        installation.kill("worker")
    assert installation.row("chat").phase == "sending"
    installation.worker()
    installation.wait_until_settled("chat")
    assert installation.row("chat").state == "online"
    assert azure.count("PUT", "/chat") == 1


def test_worker_killed_after_sending_repeats_nothing(installation: Installation) -> None:
    azure, names = installation.azure, ("changed", "rekeyed", "deleted")
    installation.worker()
    installation.beat()
    for name in names:
        installation.call("create", "ada", name)
    installation.wait_until_settled(*names)
    for name, where in zip(names, ("patch", "regenerate", "delete"), strict=True):
        hang_next(azure, name, where, "after")
    installation.call("update", "ada", "changed", {"tags": {"team": "search"}})
    installation.call("regenerate_key", "ada", "rekeyed")
    installation.call("delete", "ada", "deleted")
    installation.wait_until_faulted(*names)
    installation.kill("worker")
    installation.worker()
    installation.wait_until_settled(*names)
    rows = {name: installation.row(name) for name in names}
    assert {name: row.state for name, row in rows.items()} == {
        "changed": "online", "rekeyed": "online", "deleted": "deleted"
    }  # fmt: skip
    assert (azure.resource("changed") or {})["tags"] == {"team": "search"}
    assert azure.resource("deleted") is None
    assert rows["changed"].outcome == rows["deleted"].outcome == "succeeded"
    assert (rows["rekeyed"].outcome, rows["rekeyed"].code) == ("error", "OutcomeUnknown")
    assert all(RESUMED_AFTER_RESTART in row.history for row in rows.values())
    sent = [("PATCH", "/changed"), ("POST", "/rekeyed/regenerateKeys"), ("DELETE", "/deleted")]
    assert [azure.count(method, ending) for method, ending in sent] == [1, 1, 1]


def test_terminated_worker_records_its_responses(installation: Installation) -> None:
    installation.azure.fault("slow", where="put", name="chat", when="after", seconds=1.5, times=1)
    installation.call("create", "ada", "chat")
    installation.worker()
    installation.beat()
    installation.wait_until_faulted("chat")
    assert installation.terminate("worker") == 0
    assert installation.row("chat").phase == "following"
    installation.worker()
    installation.wait_until_settled("chat")
    assert RESUMED_AFTER_RESTART not in installation.row("chat").history
    assert installation.azure.count("PUT", "/chat") == 1
