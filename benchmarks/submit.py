"""How long does a person wait after the click, and how long until the PUT has reached Azure?

Everything runs as in `make run`: web, worker, beat and emulator as processes of their own, SQLite, messages by files.
"""

import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.figures import show
from tests.support.desk import desk, environment

TIMES = 30


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "var"
        with desk(data, environment(data), seconds="30") as started:
            browser = started.visitor("ada")
            answered, sent = [], []
            for number in range(TIMES):
                form = started.form(browser, f"chat-{number}")
                clicked, clicked_at = time.perf_counter(), time.time()
                started.submit(browser, form)
                answered.append(time.perf_counter() - clicked)
                sent.append(_put_at(started, f"chat-{number}") - clicked_at)
    show("submit answered", answered[1:])
    show("submit to PUT received by Azure", sent[1:])


def _put_at(started: object, name: str) -> float:
    while True:
        found = started.azure.requests("PUT", f"/{name}")  # type: ignore[attr-defined]
        if found:
            return datetime.fromisoformat(found[0]["at"]).timestamp()
        time.sleep(0.02)


if __name__ == "__main__":
    main()
