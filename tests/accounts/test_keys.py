"""Revealing keys: the roles, the recent sign-in, the rate limit and the audit entries it needs."""

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.test import Client, override_settings

from accounts.flow import RECENT_SECONDS
from accounts.models import AuditEntry, User
from endpoints.models import Endpoint, Workspace
from tests.accounts.keys_site import KEY
from tests.conftest import SignIn
from tests.support.azure import Azure
from tests.support.creation import submit

pytestmark = pytest.mark.urls("tests.accounts.keys_site")


@pytest.fixture
def endpoint(sign_in: SignIn, workspaces: list[Workspace]) -> Endpoint:
    return submit(sign_in("oscar"), workspaces[0])


@pytest.fixture
def kim(azure: Azure, sign_in: SignIn, endpoint: Endpoint) -> Client:
    """Kim's browser, a moment after she proved her identity."""
    client = sign_in("kim")
    age_sign_in(client)
    authorize_url = client.post(key_url(endpoint))["Location"]
    assert client.get(azure.pick(authorize_url, "kim").removeprefix(settings.PUBLIC_BASE_URL)).status_code == 302
    return client


def key_url(endpoint: Endpoint) -> str:
    return f"/endpoints/{endpoint.pk}/key"


def age_sign_in(client: Client) -> None:
    session = client.session
    session["authenticated_at"] = time.time() - RECENT_SECONDS
    session.save()


def recorded() -> list[tuple[str, str]]:
    entries = AuditEntry.objects.filter(action__in=["key-revealed", "refused"]).order_by("id")
    return [(entry.actor_name, entry.outcome) for entry in entries]


def test_reveal_is_recorded_before_and_after(kim: Client, endpoint: Endpoint) -> None:
    assert kim.post(key_url(endpoint)).content.decode() == KEY
    assert recorded() == [("kim@emulator.test", "attempted"), ("kim@emulator.test", "done")]
    assert {entry.target for entry in AuditEntry.objects.filter(action="key-revealed")} == {endpoint.arm_id}


def test_failed_reveal_is_recorded_without_the_key(kim: Client, endpoint: Endpoint) -> None:
    with pytest.raises(RuntimeError):
        kim.post(key_url(endpoint), {"fail": "1"})
    assert [outcome for _, outcome in recorded()] == ["attempted", "failed"]
    assert KEY not in str(list(AuditEntry.objects.values()))


def test_htmx_receives_only_the_sentence(kim: Client, endpoint: Endpoint) -> None:
    with override_settings(KEY_READS_PER_MINUTE=1):
        kim.post(key_url(endpoint))
        limited = kim.post(key_url(endpoint), headers={"hx-request": "true"})
    User.objects.filter(username="kim@emulator.test").update(roles=["Viewer"])
    refused = kim.post(key_url(endpoint), headers={"hx-request": "true"})
    assert (limited.status_code, limited.content[:19]) == (429, b"Too many requests. ")
    assert (refused.status_code, refused.content[:16]) == (403, b"To read keys you")


@pytest.mark.parametrize("roles", [["Operator"], ["Admin"], ["Viewer", "Keys"], ["Keys"], []])
def test_other_roles_are_refused_and_recorded(kim: Client, endpoint: Endpoint, roles: list[str]) -> None:
    User.objects.filter(username="kim@emulator.test").update(roles=roles)
    assert kim.post(key_url(endpoint)).status_code == 403
    assert recorded() == [("kim@emulator.test", "refused")]


def test_older_sign_in_must_be_repeated(azure: Azure, kim: Client, endpoint: Endpoint) -> None:
    age_sign_in(kim)
    page = f"{settings.PUBLIC_BASE_URL}{endpoint.get_absolute_url()}"
    authorize_url = kim.post(key_url(endpoint), headers={"referer": page})["Location"]
    query = parse_qs(urlsplit(authorize_url).query)
    assert (query["prompt"], query["max_age"]) == (["login"], [str(RECENT_SECONDS)])
    back = kim.get(azure.pick(authorize_url, "kim").removeprefix(settings.PUBLIC_BASE_URL), follow=True)
    assert back.redirect_chain == [(endpoint.get_absolute_url(), 302)]
    assert "repeat your request" in back.content.decode()
    assert kim.post(key_url(endpoint)).content.decode() == KEY


def test_htmx_redirects_the_whole_page_to_entra(kim: Client, endpoint: Endpoint) -> None:
    age_sign_in(kim)
    response = kim.post(key_url(endpoint), headers={"hx-request": "true"})
    assert response.status_code == 401
    assert response["HX-Redirect"].startswith(settings.EMULATOR_URL)


def test_silent_sign_in_is_not_recent(azure: Azure, kim: Client, endpoint: Endpoint) -> None:
    azure.fault("bad-id-token", flaw="auth_time", times=1)
    start = kim.get("/auth/start")["Location"]
    assert kim.get(azure.pick(start, "kim").removeprefix(settings.PUBLIC_BASE_URL)).status_code == 302
    assert kim.post(key_url(endpoint)).status_code == 302


def test_sign_in_without_new_authentication_is_detected(azure: Azure, kim: Client, endpoint: Endpoint) -> None:
    age_sign_in(kim)
    authorize_url = kim.post(key_url(endpoint))["Location"]
    azure.fault("bad-id-token", flaw="auth_time")
    response = kim.get(azure.pick(authorize_url, "kim").removeprefix(settings.PUBLIC_BASE_URL))
    assert "optional claim auth_time" in response.content.decode()
    assert kim.post(key_url(endpoint)).status_code == 302


def test_key_reads_are_rate_limited(kim: Client, endpoint: Endpoint) -> None:
    with override_settings(KEY_READS_PER_MINUTE=2):
        responses = [kim.post(key_url(endpoint)) for _ in range(4)]
    assert [response.status_code for response in responses] == [200, 200, 429, 429]
    assert 0 < int(responses[2]["Retry-After"]) <= 60
    assert "Try again in" in responses[2].content.decode()
    assert [outcome for _, outcome in recorded()].count("refused") == 1
