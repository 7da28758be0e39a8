"""How long does it take from `make run` in a prepared clone to the first page?"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.figures import show  # noqa: E402
from tests.support.environment import free_port  # noqa: E402


def seconds_to_first_page(folder: str) -> float:
    port = free_port()
    environment = {**os.environ, "DATA_DIR": folder, "PORT": str(port), "EMULATOR_PORT": str(free_port())}
    started = time.perf_counter()
    process = subprocess.Popen(["make", "run"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    try:
        while not _answers(f"http://localhost:{port}/auth/sign-in"):
            time.sleep(0.02)
        return time.perf_counter() - started
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        show("make run to first page, first start (empty database)", [seconds_to_first_page(folder)])
        show("make run to first page, every later start", [seconds_to_first_page(folder) for _ in range(3)])


if __name__ == "__main__":
    main()
