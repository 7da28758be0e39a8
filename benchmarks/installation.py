"""A whole installation: database, broker, emulator, an ARM that only answers reads, workers and beat."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.support.azure import wait_for
from tests.support.environment import free_port
from tests.support.processes import ROOT, manage, postgres_server, redis_server, running

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Usage:
    """Processor seconds and resident MiB of a process so far."""

    seconds: float
    mebibytes: float

    @classmethod
    def of(cls, process: "subprocess.Popen[bytes]") -> "Usage":
        folder = Path("/proc") / str(process.pid)
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        resident = next(line for line in (folder / "status").read_text().splitlines() if line.startswith("VmRSS"))
        return cls((int(fields[11]) + int(fields[12])) / TICKS, int(resident.split()[1]) / 1024)


@dataclass
class Installation:
    folder: Path
    arm_url: str
    environment: dict[str, str]
    stack: ExitStack
    workers: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    beat: "subprocess.Popen[bytes] | None" = None

    def start(self, workers: int = 1) -> None:
        """Start workers and beat, and give them time to be ready."""
        for _ in range(workers):
            self.start_worker()
        self.beat = self.run("beat", manage("beat"))
        time.sleep(5)

    def start_worker(self) -> None:
        self.workers.append(self.run(f"worker-{len(self.workers)}", manage("worker")))

    def fill(self, *arguments: object) -> None:
        """Put rows into the database, with `benchmarks/fill.py` and its arguments."""
        command = [sys.executable, "benchmarks/fill.py", *map(str, arguments)]
        subprocess.run(command, cwd=ROOT, env={**os.environ, **self.environment}, check=True)

    def due_times(self) -> dict[str, float]:
        """When each operation without a lease is due, by the name of its endpoint."""
        command = [sys.executable, "benchmarks/fill.py", "--due"]
        completed = subprocess.run(
            command, cwd=ROOT, env={**os.environ, **self.environment}, check=True, capture_output=True
        )
        lines = (line.split() for line in completed.stdout.decode().splitlines())
        return {name: float(due) for name, due in lines}

    def arrivals(self) -> list[tuple[str, float]]:
        """The reads that arrived at ARM since the last call of this, each with its time."""
        rows: list[tuple[str, float]] = requests.get(f"{self.arm_url}/arrivals", timeout=60).json()
        return rows

    def run(self, name: str, command: list[str]) -> "subprocess.Popen[bytes]":
        """Start a process that ends with the installation."""
        return self.stack.enter_context(running(command, self.folder / f"{name}.log", **self.environment))


@contextmanager
def start_installation(folder: Path, *arm_options: str, production: bool = False) -> Iterator[Installation]:
    """With PostgreSQL and Redis if `production`, else with SQLite and messages through files."""
    emulator_port, arm_port = free_port(), free_port()
    environment: dict[str, str] = {
        "DATA_DIR": str(folder / "var"),
        "PORT": "8000",
        "EMULATOR_PORT": str(arm_port),
        "LOG_LEVEL": "WARNING",
        "AZURE_BACKEND": "emulator",
    }
    (folder / "var" / "static").mkdir(parents=True)
    with ExitStack() as stack:
        if production:
            environment["DATABASE_URL"] = stack.enter_context(postgres_server(folder))
            environment["REDIS_URL"] = stack.enter_context(redis_server(folder))
        emulator = [sys.executable, "-m", "emulator", "--port", str(emulator_port)]
        redirect = ["--client-redirect", "http://localhost:8000/auth/callback"]
        process = stack.enter_context(running([*emulator, *redirect], folder / "emulator.log"))
        wait_for(f"http://127.0.0.1:{emulator_port}/healthz", process)
        arm = [sys.executable, "benchmarks/arm.py", "--port", str(arm_port)]
        forward = ["--emulator", f"http://127.0.0.1:{emulator_port}"]
        process = stack.enter_context(running([*arm, *forward, *arm_options], folder / "arm.log"))
        wait_for(f"http://127.0.0.1:{arm_port}/healthz", process)
        subprocess.run(manage("migrate", "-v0"), cwd=ROOT, env={**os.environ, **environment}, check=True)
        yield Installation(folder, f"http://127.0.0.1:{arm_port}", environment, stack)


def percentiles(values: list[float]) -> Mapping[str, Any]:
    ordered = sorted(values) or [0.0]
    return {f"p{share}": ordered[min(len(ordered) - 1, len(ordered) * share // 100)] for share in (50, 95, 99)} | {
        "max": ordered[-1]
    }
