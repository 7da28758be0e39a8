"""Secrets that a local installation generates on its first start; a production installation gets them as settings."""

import contextlib
import os
from pathlib import Path

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured


def local_secret(folder: Path, name: str) -> str:
    """The secret in a file of `folder`, generated on first use and readable only by its owner.

    Raises ImproperlyConfigured if the folder cannot be written.
    """
    try:
        return _read_or_generate(folder, name)
    except OSError as error:
        raise ImproperlyConfigured(
            f"Endpoint Desk keeps its data in {folder}, which cannot be written ({error.strerror}). "
            "Make it writable, or set DATA_DIR to another folder."
        ) from error


def _read_or_generate(folder: Path, name: str) -> str:
    path = folder / name
    with contextlib.suppress(FileNotFoundError):
        return path.read_text()
    folder.mkdir(parents=True, exist_ok=True)
    # Processes that start together must agree on one secret: the first to link its file wins.
    draft = folder / f".{name}.{os.getpid()}"
    draft.touch(mode=0o600)
    draft.write_text(Fernet.generate_key().decode())
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    return path.read_text()
