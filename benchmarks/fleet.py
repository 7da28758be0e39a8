"""How long does it take to read the whole fleet, what does it cost, and how soon is a change in Azure in the rows?

750 workspaces in 20 subscriptions, or in one, with 10,000 endpoints. The emulator answers after 170 ms. A full read
is that of one process, as "Check all now" starts it; the delay is that of a worker and beat as processes.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import requests

from benchmarks.installation import Usage, percentiles
from tests.support.azure import wait_for
from tests.support.environment import free_port
from tests.support.processes import ROOT, manage, postgres_server, redis_server, running

WORKSPACES, ENDPOINTS, LATENCY_MS = 750, 10_000, 170


@dataclass
class Fleet:
    folder: Path
    azure: str
    environment: dict[str, str]
    stack: ExitStack

    def rows(self, command: str, *arguments: object) -> str:
        """Run a command of `benchmarks/fleet_rows.py` on the database."""
        line = [sys.executable, "benchmarks/fleet_rows.py", command, *map(str, arguments)]
        completed = subprocess.run(
            line, cwd=ROOT, env={**os.environ, **self.environment}, check=True, stdout=subprocess.PIPE, text=True
        )
        return completed.stdout.strip()

    def run(self, name: str, command: list[str]) -> "subprocess.Popen[bytes]":
        return self.stack.enter_context(running(command, self.folder / f"{name}.log", **self.environment))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--production", action="store_true", help="PostgreSQL and Redis instead of SQLite and files")
    parser.add_argument("--changes", type=int, default=40, help="changes to measure (default: %(default)s)")
    options = parser.parse_args()
    backend = "PostgreSQL" if options.production else "SQLite"
    for subscriptions in (20, 1):
        with start(subscriptions, production=options.production) as fleet:
            print(f"{WORKSPACES} workspaces in {subscriptions} subscriptions, {ENDPOINTS:,} endpoints, {backend}:")
            print(f"  first read, all rows are new   {fleet.rows('read')}")
            print(f"  read without changes           {fleet.rows('read')}")
            print(f"  again                          {fleet.rows('read')}", flush=True)
            if subscriptions > 1:
                measure_delay(fleet, options.changes)


def measure_delay(fleet: Fleet, changes: int) -> None:
    """Change the tags of endpoints at random moments, and wait until the rows show it."""
    fleet.rows("spread")
    worker = fleet.run("worker", manage("worker"))
    fleet.run("beat", manage("beat"))
    time.sleep(10)
    before, started, made = Usage.of(worker), time.monotonic(), {}
    for arm_id in random.sample(fleet.rows("ids").splitlines(), changes):
        tag = f"{time.time():.3f}"
        url = f"{fleet.azure}/emulator/resources{arm_id}"
        requests.patch(url, json={"tags": {"changed": tag}}, timeout=30).raise_for_status()
        made[arm_id] = float(tag)
        time.sleep(random.uniform(1, 3))
    time.sleep(240)
    elapsed, after = time.monotonic() - started, Usage.of(worker)
    seen = dict(line.split() for line in fleet.rows("changed").splitlines())
    delays = [float(seen[arm_id]) - at for arm_id, at in made.items() if arm_id in seen]
    figures = "   ".join(f"{name} {value:.0f} s" for name, value in percentiles(delays).items())
    print(f"  from Azure to the rows         {figures}   {len(delays)} of {len(made)}")
    print(f"  worker at rest                 {(after.seconds - before.seconds) / elapsed:.1%} of a core", flush=True)


@contextmanager
def start(subscriptions: int, *, production: bool) -> Iterator[Fleet]:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder, port = Path(name), free_port()
        environment = {
            "DATA_DIR": str(folder / "var"),
            "PORT": "8000",
            "EMULATOR_PORT": str(port),
            "LOG_LEVEL": "WARNING",
            "AZURE_BACKEND": "emulator",
            "WATCHER_IDENTITY": "managed",
        }
        (folder / "var" / "static").mkdir(parents=True)
        if production:
            environment["DATABASE_URL"] = stack.enter_context(postgres_server(folder))
            environment["REDIS_URL"] = stack.enter_context(redis_server(folder))
        sizes = {"workspaces": WORKSPACES, "subscriptions": subscriptions, "endpoints": ENDPOINTS}
        arguments = [f"--{key}={value}" for key, value in {**sizes, "latency-ms": LATENCY_MS, "port": port}.items()]
        process = stack.enter_context(running([sys.executable, "-m", "emulator", *arguments], folder / "emulator.log"))
        azure = f"http://127.0.0.1:{port}"
        wait_for(f"{azure}/healthz", process)
        environment |= {"IDENTITY_ENDPOINT": f"{azure}/msi/token", "IDENTITY_HEADER": "emulator-identity-header"}
        subprocess.run(manage("migrate", "-v0"), cwd=ROOT, env={**os.environ, **environment}, check=True)
        fleet = Fleet(folder, azure, environment, stack)
        fleet.rows("register")
        yield fleet


if __name__ == "__main__":
    main()
