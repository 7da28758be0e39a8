"""A worker is killed at every moment of an operation; the next one goes on where it was."""

from tests.faults.fleet import Fleet, hold, resource, times_sent

TAKEN_BACK = "The worker that held it has ended; it is taken up again."


def test_a_worker_killed_at_any_moment_of_a_creation_loses_nothing(fleet: Fleet) -> None:
    azure = fleet.azure
    # A lease of more than a minute: only what a starting worker takes back at once can be done in time.
    patient = {"ARM_READ_TIMEOUT_SECONDS": "60"}
    hold(azure, "looking", "resource")
    hold(azure, "leaving", "put", "before")
    hold(azure, "accepted", "put", "after")
    hold(azure, "polling", "status")
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
        assert row.history[0] == "Asked for."
        assert TAKEN_BACK in row.history
        assert row.history[-1] == "Online"
        assert row.audited == ["attempted", "done"]
        assert times_sent(azure, "PUT", f"/{name}") == (2 if name == "leaving" else 1)
