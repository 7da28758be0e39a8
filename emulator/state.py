"""The state of the emulator: one process, one lock, and a copy in the state file if there is one."""

import atexit
import json
import os
import secrets
import sys
import threading
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from emulator import clock
from emulator.options import options
from emulator.signing import new_private_key

Document = dict[str, Any]
SAVE_AFTER_SECONDS = 0.1


@dataclass
class Resource:
    """An endpoint or a marketplace subscription: the document as ARM shows it, and the operation on it."""

    workspace: str
    document: Document
    operation: str | None = None
    keys: dict[str, str] = field(default_factory=dict)
    suspended_at: float | None = None
    suspended_seconds: float = 0
    # States that are shown for a while only, and then these again.
    reverts_at: float | None = None
    reverts_to: Document = field(default_factory=dict)


Table = dict[str, dict[str, Resource]]


@dataclass
class Operation:
    """One asynchronous operation. Nothing runs in the background: its state follows from the clock on every read."""

    id: str
    kind: str
    collection: str
    workspace: str
    name: str
    subscription: str
    region: str
    started_at: float
    status_ends_at: float | None
    resource_ends_at: float | None
    outcome: str = "Succeeded"
    status_outcome: str = "Succeeded"
    error: Document | None = None
    error_status: int = 409
    settled: bool = False
    # Changes to the resource if the operation succeeds.
    changes: Document = field(default_factory=dict)
    # How many more polls get 404, as if the operation did not exist.
    unknown_polls: int = 0
    result_status: int = 200


@dataclass
class State:
    secret: str = field(default_factory=lambda: secrets.token_hex(32))
    private_key: str = field(default_factory=new_private_key)
    endpoints: Table = field(default_factory=dict)
    marketplace: Table = field(default_factory=dict)
    operations: dict[str, Operation] = field(default_factory=dict)
    revoked_at: dict[str, float] = field(default_factory=dict)
    # PEM, by client id.
    certificates: dict[str, list[str]] = field(default_factory=dict)
    # What was created or, if None, deleted since the start, by id without regard to case.
    scopes: dict[str, Document | None] = field(default_factory=dict)
    # Roles, by object id and scope.
    access: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    # The state of the resource provider and its lists without registration, by subscription.
    registrations: dict[str, list[str]] = field(default_factory=dict)
    # How far the clock of operations is ahead of the wall clock.
    clock_ahead: float = 0.0

    def table(self, collection: str) -> Table:
        return self.marketplace if collection == "marketplaceSubscriptions" else self.endpoints

    def clear(self) -> None:
        """Forget everything but the keys, so that people stay signed in."""
        for memory in (self.endpoints, self.marketplace, self.operations, self.revoked_at, self.certificates):
            memory.clear()
        self.scopes.clear()
        self.access.clear()
        self.registrations.clear()
        self.clock_ahead = 0.0
        clock.restart()


lock = threading.RLock()
_changed = threading.Event()


def changed() -> None:
    """Mark the state as different from the file."""
    _changed.set()


def advance_clock(seconds: float) -> None:
    """Raises ValueError for a negative or absurd number."""
    with lock:
        clock.advance(seconds)
        state().clock_ahead = clock.ahead()
    changed()


@cache
def state() -> State:
    """The state of this process, read from the state file if it exists."""
    path = options().state_file
    loaded = (_read(path) if path and path.exists() else None) or State()
    clock.restart(loaded.clock_ahead)
    if path:
        _keep_saving(loaded, path)
    return loaded


def _read(path: Path) -> State | None:
    """The state in the file. A file that cannot be read, such as that of another version, is moved aside."""
    try:
        return _state_of(json.loads(path.read_text("utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError):
        aside = path.replace(path.with_name(f"{path.name}.unreadable"))
        sys.stderr.write(f"The state in {path} cannot be read. It is now {aside}, and the emulator starts empty.\n")
        return None


def _state_of(document: Document) -> State:
    for name in ("endpoints", "marketplace"):
        document[name] = {
            workspace: {key: Resource(**row) for key, row in rows.items()} for workspace, rows in document[name].items()
        }
    document["operations"] = {name: Operation(**row) for name, row in document["operations"].items()}
    return State(**document)


def _keep_saving(current: State, path: Path) -> None:
    """Save soon after each change, several changes at once, and once more at exit."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _save(current, path)
    threading.Thread(target=_save_when_changed, args=(current, path), daemon=True).start()
    atexit.register(_save, current, path)


def _save_when_changed(current: State, path: Path) -> None:
    pause = SAVE_AFTER_SECONDS
    while _changed.wait():
        time.sleep(pause)
        _changed.clear()
        started = time.monotonic()
        _save(current, path)
        # A large state takes long to save, so spend a tenth of the time on it at most.
        pause = max(SAVE_AFTER_SECONDS, 10 * (time.monotonic() - started))


def _save(current: State, path: Path) -> None:
    """Replace the file atomically, readable by its owner alone, since it contains the signing key."""
    with lock:
        # Not asdict, which copies everything first: ten times slower, while every request waits for the lock.
        text = json.dumps(current, default=vars)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
