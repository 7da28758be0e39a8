"""What the README says about the local Azure is what happens."""

import re
import subprocess
from collections.abc import Iterator

import pytest

from emulator import directory
from emulator.seed import WORKSPACES
from tests.support.azure import Azure, end, start_azure
from tests.support.environment import free_port
from tests.support.processes import ROOT

README = (ROOT / "README.md").read_text()
SECTION = README.partition("## The local Azure")[2].partition("\n## ")[0]
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", SECTION, re.DOTALL)


@pytest.fixture
def alone() -> Iterator[Azure]:
    """The emulator as `make emulator` starts it."""
    port = free_port()
    process = start_azure(port, dashboard_url="http://localhost:1", seconds="8-40", more=["--inference-uri", ""])
    yield Azure(f"http://127.0.0.1:{port}")
    end(process)


def test_the_curl_commands_do_what_they_say(alone: Azure) -> None:
    (commands,) = (text for language, text in BLOCKS if language == "sh" and "curl" in text)
    assert "AZURE=http://127.0.0.1:8001" in commands
    script = "set -eu\n" + commands.replace("http://127.0.0.1:8001", alone.url)
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert '"provisioningState": "Creating"' in done.stdout
    assert "would answer to: Good morning" in done.stdout


def test_the_ids_in_it_are_the_emulators() -> None:
    known = {
        directory.TENANT_ID,
        directory.PIPELINE_CLIENT_ID,
        WORKSPACES[0].subscription_id,
    }
    assert set(re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", SECTION)) == known
    assert directory.PIPELINE_CLIENT_SECRET in SECTION
    assert directory.IDENTITY_HEADER in SECTION
