"""docs/emulator.md is true: its commands work, and its tables are the emulator's."""

import re
import subprocess
from collections.abc import Iterator

import pytest

from emulator import directory
from emulator.arm.absences import SHAPES
from emulator.arm.plans import MAGIC_NAMES
from emulator.fault_kinds import KINDS, TARGETS
from emulator.options import OPTIONS
from emulator.seed import WORKSPACES
from tests.emulator.handbook import BLOCKS, TEXT, table
from tests.support.azure import Azure, end, start_azure
from tests.support.environment import free_port


@pytest.fixture
def standalone() -> Iterator[Azure]:
    """The emulator as `make emulator` starts it."""
    port = free_port()
    process = start_azure(port, dashboard_url="http://localhost:1", seconds="8-40", more=["--inference-uri", ""])
    yield Azure(f"http://127.0.0.1:{port}")
    end(process)


def test_the_curl_commands_do_as_documented(standalone: Azure) -> None:
    (commands,) = (text for language, text in BLOCKS if language == "sh" and "AZURE" in text)
    assert "AZURE=http://127.0.0.1:8001" in commands
    script = "set -eu\n" + commands.replace("http://127.0.0.1:8001", standalone.url)
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert '"provisioningState": "Creating"' in done.stdout
    assert "would answer to: Good morning" in done.stdout


def test_the_documented_acts_do_as_documented(standalone: Azure) -> None:
    (commands,) = (text for language, text in BLOCKS if language == "sh" and "OTHERS" in text)
    script = "set -eu\n" + commands.replace("http://127.0.0.1:8001", standalone.url)
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert '"endpointState": "Suspended"' in done.stdout


def test_the_documented_ids_are_the_emulators() -> None:
    known = {
        directory.TENANT_ID,
        directory.PIPELINE_CLIENT_ID,
        WORKSPACES[0].subscription_id,
    }
    assert set(re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", TEXT)) == known
    assert directory.PIPELINE_CLIENT_SECRET in TEXT
    assert directory.IDENTITY_HEADER in TEXT


def test_the_documented_options_are_the_emulators() -> None:
    defaults = {one.flag: f"`{one.default}`" if one.default else "–" for one in OPTIONS}
    assert table("Options") == [f"| `{one.flag}` | {defaults[one.flag]} | {one.about} |" for one in OPTIONS]


def test_the_documented_people_are_the_emulators() -> None:
    rows = [(one.upn, ", ".join(one.roles) or "–", one.about) for one in directory.PEOPLE]
    assert table("People") == [f"| `{address}` | {roles} | {about} |" for address, roles, about in rows]


def test_the_documented_magic_names_are_the_emulators() -> None:
    assert table("Magic names") == [f"| `{prefix}` | {magic.about} |" for prefix, magic in MAGIC_NAMES.items()]


def test_the_documented_faults_are_the_emulators() -> None:
    settings = {name: ", ".join(f"`{key}`" for key in kind.settings) or "–" for name, kind in KINDS.items()}
    rows = [f"| `{name}` | `{kind.where}` | {kind.about} | {settings[name]} |" for name, kind in KINDS.items()]
    assert table("Faults") == rows
    assert table("Targets") == [f"| `{name}` | {about} |" for name, about in TARGETS.items()]


def test_the_documented_shapes_are_the_emulators() -> None:
    assert re.findall(r"(?m)^\| `([a-z]+)`", "\n".join(table("Shapes of 404"))) == [*SHAPES]
