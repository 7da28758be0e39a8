"""How many reads of ARM does one creation cost, when 1, 5 or 20 run in a workspace at the same time?

Everything runs as in `make run`, against the emulator, whose endpoints take a minute. Three people create side by side,
each in their own name, so that nobody's list tells of somebody else's.
"""

import sys
import tempfile
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.support.desk import Desk, desk, environment

TOGETHER = {"ada": 1, "oscar": 5, "olga": 20}
SECONDS = 60


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "var"
        settings = environment(data) | {"EMULATOR_DEPLOYMENTS_PER_MODEL": "1000"}
        with desk(data, settings, seconds=str(SECONDS)) as started:
            pages = {person: create(started, person, number) for person, number in TOGETHER.items()}
            give_up_at = time.monotonic() + 4 * SECONDS
            while not all(is_online(started, *page) for page in pages.values()) and time.monotonic() < give_up_at:
                time.sleep(2)
            requests = started.azure.requests("GET")
    for person, number in TOGETHER.items():
        mine = [one for one in requests if one["who"].startswith(f"{person}@") and is_read(one["path"])]
        lists = sum(one["path"].endswith("/serverlessEndpoints") for one in mine)
        print(
            f"{number:2} together: {len(mine) / number:5.1f} reads for each creation, {lists} of {len(mine)} were lists"
        )


def create(started: Desk, person: str, number: int) -> tuple[object, list[str]]:
    browser = started.visitor(person)
    form = started.form(browser, "x")
    names = [f"{person}-{one}" for one in range(number)]
    forms = [form | {"name": name, "submission_id": str(uuid.uuid4())} for name in names]
    return browser, [started.submit(browser, one) for one in forms]


def is_online(started: Desk, browser: object, pages: list[str]) -> bool:
    return all(started.state(browser, page) == "online" for page in pages)  # type: ignore[arg-type]


def is_read(path: str) -> bool:
    """Of operations and endpoints; pages read workspaces too, to know who may see what."""
    return "/serverlessEndpoints" in path or "/mfeOperation" in path


if __name__ == "__main__":
    main()
