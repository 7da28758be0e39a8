"""`manage.py doctor` as a process, against the emulator."""

import os
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.azure import Azure
from tests.support.environment import free_port
from tests.support.processes import ROOT, faked_time, manage

pytestmark = pytest.mark.slow


def doctor(folder: Path, **settings: str) -> tuple[int, str]:
    environment = {**os.environ, "DATA_DIR": str(folder), **settings}
    done = subprocess.run(manage("doctor"), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    environment = {**os.environ, "DATA_DIR": str(tmp_path)}
    subprocess.run(manage("migrate"), cwd=ROOT, env=environment, check=True, capture_output=True)
    return tmp_path


def test_sound_installation_has_no_problem(azure: Azure, folder: Path) -> None:
    code, output = doctor(folder)
    assert (code, "WRONG" in output) == (0, False)
    for line in [
        "Settings: complete.",
        "up to date.",
        "Credential: Entra ID accepts it.",
        "Clock: agrees",
        "/auth/callback",
    ]:
        assert line in output


def test_empty_database_is_reported(azure: Azure, tmp_path: Path) -> None:
    code, output = doctor(tmp_path)
    assert code == 1
    assert "migrations are not applied. Run python manage.py migrate." in output


def test_expired_secret_is_reported(azure: Azure, folder: Path) -> None:
    azure.fault("secret-expired")
    assert "The client secret has expired (AADSTS7000222). Create a new one and set it." in doctor(folder)[1]


@pytest.mark.parametrize(("offset", "direction"), [("+150s", "ahead of"), ("-150s", "behind")])
def test_wrong_clock_is_reported(azure: Azure, folder: Path, offset: str, direction: str) -> None:
    code, output = doctor(folder, **faked_time(offset))
    assert code == 1
    assert re.search(rf"Clock: 1[45]\d s {direction} Entra ID's. Set up NTP", output), output


def test_unreachable_servers_are_reported(folder: Path) -> None:
    nowhere = {"EMULATOR_PORT": str(free_port()), "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"}
    output = doctor(folder, **nowhere, DATABASE_URL=f"postgres://x@127.0.0.1:{free_port()}/x")[1]
    for line in [
        "Entra ID: no answer",
        "Azure: no answer",
        "Broker: unreachable",
        "Database: no answer",
    ]:
        assert line in output


def test_secret_that_expires_soon_is_reported(folder: Path) -> None:
    soon = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
    settings = {"AZURE_BACKEND": "azure", "ENTRA_CREDENTIAL_EXPIRES": soon}
    settings |= {"ENTRA_AUTHORITY_HOST": "https://127.0.0.1:9", "ARM_BASE_URL": "https://127.0.0.1:9"}
    assert f"Create a new one before {soon}." in doctor(folder, **settings)[1]
