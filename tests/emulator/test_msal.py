"""msal as in any program: configured with an address and a trusted certificate only."""

import base64
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import msal
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from emulator.directory import (
    CLIENT_ID,
    CLIENT_SECRET,
    IDENTITY_HEADER,
    PIPELINE_CLIENT_ID,
    PIPELINE_CLIENT_SECRET,
    TENANT_ID,
)
from tests.emulator.arm_client import PRODUCTION, VERSION, body
from tests.support.azure import Azure
from tests.support.signing_in import REDIRECT, SCOPE

pytestmark = pytest.mark.filterwarnings("ignore:.*response_mode:UserWarning")
ARM = "https://management.azure.com"


@pytest.fixture(autouse=True)
def _trust(tls_azure: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls_azure.certificate))


def application(
    azure: Azure, credential: Any, client_id: str = PIPELINE_CLIENT_ID
) -> msal.ConfidentialClientApplication:
    return msal.ConfidentialClientApplication(
        client_id,
        client_credential=credential,
        authority=f"{azure.url}/{TENANT_ID}",
        instance_discovery=False,
        client_capabilities=["CP1"],
    )


@pytest.fixture(scope="module")
def key_pair() -> dict[str, str]:
    """A private key and its certificate, in the form that msal accepts."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pipeline")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return {"private_key": private.decode(), "public_certificate": public.decode()}


def sign_in(azure: Azure, client: msal.ConfidentialClientApplication, person: str, **options: Any) -> dict[str, Any]:
    flow = client.initiate_auth_code_flow(SCOPE, redirect_uri=REDIRECT, **options)
    back = parse_qs(urlsplit(azure.pick(flow["auth_uri"], person)).query)
    found: dict[str, Any] = client.acquire_token_by_auth_code_flow(flow, {key: one for key, (one,) in back.items()})
    return found


def put(azure: Azure, token: str, name: str) -> requests.Response:
    url = f"{azure.url}{PRODUCTION}/{name}?api-version={VERSION}"
    return azure.http.put(url, json=body(), headers={"Authorization": f"Bearer {token}"}, timeout=10)


def test_a_person_signs_in_refreshes_and_steps_up(tls_azure: Azure) -> None:
    client = application(tls_azure, CLIENT_SECRET, CLIENT_ID)
    first = sign_in(tls_azure, client, "mira")
    (account,) = client.get_accounts()
    fresh = client.acquire_token_silent(SCOPE, account, force_refresh=True)
    assert fresh["access_token"] != first["access_token"]
    challenge = put(tls_azure, fresh["access_token"], "mira").headers["WWW-Authenticate"]
    claims = msal_claims(challenge)
    assert client.acquire_token_silent(SCOPE, account, claims_challenge=claims) is None
    stronger = sign_in(tls_azure, client, "mira", claims_challenge=claims)
    assert put(tls_azure, stronger["access_token"], "mira").status_code == 201


def msal_claims(header: str) -> str:
    """The claims of a claims challenge."""
    found = re.search('claims="([^"]+)"', header)
    assert found
    return base64.b64decode(found[1]).decode()


def test_the_tls_file_is_private_to_its_owner(tls_azure: Azure) -> None:
    assert tls_azure.certificate
    assert tls_azure.certificate.stat().st_mode & 0o777 == 0o600


def test_max_age_returns_the_time_of_the_sign_in(tls_azure: Azure) -> None:
    result = sign_in(tls_azure, application(tls_azure, CLIENT_SECRET, CLIENT_ID), "kim", max_age=60)
    assert abs(result["id_token_claims"]["auth_time"] - datetime.now(UTC).timestamp()) < 30


def test_an_application_authenticates_by_secret(tls_azure: Azure) -> None:
    token = application(tls_azure, PIPELINE_CLIENT_SECRET).acquire_token_for_client([f"{ARM}/.default"])
    assert put(tls_azure, token["access_token"], "by-secret").status_code == 201


def test_an_application_authenticates_by_certificate(tls_azure: Azure, key_pair: dict[str, str]) -> None:
    unknown = application(tls_azure, key_pair).acquire_token_for_client([f"{ARM}/.default"])
    assert unknown["error_codes"] == [700027]
    url = f"{tls_azure.url}/emulator/applications/{PIPELINE_CLIENT_ID}/certificates"
    assert tls_azure.http.post(url, data=key_pair["public_certificate"], timeout=10).ok
    known = application(tls_azure, key_pair).acquire_token_for_client([f"{ARM}/.default"])
    assert "access_token" in known, known
    assert jwt.decode(known["access_token"], options={"verify_signature": False})["idtyp"] == "app"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"exp": 1}, 700024),
        ({"iss": "somebody"}, 700021),
        ({"aud": "https://elsewhere.example"}, 700023),
        ({}, None),
    ],
)
def test_an_assertion_is_validated(
    tls_azure: Azure, key_pair: dict[str, str], changes: dict[str, Any], code: int | None
) -> None:
    url = f"{tls_azure.url}/emulator/applications/{PIPELINE_CLIENT_ID}/certificates"
    thumbprint = tls_azure.http.post(url, data=key_pair["public_certificate"], timeout=10).json()["x5t#S256"]
    token_url = f"{tls_azure.url}/{TENANT_ID}/oauth2/v2.0/token"
    claims = {"iss": PIPELINE_CLIENT_ID, "sub": PIPELINE_CLIENT_ID, "aud": token_url, "exp": 9_999_999_999, **changes}
    form = {
        "grant_type": "client_credentials",
        "client_id": PIPELINE_CLIENT_ID,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode(claims, key_pair["private_key"], "PS256", headers={"x5t#S256": thumbprint}),
        "scope": f"{ARM}/.default",
    }
    response = tls_azure.http.post(token_url, data=form, timeout=10).json()
    assert response.get("error_codes", [None]) == [code]


@pytest.mark.parametrize("protocol", ["App Service", "IMDS"])
def test_managed_identities_get_tokens(azure: Azure, monkeypatch: pytest.MonkeyPatch, protocol: str) -> None:
    if protocol == "App Service":
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{azure.url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", IDENTITY_HEADER)
    else:
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", azure.url)

    def token(identity: Any) -> str:
        client = msal.ManagedIdentityClient(identity, http_client=azure.http)
        return str(client.acquire_token_for_client(resource=ARM)["access_token"])

    assert put(azure, token(msal.SystemAssignedManagedIdentity()), "one").status_code == 403
    assert put(azure, token(msal.UserAssignedManagedIdentity(client_id=PIPELINE_CLIENT_ID)), "one").status_code == 201


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/msi/token?resource=x", {"X-IDENTITY-HEADER": "wrong"}, 401),
        ("/msi/token", {"X-IDENTITY-HEADER": IDENTITY_HEADER}, 400),
        ("/msi/token?resource=x&client_id=nobody", {"X-IDENTITY-HEADER": IDENTITY_HEADER}, 400),
        ("/metadata/identity/oauth2/token?resource=x", {}, 400),
    ],
)
def test_managed_identities_refuse_others(azure: Azure, path: str, headers: dict[str, str], status: int) -> None:
    assert azure.http.get(f"{azure.url}{path}", headers=headers, timeout=10).status_code == status
