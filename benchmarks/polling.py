"""How much does polling cost, how late are the polls, and how soon do they resume after a SIGKILL?

Everything is real: worker and beat as processes, their database and broker, HTTP over loopback with 150 ms of latency.
Processor time is that of worker and beat alone. For comparison, Microsoft's own client polls a thousand operations.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.installation import Installation, Usage, percentiles, start_installation

POLL_EVERY_SECONDS = 30
OFFICIAL = 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--in-flight", type=int, nargs="*", default=[1_000, 10_000], help="numbers of operations")
    parser.add_argument("--seconds", type=int, default=60, help="duration of a measurement (default: %(default)s)")
    parser.add_argument("--production", action="store_true", help="PostgreSQL and Redis instead of SQLite and files")
    parser.add_argument("--only-in-flight", action="store_true", help="measure nothing else")
    options = parser.parse_args()
    backend = "PostgreSQL and Redis" if options.production else "SQLite and files"
    for number in options.in_flight:
        with fresh(production=options.production) as installation:
            measure_polls(installation, number, options.seconds, f"{number:,} in flight, {backend}")
    if options.only_in_flight:
        return
    with fresh() as installation:
        measure_azure_core(installation, options.seconds)
    with fresh("--lists") as installation:
        measure_polls(installation, 10_000, options.seconds, "10,000 in flight, 100 to a workspace, lists allowed")
    for workers in (1, 2):
        with fresh("--retry-after", "2", production=True) as installation:
            measure_full_speed(installation, workers, options.seconds)
    with fresh(production=options.production) as installation:
        measure_rest(installation, options.seconds, backend)


@contextmanager
def fresh(*arm_options: str, production: bool = False) -> Iterator[Installation]:
    with (
        tempfile.TemporaryDirectory() as folder,
        start_installation(Path(folder), *arm_options, production=production) as installation,
    ):
        yield installation


def measure_polls(installation: Installation, number: int, seconds: int, label: str) -> None:
    installation.fill("--in-flight", number)
    installation.start()
    time.sleep(POLL_EVERY_SECONDS)  # the first round also loads everything
    installation.arrivals()
    before, started, lags, reads = _usage(installation), time.monotonic(), [], []
    while time.monotonic() - started < seconds:
        due = installation.due_times()
        requested_at = time.time()
        time.sleep(POLL_EVERY_SECONDS / 3)
        arrivals = installation.arrivals()
        reads += arrivals
        for name, at in arrivals:
            if name in due and at >= requested_at:
                lags.append(at - due.pop(name))
    elapsed, after = time.monotonic() - started, _usage(installation)
    worker, beat = (_share(*usages, elapsed) for usages in zip(before, after, strict=True))
    print(f"{label}:")
    print(
        f"  {len(reads) / elapsed:6.0f} reads per second, {_cost(before, after, len(reads))} of processor time per read"
    )
    print(f"  {worker} of a core in the worker, {beat} in beat")
    memory = f"{before[0].mebibytes:.0f} MiB at first, {after[0].mebibytes:.0f} MiB after {elapsed:.0f} s"
    print(f"  memory of the worker {memory}")
    if len(lags) > 100:
        figures = "   ".join(f"{name} {value:.2f} s" for name, value in percentiles(lags).items())
        print(
            f"  later than due: {figures}   within 2 s: {sum(lag < 2 for lag in lags) / len(lags):.2%}   n={len(lags)}"
        )
        recover(installation)
    print(flush=True)


def recover(installation: Installation) -> None:
    """Kill the worker, start another after a second as a supervisor does, and wait until no poll is late."""
    installation.workers[0].kill()
    killed_at = time.time()
    time.sleep(1)
    installation.start_worker()
    installation.arrivals()
    first = 0.0
    while time.time() - killed_at < 120:
        time.sleep(0.2)
        if not first and (arrivals := installation.arrivals()):
            first = arrivals[0][1] - killed_at
        late_before = time.time() - 2  # reading the rows may take a second
        if first and min(installation.due_times().values(), default=late_before) >= late_before:
            break
    caught_up = time.time() - killed_at
    print(f"  after SIGKILL of the worker: first read after {first:.1f} s, no poll late after {caught_up:.1f} s")


def measure_azure_core(installation: Installation, seconds: int) -> None:
    options = ["--arm", installation.arm_url, "--operations", OFFICIAL, "--every", POLL_EVERY_SECONDS]
    process = installation.run("official", [sys.executable, "benchmarks/official.py", *map(str, options)])
    time.sleep(2 * POLL_EVERY_SECONDS)
    installation.arrivals()
    before, started = Usage.of(process), time.monotonic()
    time.sleep(seconds)
    after, elapsed, reads = Usage.of(process), time.monotonic() - started, installation.arrivals()
    cost = 1000 * (after.seconds - before.seconds) / max(1, len(reads))
    print(f"{OFFICIAL:,} in flight, azure-core with a thread for each:")
    print(f"  {len(reads) / elapsed:6.0f} reads per second, {cost:.2f} ms of processor time per read")
    print(
        f"  {_share(before, after, elapsed)} of a core, {after.mebibytes:.0f} MiB; a SIGKILL forgets all of them\n",
        flush=True,
    )


def measure_full_speed(installation: Installation, workers: int, seconds: int) -> None:
    """With more polls due than the workers can do: how many do they do together, and is any done twice?"""
    installation.fill("--in-flight", 10_000, "--workspaces-per-subscription", 1)
    installation.start(workers)
    time.sleep(10)
    installation.arrivals()
    before, started = [Usage.of(worker) for worker in installation.workers], time.monotonic()
    time.sleep(seconds)
    after, elapsed = [Usage.of(worker) for worker in installation.workers], time.monotonic() - started
    reads = installation.arrivals()
    last: dict[str, float] = {}
    twice = 0
    for name, at in [read for read in reads if read[0] != "list"]:
        twice += at - last.get(name, 0.0) < 2  # Retry-After is 2 s
        last[name] = at
    label = "one worker" if workers == 1 else f"{workers} workers"
    spent = sum(usage.seconds for usage in after) - sum(usage.seconds for usage in before)
    rate = f"{len(reads) / elapsed:.0f} reads per second at {1000 * spent / max(1, len(reads)):.2f} ms"
    print(f"full speed of {label}, PostgreSQL and Redis: {rate}, {twice} of {len(reads)} done twice\n", flush=True)


def measure_rest(installation: Installation, seconds: int, backend: str) -> None:
    installation.fill("--at-rest", 10_000)
    installation.start()
    time.sleep(5)
    before, started = _usage(installation), time.monotonic()
    time.sleep(seconds)
    after, elapsed = _usage(installation), time.monotonic() - started
    worker, beat = (_share(*usages, elapsed) for usages in zip(before, after, strict=True))
    print(f"nothing in flight, 10,000 at rest, {backend}: {worker} of a core in the worker, {beat} in beat\n")


def _usage(installation: Installation) -> tuple[Usage, Usage]:
    assert installation.beat is not None
    return Usage.of(installation.workers[-1]), Usage.of(installation.beat)


def _cost(before: tuple[Usage, Usage], after: tuple[Usage, Usage], reads: int) -> str:
    spent = sum(usage.seconds for usage in after) - sum(usage.seconds for usage in before)
    return f"{1000 * spent / max(1, reads):.2f} ms"


def _share(before: Usage, after: Usage, seconds: float) -> str:
    return f"{(after.seconds - before.seconds) / seconds:.1%}"


if __name__ == "__main__":
    main()
