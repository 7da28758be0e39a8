from typing import Any

import msal
import pytest
import requests
from django.conf import settings

from accounts.entra import http
from tests.azure import Azure
from tests.emulator.arm_client import VERSION, Ask
from tests.emulator.signing_in import signed_in


@pytest.fixture
def client(azure: Azure) -> msal.ConfidentialClientApplication:
    """msal as anybody would use it, led to the emulator."""
    return msal.ConfidentialClientApplication(
        settings.EMULATOR_CLIENT_ID,
        client_credential="endpoint-desk-emulator-secret",
        authority=f"{settings.EMULATOR_AUTHORITY_HOST}/{settings.EMULATOR_TENANT_ID}",
        instance_discovery=False,
        http_client=http(),
        client_capabilities=["CP1"],
    )


@pytest.fixture
def ask(client: msal.ConfidentialClientApplication, azure: Azure) -> Ask:
    """A request in somebody's name; by default Ada's."""
    tokens: dict[str, str] = {}

    def ask(method: str, path: str, person: str = "ada", version: str = VERSION, **more: Any) -> requests.Response:
        if person not in tokens:
            tokens[person] = signed_in(client, azure, person)["access_token"]
        url = path if path.startswith("http") else f"{azure.url}{path}?api-version={version}"
        headers = {"Authorization": f"Bearer {tokens[person]}"}
        return azure.http.request(method, url, headers=headers, allow_redirects=False, **{"timeout": 10, **more})

    return ask
