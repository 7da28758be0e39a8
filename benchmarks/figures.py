"""How figures are taken and printed."""

import statistics
import time
from collections.abc import Callable, Sequence


def seconds_of(work: Callable[[], object], times: int) -> list[float]:
    """The wall-clock seconds of each run, after one that does not count."""
    work()
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return taken


def show(what: str, seconds: Sequence[float]) -> None:
    ordered = sorted(seconds)
    worst = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    middle = statistics.median(ordered)
    print(f"{what:<58} median {middle * 1000:9.1f} ms   95 % {worst * 1000:9.1f} ms   n={len(ordered)}")
