"""The only part of Endpoint Desk that depends on the emulator, and that production cannot reach it."""

import json
import subprocess
import sys

import pytest

from tests.support.processes import ROOT

PROGRAM = """
import json, django
django.setup()
from accounts import entra
session = entra.http()
mounted = {prefix: type(adapter).__name__ for prefix, adapter in session.adapters.items()}
chosen = next((name for prefix, name in mounted.items() if "https://login.emulator.test/x".startswith(prefix)), None)
print(json.dumps({"mounted": mounted, "chosen": chosen}))
"""
PRODUCTION = {
    "AZURE_BACKEND": "azure",
    "PUBLIC_BASE_URL": "https://endpoints.example.com",
    "ENTRA_TENANT_ID": "11111111-1111-4111-8111-111111111111",
    "ENTRA_CLIENT_ID": "22222222-2222-4222-8222-222222222222",
    "ENTRA_CLIENT_SECRET": "secret",
    "SECRET_KEY": "x" * 50,
    "TOKEN_CACHE_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
}


def adapters(tmp_path_name: str, **environment: str) -> dict[str, object]:
    """The adapters of the HTTP session for Entra ID in a process with these settings."""
    given = {"PATH": "/usr/bin:/bin", "DATA_DIR": tmp_path_name, "DJANGO_SETTINGS_MODULE": "dashboard.settings"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={**given, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    "more", [{}, {"EMULATOR_URL": "http://127.0.0.1:9"}, {"EMULATOR_MAY_BE_PUBLIC": "true"}, {"EMULATOR_PORT": "9"}]
)
def test_production_settings_cannot_reach_the_emulators_adapter(
    tmp_path_factory: pytest.TempPathFactory, more: dict[str, str]
) -> None:
    found = adapters(str(tmp_path_factory.mktemp("var")), **PRODUCTION, **more)
    assert "EmulatorAdapter" not in json.dumps(found)


def test_the_emulators_settings_reach_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    found = adapters(str(tmp_path_factory.mktemp("var")))
    assert found["chosen"] == "EmulatorAdapter"
