"""Sign-in, from the button to the session, and everything that may be wrong on the way."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.flow import safe_next
from accounts.models import AuditEntry, TokenCache, User
from tests.conftest import SignIn
from tests.support.azure import PEOPLE, Azure

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser() -> Client:
    return Client(headers={"host": settings.PUBLIC_HOST})


def go_back(browser: Client, url: str) -> tuple[int, str]:
    answer = browser.get(url.removeprefix(settings.PUBLIC_BASE_URL))
    return answer.status_code, answer.get("Location") or answer.content.decode()


def test_a_person_is_known_by_tenant_and_object_id(sign_in: SignIn) -> None:
    sign_in("ada")
    user = User.objects.get()
    assert (user.tid, user.oid) == (settings.ENTRA_TENANT_ID, PEOPLE["ada"])
    assert (user.name, user.roles) == ("Ada Admin", ["Admin", "Keys"])
    assert AuditEntry.objects.get(action="signed-in").outcome == "done"


def test_it_asks_with_pkce_state_nonce_and_the_registered_address(azure: Azure, browser: Client) -> None:
    asked = parse_qs(urlsplit(browser.get("/auth/start")["Location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [f"{settings.PUBLIC_BASE_URL}/auth/callback"]
    assert asked["state"]
    assert asked["nonce"]
    assert "https://management.azure.com/user_impersonation" in asked["scope"][0]


def test_it_leads_back_to_the_page_that_was_wanted(azure: Azure, browser: Client) -> None:
    door = browser.get("/workspaces/?a=b")
    assert door["Location"] == "/auth/sign-in?next=%2Fworkspaces%2F%3Fa%3Db"
    start = browser.get("/auth/start", {"next": "/workspaces/?a=b"})
    assert go_back(browser, azure.pick(start["Location"], "ada")) == (302, "/workspaces/?a=b")


@pytest.mark.parametrize(
    "url",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "http:///evil.example", "javascript:alert(1)", "x"],
)
def test_next_leads_nowhere_else(url: str) -> None:
    assert safe_next(url) == "/"


def test_the_session_key_changes(azure: Azure, browser: Client) -> None:
    start = browser.get("/auth/start")
    before = browser.cookies["session"].value
    go_back(browser, azure.pick(start["Location"], "ada"))
    assert browser.cookies["session"].value != before


@pytest.mark.parametrize("flaw", ["aud", "iss", "tid", "signature", "exp", "nonce"])
def test_an_id_token_with_a_flaw_signs_nobody_in(azure: Azure, browser: Client, flaw: str) -> None:
    start = browser.get("/auth/start")
    back = azure.pick(start["Location"], "ada")
    azure.fault("bad-id-token", flaw=flaw)
    status, page = go_back(browser, back)
    assert status == 403
    assert "Start again" in page
    assert not User.objects.exists()
    assert not TokenCache.objects.exists()
    assert AuditEntry.objects.get().outcome == "failed"


def test_clocks_may_differ_a_little(azure: Azure, browser: Client) -> None:
    back = azure.pick(browser.get("/auth/start")["Location"], "ada")
    azure.fault("bad-id-token", flaw="one-minute-ahead")
    assert go_back(browser, back) == (302, "/")


@pytest.mark.parametrize(("flaw", "words"), [("ten-minutes-ahead", "is behind"), ("exp", "is ahead")])
def test_clocks_that_differ_more_are_said(azure: Azure, browser: Client, flaw: str, words: str) -> None:
    back = azure.pick(browser.get("/auth/start")["Location"], "ada")
    azure.fault("bad-id-token", flaw=flaw)
    page = go_back(browser, back)[1]
    assert words in page
    assert "check NTP" in page


def test_a_code_without_its_proof_signs_nobody_in(azure: Azure, browser: Client) -> None:
    back = azure.pick(browser.get("/auth/start")["Location"], "ada")
    session = browser.session
    flows = session["sign_in_flows"]
    next(iter(flows.values()))["flow"]["code_verifier"] = "another"
    session["sign_in_flows"] = flows
    session.save()
    assert go_back(browser, back)[0] == 403
    assert not User.objects.exists()


def test_a_sign_in_that_took_longer_than_ten_minutes_starts_again(azure: Azure, browser: Client) -> None:
    back = azure.pick(browser.get("/auth/start")["Location"], "ada")
    session = browser.session
    flows = session["sign_in_flows"]
    next(iter(flows.values()))["started"] -= 601
    session["sign_in_flows"] = flows
    session.save()
    assert "older than ten minutes" in go_back(browser, back)[1]


@pytest.mark.parametrize("path", ["/auth/start", "/auth/sign-in"])
@pytest.mark.parametrize("url", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_no_link_into_the_sign_in_leads_out_of_the_site(azure: Azure, browser: Client, path: str, url: str) -> None:
    door = browser.get(path, {"next": url})
    assert "evil" not in door.content.decode()
    assert "javascript" not in door.content.decode()
    start = browser.get("/auth/start", {"next": url})
    assert go_back(browser, azure.pick(start["Location"], "ada")) == (302, "/")


def test_somebody_of_another_tenant_does_not_get_in(azure: Azure, browser: Client) -> None:
    back = azure.pick(browser.get("/auth/start")["Location"], "fritz")
    status, page = go_back(browser, back)
    assert status == 403
    assert "made by another tenant" in page


def test_another_browser_cannot_finish_a_sign_in(azure: Azure, browser: Client) -> None:
    back = azure.pick(browser.get("/auth/start")["Location"], "ada")
    assert go_back(Client(headers={"host": settings.PUBLIC_HOST}), back)[0] == 403


def test_a_code_works_once_and_the_back_button_does_no_harm(azure: Azure, browser: Client) -> None:
    back = azure.pick(browser.get("/auth/start")["Location"], "ada")
    assert go_back(browser, back) == (302, "/")
    assert go_back(browser, back) == (302, "/")


def test_two_tabs_can_sign_in_at_once(azure: Azure, browser: Client) -> None:
    starts = [browser.get("/auth/start", {"next": next_url}) for next_url in ("/?q=a", "/?q=b")]
    backs = [azure.pick(start["Location"], "ada") for start in starts]
    assert go_back(browser, backs[0]) == (302, "/?q=a")
    assert go_back(browser, backs[1])[0] == 302


def test_cancelling_is_no_error(azure: Azure, browser: Client) -> None:
    start = browser.get("/auth/start")["Location"]
    answer = azure.http.post(start, data={"cancel": "1"}, allow_redirects=False, timeout=10)
    status, page = go_back(browser, answer.headers["Location"])
    assert status == 403
    assert "AADSTS65004" in page
    assert "https://login.microsoftonline.com/error?code=65004" in page


def test_what_anybody_can_put_into_the_address_becomes_no_link(azure: Azure, browser: Client) -> None:
    start = browser.get("/auth/start")["Location"]
    state = parse_qs(urlsplit(start).query)["state"][0]
    described = "AADSTS65004x: <a href=https://evil.example>"
    answer = browser.get("/auth/callback", {"state": state, "error": "AADSTS<b>", "error_description": described})
    assert "evil.example" not in answer.content.decode()
    assert "<b>" not in answer.content.decode()


def test_our_own_expired_secret_blames_nobody_else(azure: Azure, browser: Client) -> None:
    back = azure.pick(browser.get("/auth/start")["Location"], "ada")
    azure.fault("secret-expired")
    page = go_back(browser, back)[1]
    assert "The client secret has expired" in page
    assert "the operator of Endpoint Desk" in page


def test_entra_being_away_is_said(azure: Azure, browser: Client) -> None:
    azure.fault("server-error", where="discovery", status=503)
    answer = browser.get("/auth/start")
    assert answer.status_code == 503
    assert b"Entra ID cannot be reached" in answer.content


@pytest.mark.parametrize(("person", "sentence"), [("nora", "You have no role here yet"), ("gus", "in more groups")])
def test_without_a_role_the_page_says_what_to_ask_for(sign_in: SignIn, person: str, sentence: str) -> None:
    answer = sign_in(person).get("/")
    assert answer.status_code == 403
    assert sentence in answer.content.decode()
    assert PEOPLE[person] in answer.content.decode()


def test_signing_out_ends_it_everywhere(sign_in: SignIn) -> None:
    client = sign_in("ada")
    answer = client.post("/auth/sign-out")
    assert "/oauth2/v2.0/logout?post_logout_redirect_uri=" in answer["Location"]
    assert not TokenCache.objects.exists()
    assert client.get("/")["Location"] == "/auth/sign-in"


def test_a_link_signs_nobody_out(sign_in: SignIn) -> None:
    client = sign_in("ada")
    assert client.get("/auth/sign-out").status_code == 405
    assert client.get("/").status_code == 200
    assert TokenCache.objects.exists()


def test_another_host_name_leads_to_the_public_one(browser: Client) -> None:
    answer = Client(headers={"host": f"127.0.0.1:{settings.PORT}"}).get("/auth/sign-in")
    assert answer["Location"] == f"{settings.PUBLIC_BASE_URL}/auth/sign-in"


def test_a_dead_session_leads_htmx_back_to_its_page(browser: Client) -> None:
    headers = {"hx-request": "true", "hx-current-url": f"{settings.PUBLIC_BASE_URL}/?state=failed"}
    answer = browser.get("/", headers=headers)
    assert (answer.status_code, answer["HX-Redirect"]) == (401, "/auth/sign-in?next=%2F%3Fstate%3Dfailed")


@pytest.mark.parametrize("headers", [{"hx-request": "true", "hx-current-url": "/workspaces/new"}, {}])
def test_a_click_that_a_dead_session_swallows_is_not_lost_in_silence(browser: Client, headers: dict[str, str]) -> None:
    headers["referer"] = f"{settings.PUBLIC_BASE_URL}/workspaces/new"
    answer = browser.post("/workspaces/new", {"resource_id": "x"}, headers=headers)
    door = answer.get("HX-Redirect") or answer["Location"]
    assert door == "/auth/sign-in?next=%2Fworkspaces%2Fnew&lost=1"
    assert "nothing was changed" in browser.get(door).content.decode()


def test_nobody_is_signed_in_whose_sign_in_cannot_be_written_down(azure: Azure, browser: Client) -> None:
    back = azure.pick(browser.get("/auth/start")["Location"], "ada")
    browser.raise_request_exception = False
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TRIGGER disk_full BEFORE INSERT ON accounts_auditentry BEGIN SELECT RAISE(ABORT, 'x'); END"
        )
    assert go_back(browser, back)[0] == 500
    assert browser.get("/").status_code == 302
    assert not TokenCache.objects.exists()


def test_a_session_ends_after_its_hours(sign_in: SignIn) -> None:
    client = sign_in("ada")
    session = client.session
    session["signed_in_at"] -= settings.SESSION_COOKIE_AGE + 1
    session.save()
    assert client.get("/").status_code == 302


def long_unchecked(**columns: object) -> None:
    User.objects.update(roles_checked_at=timezone.now() - timedelta(minutes=61), **columns)


def test_roles_are_looked_at_again_every_hour(sign_in: SignIn) -> None:
    client = sign_in("vera")
    long_unchecked(roles=["Admin"])
    assert client.get("/workspaces/new").status_code == 403
    assert User.objects.get().roles == ["Viewer"]


def test_who_was_revoked_is_out_within_the_hour(azure: Azure, sign_in: SignIn) -> None:
    client = sign_in("vera")
    azure.revoke("vera")
    long_unchecked()
    assert client.get("/").status_code == 302


def test_while_entra_is_away_the_last_word_holds(azure: Azure, sign_in: SignIn) -> None:
    client = sign_in("vera")
    long_unchecked()
    azure.fault("server-error", where="token", status=503)
    assert client.get("/").status_code == 200


def test_an_idle_session_ends_and_a_polling_table_does_not_keep_it(sign_in: SignIn) -> None:
    client = sign_in("ada")
    session = client.session
    session["active_at"] -= settings.SESSION_IDLE_SECONDS - 5
    session.save()
    client.get("/", headers={"hx-request": "true", "x-table-tag": "x"})
    assert client.session["active_at"] == session["active_at"]
    client.get("/")
    assert client.session["active_at"] > session["active_at"]
    session = client.session
    session["active_at"] -= settings.SESSION_IDLE_SECONDS + 5
    session.save()
    assert client.get("/").status_code == 302
