"""Secrets that a laptop makes for itself on first start; real installations are given theirs."""

import contextlib
import os
from pathlib import Path

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured


def local_secret(folder: Path, name: str) -> str:
    """The secret kept in a file of `folder`, made on first use and readable by its owner alone.

    Raises ImproperlyConfigured when the folder cannot be written.
    """
    try:
        return _read_or_make(folder, name)
    except OSError as error:
        raise ImproperlyConfigured(
            f"Endpoint Desk keeps its data in {folder}, which cannot be written ({error.strerror}). "
            "Make it writable, or set DATA_DIR to another folder."
        ) from error


def _read_or_make(folder: Path, name: str) -> str:
    path = folder / name
    with contextlib.suppress(FileNotFoundError):
        return path.read_text()
    folder.mkdir(parents=True, exist_ok=True)
    # Processes that start together must agree: the one that links its file first decides.
    draft = folder / f".{name}.{os.getpid()}"
    draft.touch(mode=0o600)
    draft.write_text(Fernet.generate_key().decode())
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    return path.read_text()
