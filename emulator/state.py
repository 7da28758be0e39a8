"""Everything the emulator remembers. One process, one lock; a copy goes to the state file if there is one."""

import atexit
import json
import os
import secrets
import sys
import threading
import time
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

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


Table = dict[str, dict[str, Resource]]


@dataclass
class Operation:
    """One asynchronous operation. Nothing ticks: its state follows from the clock whenever somebody looks."""

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
    # What becomes of the resource when it ends well.
    changes: Document = field(default_factory=dict)
    # How many polls are still answered as if there were no such operation.
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

    def table(self, collection: str) -> Table:
        return self.marketplace if collection == "marketplaceSubscriptions" else self.endpoints

    def clear(self) -> None:
        """Forget what people did; keys stay, so that whoever is signed in stays signed in."""
        for memory in (self.endpoints, self.marketplace, self.operations, self.revoked_at, self.certificates):
            memory.clear()


lock = threading.RLock()
_changed = threading.Event()


def changed() -> None:
    """Say that the state differs from the file; reading never says so."""
    _changed.set()


@cache
def state() -> State:
    """The state of this process, from the file if one was named and is there."""
    path = options().state_file
    loaded = (_read(path) if path and path.exists() else None) or State()
    if path:
        _keep_saving(loaded, path)
    return loaded


def _read(path: Path) -> State | None:
    """What the file holds. One that cannot be read, as another version wrote it, is put aside."""
    try:
        return _state_of(json.loads(path.read_text("utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError):
        aside = path.replace(path.with_name(f"{path.name}.unreadable"))
        sys.stderr.write(f"The state in {path} cannot be read. It is now {aside}, and the emulator starts empty.\n")
        return None


def _state_of(kept: Document) -> State:
    for name in ("endpoints", "marketplace"):
        kept[name] = {
            workspace: {key: Resource(**row) for key, row in rows.items()} for workspace, rows in kept[name].items()
        }
    kept["operations"] = {name: Operation(**row) for name, row in kept["operations"].items()}
    return State(**kept)


def _keep_saving(kept: State, path: Path) -> None:
    """Write soon after each change, together with the changes just behind it, and once more at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _save(kept, path)
    threading.Thread(target=_save_when_changed, args=(kept, path), daemon=True).start()
    atexit.register(_save, kept, path)


def _save_when_changed(kept: State, path: Path) -> None:
    pause = SAVE_AFTER_SECONDS
    while _changed.wait():
        time.sleep(pause)
        _changed.clear()
        started = time.monotonic()
        _save(kept, path)
        # Much takes long to write; nobody shall wait for it more than a tenth of the time.
        pause = max(SAVE_AFTER_SECONDS, 10 * (time.monotonic() - started))


def _save(kept: State, path: Path) -> None:
    """Replace the file in one step, readable by its owner alone: it holds the signing key."""
    with lock:
        text = json.dumps(asdict(kept))
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
