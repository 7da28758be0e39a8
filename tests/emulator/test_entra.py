"""The emulator's Entra ID, through msal and plain HTTP."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import msal
import pytest
from django.conf import settings

from tests.support.azure import PEOPLE, Azure
from tests.support.signing_in import REDIRECT, SCOPE, signed_in

pytestmark = pytest.mark.filterwarnings("ignore:.*response_mode:UserWarning")


def test_msal_signs_in_and_refreshes(client: msal.ConfidentialClientApplication, azure: Azure) -> None:
    result = signed_in(client, azure, "ada")
    claims = result["id_token_claims"]
    assert (claims["oid"], claims["roles"], claims["ver"]) == (PEOPLE["ada"], ["Admin", "Keys"], "2.0")
    account = client.get_accounts()[0]
    again = client.acquire_token_silent(SCOPE, account, force_refresh=True)
    assert again["access_token"] != result["access_token"]


def test_the_token_is_signed_with_a_published_key(client: msal.ConfidentialClientApplication, azure: Azure) -> None:
    id_token = signed_in(client, azure, "ada")["id_token"]
    keys = azure.http.get(f"{azure.url}/{settings.EMULATOR_TENANT_ID}/discovery/v2.0/keys", timeout=10).json()
    key = jwt.PyJWKSet.from_dict(keys).keys[0]
    assert jwt.decode(id_token, key, algorithms=["RS256"], audience=settings.EMULATOR_CLIENT_ID)


def test_too_many_groups_become_a_claim_source(client: msal.ConfidentialClientApplication, azure: Azure) -> None:
    claims = signed_in(client, azure, "gus")["id_token_claims"]
    assert claims["_claim_names"] == {"groups": "src1"}
    assert "roles" not in claims


def test_an_access_token_can_expire_soon(client: msal.ConfidentialClientApplication, azure: Azure) -> None:
    azure.fault("short-token", person="ada@*", seconds=60)
    result = signed_in(client, azure, "ada")
    claims = jwt.decode(result["access_token"], options={"verify_signature": False})
    assert (result["expires_in"], claims["exp"] - claims["iat"]) == (60, 60)
    assert signed_in(client, azure, "oscar")["expires_in"] > 3600


def test_a_claims_challenge_leads_to_a_token_with_them(
    client: msal.ConfidentialClientApplication, azure: Azure
) -> None:
    wanted = '{"access_token":{"acrs":{"essential":true,"values":["p1"]}}}'
    signed_in(client, azure, "mira")
    account = client.get_accounts()[0]
    refused = client.acquire_token_silent_with_error(SCOPE, account, claims_challenge=wanted)
    assert (refused["error"], refused["error_codes"]) == ("interaction_required", [50076])
    token = signed_in(client, azure, "mira", claims_challenge=wanted)["access_token"]
    assert jwt.decode(token, options={"verify_signature": False})["acrs"] == ["p1"]


def test_a_revoked_person_gets_no_token_silently(client: msal.ConfidentialClientApplication, azure: Azure) -> None:
    signed_in(client, azure, "ada")
    azure.revoke("ada")
    refused = client.acquire_token_silent_with_error(SCOPE, client.get_accounts()[0], force_refresh=True)
    assert (refused["error"], refused["error_codes"], refused["suberror"]) == ("invalid_grant", [50173], "bad_token")


def test_the_application_signs_in_as_itself(client: msal.ConfidentialClientApplication, azure: Azure) -> None:
    result = client.acquire_token_for_client(["https://management.azure.com/.default"])
    headers = {"Authorization": f"Bearer {result['access_token']}"}
    response = azure.http.get(f"{azure.url}/subscriptions?api-version=2022-12-01", headers=headers, timeout=10)
    assert len(response.json()["value"]) == 2


def authorize(azure: Azure, **changes: str) -> Any:
    parameters = {
        "client_id": settings.EMULATOR_CLIENT_ID,
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": " ".join(SCOPE),
        "state": "s",
    }
    url = f"{azure.url}/{settings.EMULATOR_TENANT_ID}/oauth2/v2.0/authorize"
    return azure.http.get(url, params=parameters | changes, allow_redirects=False, timeout=10)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_id": "11111111-1111-1111-1111-111111111111"}, "AADSTS700016"),
        ({"redirect_uri": "https://evil.example/"}, "AADSTS50011"),
        ({"response_type": "token"}, "AADSTS70005"),
        ({"code_challenge": "x", "code_challenge_method": "plain"}, "AADSTS501491"),
    ],
)
def test_an_untrusted_request_is_not_redirected(azure: Azure, changes: dict[str, str], code: str) -> None:
    response = authorize(azure, **changes)
    assert response.status_code == 400
    assert code in response.text


@pytest.mark.parametrize(
    "parameters",
    [
        {"max_age": "9" * 5000},
        {"claims": '{"access_token": {"acrs": [1]}}'},
        {"claims": '{"access_token": {"acrs": {"values": 5}}}'},
        {"claims": "[" * 9999},
    ],
)
def test_an_invalid_parameter_is_ignored(azure: Azure, parameters: dict[str, str]) -> None:
    response = authorize(azure, **parameters)
    assert (response.status_code, "Who do you want to be?" in response.text) == (200, True)


def test_a_silent_request_without_a_sign_in_is_refused(azure: Azure) -> None:
    assert "error=login_required" in authorize(azure, prompt="none").headers["Location"]


def test_a_sign_in_is_remembered_until_the_sign_out(azure: Azure) -> None:
    import requests

    with requests.Session() as browser:
        url = authorize(azure).url
        browser.post(url, {"person": PEOPLE["ada"]}, allow_redirects=False, timeout=10)
        assert "code=" in browser.get(url, allow_redirects=False, timeout=10).headers["Location"]
        for more in ("prompt=select_account", "prompt=login", "max_age=0", "login_hint=oscar@emulator.test"):
            assert "Who do you want to be?" in browser.get(f"{url}&{more}", timeout=10).text, more
        browser.get(url.replace("authorize", "logout").partition("?")[0], timeout=10)
        assert "Who do you want to be?" in browser.get(url, timeout=10).text


def test_a_login_hint_leaves_one_person_to_choose(azure: Azure) -> None:
    page = authorize(azure, login_hint="OSCAR@emulator.test").text
    assert "Oscar Operator" in page
    assert "Ada Admin" not in page


def test_a_form_post_returns_the_code_in_a_page(azure: Azure) -> None:
    url = authorize(azure, response_mode="form_post").url
    response = azure.http.post(url, data={"person": PEOPLE["ada"]}, timeout=10)
    assert re.search(r'<form method="post" action="http://localhost[^"]+"', response.text)
    assert 'name="code"' in response.text


def redeem(azure: Azure, **form: str) -> Any:
    sent = {"client_id": settings.EMULATOR_CLIENT_ID, "client_secret": "endpoint-desk-emulator-secret", **form}
    url = f"{azure.url}/{settings.EMULATOR_TENANT_ID}/oauth2/v2.0/token"
    return azure.http.post(url, data=sent, timeout=10).json()


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"client_secret": "wrong"}, 7000215),
        ({"client_secret": ""}, 7000218),
        ({"client_assertion": "x"}, 900144),
        ({"grant_type": "refresh_token", "refresh_token": "from:another:life"}, 50173),
        ({"client_id": "nobody"}, 700016),
        ({"grant_type": "password"}, 70003),
        ({"grant_type": "authorization_code", "code": "x"}, 9002313),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, 9002313),
        ({"grant_type": "client_credentials", "scope": "https://management.azure.com/user"}, 1002012),
    ],
)
def test_the_token_endpoint_refuses_as_entra_does(azure: Azure, form: dict[str, str], code: int) -> None:
    response = redeem(azure, **form)
    assert response["error_codes"] == [code]
    assert f"AADSTS{code}" in response["error_description"]


def test_a_code_needs_its_verifier_and_works_once(azure: Azure) -> None:
    url = authorize(
        azure, code_challenge="E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", code_challenge_method="S256"
    ).url
    code = parse_qs(urlsplit(azure.pick(url, "ada")).query)["code"][0]
    grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    assert redeem(azure, **grant, code_verifier="wrong")["error_codes"] == [501481]
    assert redeem(azure, **{**grant, "redirect_uri": "http://localhost/else"})["error_codes"] == [500112]
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert "access_token" in redeem(azure, **grant, code_verifier=verifier)
    assert redeem(azure, **grant, code_verifier=verifier)["error_codes"] == [54005]
