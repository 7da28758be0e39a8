"""The broker of an installation without Redis: kombu's filesystem transport, made safe for several processes.

kombu 5.7 writes a message file under its final name; a consumer that takes the file meanwhile reads an empty message,
and its worker exits with a JSONDecodeError. kombu also moves messages through the system's temporary folder, which may
be on another filesystem, where a rename is a copy.

https://github.com/celery/kombu/blob/main/kombu/transport/filesystem.py
"""

import json
import os
import uuid
from pathlib import Path
from queue import Empty
from time import time_ns
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps

ALIAS = "atomicfilesystem"


class Channel(filesystem.Channel):
    """Publish and take whole files by renaming them within one filesystem."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        for folder in (self.data_folder_in, self.processed_folder, self.control_folder):
            Path(folder).mkdir(parents=True, exist_ok=True)

    def _put(  # type: ignore[override]  # kombu itself has two names for the message
        self, queue: str, payload: dict[str, Any], **kwargs: Any
    ) -> None:
        folder = Path(self.data_folder_in)
        name = f"{time_ns()}_{uuid.uuid4()}.{queue}.msg"
        draft = folder / f".{name}.draft"
        draft.write_text(dumps(payload))  # type: ignore[no-untyped-call]
        draft.rename(folder / name)

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        """Take the oldest message of the queue; the first consumer to rename it owns it."""
        # Consumers call this many times a second on an empty queue, so it avoids Path objects.
        names = os.listdir(self.data_folder_in)  # noqa: PTH208
        for name in sorted(name for name in names if name.endswith(f".{queue}.msg") and not name.startswith(".")):
            taken = Path(self.processed_folder) / name
            try:
                (Path(self.data_folder_in) / name).rename(taken)
            except FileNotFoundError:
                continue
            payload: dict[str, Any] = json.loads(taken.read_text())
            taken.unlink()
            return payload
        raise Empty


class Transport(filesystem.Transport):
    Channel = Channel


def register() -> None:
    """Register `atomicfilesystem://` with kombu."""
    TRANSPORT_ALIASES[ALIAS] = f"{__name__}:Transport"
