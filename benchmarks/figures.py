"""Measures and prints durations."""

import statistics
import time
from collections.abc import Callable, Sequence


def seconds_of(work: Callable[[], object], times: int) -> list[float]:
    """The wall-clock seconds of each run, after one run that does not count."""
    work()
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return seconds


def medians_of(*works: Callable[[], object], times: int, clock: Callable[[], float]) -> list[float]:
    """The median milliseconds of each work. They take turns, so that a busy machine slows all of them alike."""
    milliseconds: list[list[float]] = [[] for _ in works]
    for _ in range(1 + times):
        for work, spent in zip(works, milliseconds, strict=True):
            started = clock()
            work()
            spent.append(1000 * (clock() - started))
    return [statistics.median(spent[1:]) for spent in milliseconds]


def show(label: str, seconds: Sequence[float]) -> None:
    ordered = sorted(seconds)
    percentile_95 = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    median = statistics.median(ordered)
    print(f"{label:<58} median {median * 1000:9.1f} ms   95 % {percentile_95 * 1000:9.1f} ms   n={len(ordered)}")
