"""Workers that share the reads of workspaces: every workspace is read, and no difference is reported twice."""

from emulator.seed import FIRST_WORKSPACES
from tests.support.creation import PHI
from tests.support.installation import Installation


def made_elsewhere(installation: Installation, prefix: str) -> dict[str, int]:
    """Make endpoints in every workspace as someone else; returns the reports that are expected."""
    names = [f"{prefix}-{number}" for number in range(6)]
    for number, name in enumerate(names):
        workspace = FIRST_WORKSPACES[number % 2].resource_id
        body = {"properties": {"modelSettings": {"modelId": PHI}}}
        installation.azure.create(f"{workspace}/serverlessEndpoints/{name}", **body)
    return dict.fromkeys(names, 1)


def test_killed_reader_loses_and_repeats_nothing(production: Installation) -> None:
    production.beat()
    production.worker("killed")
    production.call("create", "ada", "made")
    production.wait_until_settled("made")
    production.azure.fault("slow", where="list", seconds=1.5)
    first = made_elsewhere(production, "first")
    production.call("read_all")
    production.wait_until(lambda: production.call("readers"))
    production.kill("killed")
    production.worker("one")
    production.worker("two")
    production.wait_until(lambda: production.call("found") == first)
    second = made_elsewhere(production, "second")
    for _ in range(3):
        production.call("read_all")
    production.wait_until(lambda: len(production.call("found")) == len(first | second))
    production.call("read_all")
    production.wait_until(lambda: not production.call("readers"))
    assert production.call("found") == first | second
