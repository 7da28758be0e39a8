"""Signs a person in with msal, as in any program."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import msal
from django.conf import settings

from tests.support.azure import Azure

SCOPE = ["https://management.azure.com/user_impersonation"]
REDIRECT = f"{settings.PUBLIC_BASE_URL}/auth/callback"


def signed_in(client: msal.ConfidentialClientApplication, azure: Azure, person: str, **options: Any) -> dict[str, Any]:
    flow = client.initiate_auth_code_flow(SCOPE, redirect_uri=REDIRECT, **options)
    back = parse_qs(urlsplit(azure.pick(flow["auth_uri"], person)).query)
    found: dict[str, Any] = client.acquire_token_by_auth_code_flow(flow, {key: one for key, (one,) in back.items()})
    return found
