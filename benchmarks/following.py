"""What does it cost to follow operations, how late are the polls, and how soon does it go on after a SIGKILL?

Everything is real: worker and beat as processes, their database and broker, HTTP over loopback with 150 ms of latency.
Processor time is that of worker and beat alone. Microsoft's own client follows a thousand operations beside it.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.installation import Installation, Usage, installation, percentiles

RHYTHM_SECONDS = 30
OFFICIAL = 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--in-flight", type=int, nargs="*", default=[1_000, 10_000], help="how many are followed")
    parser.add_argument("--seconds", type=int, default=60, help="how long is measured (default: %(default)s)")
    parser.add_argument("--production", action="store_true", help="PostgreSQL and Redis instead of SQLite and files")
    parser.add_argument("--only-in-flight", action="store_true", help="leave out lists, saturation and rest")
    given = parser.parse_args()
    where = "PostgreSQL and Redis" if given.production else "SQLite and files"
    for number in given.in_flight:
        with fresh(production=given.production) as desk:
            follow(desk, number, given.seconds, f"{number:,} in flight, {where}")
    if given.only_in_flight:
        return
    with fresh() as desk:
        official(desk, given.seconds)
    with fresh("--lists") as desk:
        follow(desk, 10_000, given.seconds, "10,000 in flight, 100 to a workspace, lists allowed")
    for workers in (1, 2):
        with fresh("--retry-after", "2", production=True) as desk:
            saturate(desk, workers, given.seconds)
    with fresh(production=given.production) as desk:
        idle(desk, given.seconds, where)


@contextmanager
def fresh(*arm_options: str, production: bool = False) -> Iterator[Installation]:
    with tempfile.TemporaryDirectory() as folder, installation(Path(folder), *arm_options, production=production) as it:
        yield it


def follow(desk: Installation, number: int, seconds: int, what: str) -> None:
    desk.fill("--in-flight", number)
    desk.start()
    time.sleep(RHYTHM_SECONDS)  # the first round, in which everything is loaded
    desk.seen()
    before, started, lags, seen = _usage(desk), time.monotonic(), [], []
    while time.monotonic() - started < seconds:
        due = desk.due_times()
        requested_at = time.time()
        time.sleep(RHYTHM_SECONDS / 3)
        came = desk.seen()
        seen += came
        for name, at in came:
            if name in due and at >= requested_at:
                lags.append(at - due.pop(name))
    elapsed, after = time.monotonic() - started, _usage(desk)
    worker, beat = (_share(one, other, elapsed) for one, other in zip(before, after, strict=True))
    print(f"{what}:")
    print(f"  {len(seen) / elapsed:6.0f} reads a second, {_cost(before, after, len(seen))} of processor time a read")
    print(f"  {worker} of a core in the worker, {beat} in beat")
    memory = f"{before[0].mebibytes:.0f} MiB at first, {after[0].mebibytes:.0f} MiB after {elapsed:.0f} s"
    print(f"  memory of the worker {memory}")
    if len(lags) > 100:
        words = "   ".join(f"{name} {value:.2f} s" for name, value in percentiles(lags).items())
        print(f"  later than due: {words}   within 2 s: {sum(lag < 2 for lag in lags) / len(lags):.2%}   n={len(lags)}")
        recover(desk)
    print(flush=True)


def recover(desk: Installation) -> None:
    """Kill the worker, start another after a second as any supervisor would, and see until nothing is overdue."""
    desk.workers[0].kill()
    killed_at = time.time()
    time.sleep(1)
    desk.start_worker()
    desk.seen()
    first = 0.0
    while time.time() - killed_at < 120:
        time.sleep(0.2)
        if not first and (came := desk.seen()):
            first = came[0][1] - killed_at
        if first and not [due for due in desk.due_times().values() if due < time.time() - 2]:
            break
    caught_up = time.time() - killed_at
    print(
        f"  after SIGKILL of the worker: first read after {first:.1f} s, nothing late any more after {caught_up:.1f} s"
    )


def official(desk: Installation, seconds: int) -> None:
    options = ["--arm", desk.arm_url, "--operations", OFFICIAL, "--every", RHYTHM_SECONDS]
    process = desk.run("official", [sys.executable, "benchmarks/official.py", *map(str, options)])
    time.sleep(2 * RHYTHM_SECONDS)
    desk.seen()
    before, started = Usage.of(process), time.monotonic()
    time.sleep(seconds)
    after, elapsed, seen = Usage.of(process), time.monotonic() - started, desk.seen()
    cost = 1000 * (after.seconds - before.seconds) / max(1, len(seen))
    print(f"{OFFICIAL:,} in flight, azure-core with a thread for each:")
    print(f"  {len(seen) / elapsed:6.0f} reads a second, {cost:.2f} ms of processor time a read")
    print(
        f"  {_share(before, after, elapsed)} of a core, {after.mebibytes:.0f} MiB; a SIGKILL forgets all of them\n",
        flush=True,
    )


def saturate(desk: Installation, workers: int, seconds: int) -> None:
    """More is due than can be done: what do workers do together, and is anything done twice?"""
    desk.fill("--in-flight", 10_000, "--workspaces-per-subscription", 1)
    desk.start(workers)
    time.sleep(10)
    desk.seen()
    before, started = [Usage.of(worker) for worker in desk.workers], time.monotonic()
    time.sleep(seconds)
    after, elapsed = [Usage.of(worker) for worker in desk.workers], time.monotonic() - started
    seen = desk.seen()
    last: dict[str, float] = {}
    twice = 0
    for name, at in [one for one in seen if one[0] != "list"]:
        twice += at - last.get(name, 0.0) < 2  # Retry-After is 2 s
        last[name] = at
    who = "one worker" if workers == 1 else f"{workers} workers"
    spent = sum(one.seconds for one in after) - sum(one.seconds for one in before)
    rate = f"{len(seen) / elapsed:.0f} reads a second at {1000 * spent / max(1, len(seen)):.2f} ms"
    print(f"all that {who} can do, PostgreSQL and Redis: {rate}, {twice} of {len(seen)} done twice\n", flush=True)


def idle(desk: Installation, seconds: int, where: str) -> None:
    desk.fill("--at-rest", 10_000)
    desk.start()
    time.sleep(5)
    before, started = _usage(desk), time.monotonic()
    time.sleep(seconds)
    after, elapsed = _usage(desk), time.monotonic() - started
    worker, beat = (_share(one, other, elapsed) for one, other in zip(before, after, strict=True))
    print(f"nothing in flight, 10,000 at rest, {where}: {worker} of a core in the worker, {beat} in beat\n")


def _usage(desk: Installation) -> tuple[Usage, Usage]:
    assert desk.beat is not None
    return Usage.of(desk.workers[-1]), Usage.of(desk.beat)


def _cost(before: tuple[Usage, Usage], after: tuple[Usage, Usage], reads: int) -> str:
    spent = sum(one.seconds for one in after) - sum(one.seconds for one in before)
    return f"{1000 * spent / max(1, reads):.2f} ms"


def _share(before: Usage, after: Usage, seconds: float) -> str:
    return f"{(after.seconds - before.seconds) / seconds:.1%}"


if __name__ == "__main__":
    main()
