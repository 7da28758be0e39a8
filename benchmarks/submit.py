"""How long does a user wait after the click, and how long until the PUT has reached Azure?

Everything runs as with `make run`: web, worker, beat and emulator as separate processes, SQLite, and messages through
files.
"""

import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.figures import show
from tests.support.desk import Desk, desk, environment

TIMES = int(sys.argv[1]) if len(sys.argv) > 1 else 30


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "var"
        with desk(data, environment(data), seconds="30") as started:
            browser = started.visitor("ada")
            response_times, put_times = [], []
            for number in range(TIMES):
                form = started.form(browser, f"chat-{number}")
                clicked, clicked_at = time.perf_counter(), time.time()
                started.submit(browser, form)
                response_times.append(time.perf_counter() - clicked)
                put_times.append(_put_at(started, f"chat-{number}") - clicked_at)
    show("submit to response", response_times[1:])
    show("submit to PUT received by Azure", put_times[1:])


def _put_at(started: Desk, name: str) -> float:
    while True:
        requests = started.azure.requests("PUT", f"/{name}")
        if requests:
            return datetime.fromisoformat(requests[0]["at"]).timestamp()
        time.sleep(0.02)


if __name__ == "__main__":
    main()
