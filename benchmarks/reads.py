"""How many reads of ARM does one creation take, with 1, 5 or 20 in a workspace at the same time?

Everything runs as with `make run`, against the emulator, where a creation takes a minute. Three users create at the
same time, so that no list of one user reports on the creations of another.
"""

import sys
import tempfile
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from requests import Session

from tests.support.desk import Desk, desk, environment

CREATIONS = {"ada": 1, "oscar": 5, "olga": 20}
SECONDS = 60


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "var"
        settings = environment(data) | {"EMULATOR_DEPLOYMENTS_PER_MODEL": "1000"}
        with desk(data, settings, seconds=str(SECONDS)) as started:
            pages = {person: create(started, person, number) for person, number in CREATIONS.items()}
            give_up_at = time.monotonic() + 4 * SECONDS
            while not all(is_online(started, *page) for page in pages.values()) and time.monotonic() < give_up_at:
                time.sleep(2)
            requests = started.azure.requests("GET")
    for person, number in CREATIONS.items():
        reads = [row for row in requests if row["who"].startswith(f"{person}@") and is_read(row["path"])]
        lists = sum(row["path"].endswith("/serverlessEndpoints") for row in reads)
        print(f"{number:2} together: {len(reads) / number:5.1f} reads per creation, {lists} of {len(reads)} were lists")


def create(started: Desk, person: str, number: int) -> tuple[Session, list[str]]:
    browser = started.visitor(person)
    form = started.form(browser, "x")
    names = [f"{person}-{index}" for index in range(number)]
    forms = [form | {"name": name, "submission_id": str(uuid.uuid4())} for name in names]
    return browser, [started.submit(browser, filled) for filled in forms]


def is_online(started: Desk, browser: Session, pages: list[str]) -> bool:
    return all(started.state(browser, page) == "online" for page in pages)


def is_read(path: str) -> bool:
    """Whether it reads an operation or an endpoint. Pages also read workspaces, to check access."""
    return "/serverlessEndpoints" in path or "/mfeOperation" in path


if __name__ == "__main__":
    main()
