"""Microsoft's own SDK against the emulator, configured with its address and certificate only."""

import json
import os
import subprocess

import pytest

from emulator.directory import PIPELINE_CLIENT_ID, PIPELINE_CLIENT_SECRET, TENANT_ID
from emulator.seed import WORKSPACES
from tests.emulator.handbook import BLOCKS
from tests.support.azure import ROOT, Azure
from tests.support.processes import skip_or_fail

PYTHON = ROOT / ".venv-sdk" / "bin" / "python"


@pytest.fixture
def journey(tls_azure: Azure) -> dict[str, object]:
    """The results of tests/sdk/journey.py."""
    here = WORKSPACES[0]
    configuration = {
        "authority": tls_azure.url,
        "tenant_id": TENANT_ID,
        "client_id": PIPELINE_CLIENT_ID,
        "client_secret": PIPELINE_CLIENT_SECRET,
        "subscription_id": here.subscription_id,
        "resource_group": here.resource_group,
        "workspace": here.name,
    }
    found: dict[str, object] = json.loads(run_with_sdk(tls_azure, "tests/sdk/journey.py", json.dumps(configuration)))
    return found


def run_with_sdk(azure: Azure, *arguments: str) -> str:
    """The output of a program that finds the emulator by environment variables only."""
    if not PYTHON.exists():
        skip_or_fail("Microsoft's SDK is not installed. `make sdk` installs it into an environment of its own.")
    environment = {
        **os.environ,
        "ARM_CLOUD_METADATA_URL": f"{azure.url}/metadata/endpoints?api-version=2019-05-01",
        "REQUESTS_CA_BUNDLE": str(azure.certificate),
    }
    command = [str(PYTHON), "-W", "ignore", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_documented_program_works_unchanged(tls_azure: Azure) -> None:
    (program,) = (text for language, text in BLOCKS if language == "python")
    assert "https://127.0.0.1:8443" in program
    assert run_with_sdk(tls_azure, "-c", program.replace("https://127.0.0.1:8443", tls_azure.url)) == "[]\n"


def test_the_sdk_creates_reads_lists_and_deletes(journey: dict[str, object]) -> None:
    assert journey == {
        "made": "succeeded",
        "location": "eastus2",
        "uri": "https://sdk.eastus2.models.ai.azure.com",
        "listed": ["sdk"],
        "keys": [32, 32],
        "refused": "UserError",
        "gone": True,
        "bought": ["succeeded", "subscribed"],
        "model": "azureml://registries/azureml-cohere/models/Cohere-embed-v3-english",
        "is listed": True,
        "is listed after": False,
    }
