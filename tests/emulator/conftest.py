import msal
import pytest
from django.conf import settings

from accounts.entra import http
from tests.azure import Azure


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
