"""System checks of the sign-in settings. Each error has a hint that says how to fix it."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

GUID_PATTERN = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@register()
def sign_in_is_set_up(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    return [*_registration(), *_credential(), *_token_cache_keys(), *_identities()]


def _registration() -> Iterator[CheckMessage]:
    if not GUID_PATTERN.fullmatch(settings.ENTRA_TENANT_ID):
        yield Error(
            "ENTRA_TENANT_ID is not the id of one tenant.",
            hint="Set it to the directory (tenant) id, a GUID; common and organizations are refused.",
            id="accounts.E001",
        )
    if not GUID_PATTERN.fullmatch(settings.ENTRA_CLIENT_ID):
        yield Error(
            "ENTRA_CLIENT_ID is not the id of an application.",
            hint="Set it to the application (client) id of the app registration, a GUID.",
            id="accounts.E002",
        )
    if urlsplit(settings.ENTRA_AUTHORITY_HOST).scheme != "https":
        yield Error(
            "ENTRA_AUTHORITY_HOST is not https, so codes, tokens and the client secret would be sent in the clear.",
            hint="Use https://login.microsoftonline.com or the host of your sovereign cloud.",
            id="accounts.E011",
        )
    emulators = {settings.EMULATOR_TENANT_ID, settings.EMULATOR_CLIENT_ID}
    if not settings.EMULATED and emulators & {settings.ENTRA_TENANT_ID, settings.ENTRA_CLIENT_ID}:
        yield Error(
            "The ids of the emulator are set, but AZURE_BACKEND is azure.",
            hint="Set ENTRA_TENANT_ID and ENTRA_CLIENT_ID to those of your own tenant.",
            id="accounts.E003",
        )


def _credential() -> Iterator[CheckMessage]:
    files = {
        "ENTRA_CERTIFICATE_FILE": settings.ENTRA_CERTIFICATE_FILE,
        "ENTRA_FEDERATED_TOKEN_FILE": settings.ENTRA_FEDERATED_TOKEN_FILE,
    }
    if not (settings.ENTRA_CLIENT_SECRET or any(files.values())):
        yield Error(
            "Endpoint Desk has no credential for Entra ID.",
            hint="Set ENTRA_CERTIFICATE_FILE, ENTRA_FEDERATED_TOKEN_FILE or ENTRA_CLIENT_SECRET.",
            id="accounts.E004",
        )
    for name, path in files.items():
        if path and not Path(path).is_file():
            yield Error(
                f"{name} names {path}, which is not a file.",
                hint="Mount the file, or correct the path.",
                id="accounts.E005",
            )
    if (certificate := Path(settings.ENTRA_CERTIFICATE_FILE)).is_file():
        try:
            load_pkcs12(certificate.read_bytes(), settings.ENTRA_CERTIFICATE_PASSPHRASE.encode() or None)
        except (OSError, ValueError):
            yield Error(
                f"ENTRA_CERTIFICATE_PASSPHRASE does not open {certificate}, which ENTRA_CERTIFICATE_FILE names.",
                hint="It must be a PKCS#12 file that this process can read, with this passphrase.",
                id="accounts.E010",
            )


def _token_cache_keys() -> Iterator[CheckMessage]:
    if not settings.TOKEN_CACHE_KEYS:
        yield Error(
            "TOKEN_CACHE_KEYS is empty, so users' tokens could not be encrypted.",
            hint="Create a key: python -c 'import cryptography.fernet as f; print(f.Fernet.generate_key().decode())'",
            id="accounts.E006",
        )
    for number, key in enumerate(settings.TOKEN_CACHE_KEYS, 1):
        try:
            Fernet(key)
        except ValueError:
            yield Error(
                f"Key {number} in TOKEN_CACHE_KEYS is not a Fernet key.",
                hint="A Fernet key is 32 bytes in URL-safe base64, 44 characters.",
                id="accounts.E007",
            )


def _identities() -> Iterator[CheckMessage]:
    for name, choices in {"ARM_WRITES_AS": ("user", "app"), "WATCHER_IDENTITY": ("none", "managed", "client")}.items():
        if getattr(settings, name) not in choices:
            yield Error(
                f"{name} is {getattr(settings, name)!r}.", hint=f"Set it to {' or '.join(choices)}.", id="accounts.E008"
            )
    if settings.WATCHER_CLIENT_ID and not GUID_PATTERN.fullmatch(settings.WATCHER_CLIENT_ID):
        yield Error(
            "WATCHER_CLIENT_ID is not the id of a managed identity.",
            hint="Set it to the client id of a user-assigned managed identity, or unset it for the host's own.",
            id="accounts.E009",
        )
