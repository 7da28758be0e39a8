from collections.abc import Iterator
from typing import Any

import msal
import pytest
import requests
from django.conf import settings

from accounts.entra import http
from tests.emulator.arm_client import VERSION, Arm
from tests.support.azure import Azure, end, start_azure
from tests.support.definition import problems
from tests.support.environment import free_port
from tests.support.signing_in import signed_in


@pytest.fixture
def client(azure: Azure) -> msal.ConfidentialClientApplication:
    """msal as in any program, connected to the emulator."""
    return msal.ConfidentialClientApplication(
        settings.EMULATOR_CLIENT_ID,
        client_credential="endpoint-desk-emulator-secret",
        authority=f"{settings.EMULATOR_AUTHORITY_HOST}/{settings.EMULATOR_TENANT_ID}",
        instance_discovery=False,
        http_client=http(),
        client_capabilities=["CP1"],
    )


@pytest.fixture
def arm(client: msal.ConfidentialClientApplication, azure: Azure) -> Arm:
    """Sends a request to ARM as a person, by default Ada."""
    tokens: dict[str, str] = {}

    def arm(method: str, path: str, person: str = "ada", version: str = VERSION, **more: Any) -> requests.Response:
        if person not in tokens:
            tokens[person] = signed_in(client, azure, person)["access_token"]
        url = path if path.startswith("http") else f"{azure.url}{path}?api-version={version}"
        headers = {"Authorization": f"Bearer {tokens[person]}"}
        return azure.http.request(method, url, headers=headers, allow_redirects=False, **{"timeout": 10, **more})

    return arm


@pytest.fixture(scope="session")
def tls_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    """A second emulator that serves HTTPS, for clients that require it."""
    port, certificate = free_port(), tmp_path_factory.mktemp("tls") / "emulator.pem"
    process = start_azure(port, dashboard_url=settings.PUBLIC_BASE_URL, seconds="0.5", tls_file=certificate)
    yield Azure(f"https://127.0.0.1:{port}", certificate)
    end(process)


@pytest.fixture
def tls_azure(tls_process: Azure) -> Iterator[Azure]:
    """It must keep to the API definition, like the other one."""
    tls_process.reset()
    yield tls_process
    assert [found for exchange in tls_process.conversation() for found in problems(exchange)] == []
