"""What came in lately, for people and tests to look at: in memory only, and without any secret."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

_KEEP = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    number: int
    at: str
    method: str
    path: str
    status: int
    who: str
    milliseconds: float
    client_request_id: str
    correlation_id: str
    faults: tuple[str, ...]


_lock = threading.Lock()
_entries: deque[Entry] = deque(maxlen=_KEEP)
_numbers = itertools.count(1)


def write(**facts: Any) -> None:
    with _lock:
        _entries.append(Entry(number=next(_numbers), **facts))


def newest_first(limit: int = _KEEP) -> list[dict[str, Any]]:
    with _lock:
        chosen = list(itertools.islice(reversed(_entries), limit))
    return [asdict(entry) for entry in chosen]


def clear() -> None:
    with _lock:
        _entries.clear()
