"""Sign-in, from the button to the session, with every failure on the way."""

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


def return_from_entra(browser: Client, url: str) -> tuple[int, str]:
    response = browser.get(url.removeprefix(settings.PUBLIC_BASE_URL))
    return response.status_code, response.get("Location") or response.content.decode()


def test_user_is_identified_by_tenant_and_object_id(sign_in: SignIn) -> None:
    sign_in("ada")
    user = User.objects.get()
    assert (user.tid, user.oid) == (settings.ENTRA_TENANT_ID, PEOPLE["ada"])
    assert (user.name, user.roles) == ("Ada Admin", ["Admin", "Keys"])
    assert AuditEntry.objects.get(action="signed-in").outcome == "done"


def test_request_has_pkce_state_nonce_and_redirect_uri(azure: Azure, browser: Client) -> None:
    query = parse_qs(urlsplit(browser.get("/auth/start")["Location"]).query)
    assert query["code_challenge_method"] == ["S256"]
    assert query["redirect_uri"] == [f"{settings.PUBLIC_BASE_URL}/auth/callback"]
    assert query["state"]
    assert query["nonce"]
    assert "https://management.azure.com/user_impersonation" in query["scope"][0]


def test_sign_in_returns_to_the_requested_page(azure: Azure, browser: Client) -> None:
    response = browser.get("/workspaces/?a=b")
    assert response["Location"] == "/auth/sign-in?next=%2Fworkspaces%2F%3Fa%3Db"
    start = browser.get("/auth/start", {"next": "/workspaces/?a=b"})
    assert return_from_entra(browser, azure.pick(start["Location"], "ada")) == (302, "/workspaces/?a=b")


@pytest.mark.parametrize(
    "url",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "http:///evil.example", "javascript:alert(1)", "x"],
)
def test_next_url_stays_on_this_site(url: str) -> None:
    assert safe_next(url) == "/"


def test_session_key_changes_at_sign_in(azure: Azure, browser: Client) -> None:
    start = browser.get("/auth/start")
    before = browser.cookies["session"].value
    return_from_entra(browser, azure.pick(start["Location"], "ada"))
    assert browser.cookies["session"].value != before


@pytest.mark.parametrize("flaw", ["aud", "iss", "tid", "signature", "exp", "nonce"])
def test_invalid_id_token_is_rejected(azure: Azure, browser: Client, flaw: str) -> None:
    start = browser.get("/auth/start")
    back = azure.pick(start["Location"], "ada")
    azure.fault("bad-id-token", flaw=flaw)
    status, page = return_from_entra(browser, back)
    assert status == 403
    assert "Start again" in page
    assert not User.objects.exists()
    assert not TokenCache.objects.exists()
    assert AuditEntry.objects.get().outcome == "failed"


def test_small_clock_skew_is_accepted(azure: Azure, browser: Client) -> None:
    back = azure.pick(browser.get("/auth/start")["Location"], "ada")
    azure.fault("bad-id-token", flaw="one-minute-ahead")
    assert return_from_entra(browser, back) == (302, "/")


@pytest.mark.parametrize(("flaw", "words"), [("ten-minutes-ahead", "is behind"), ("exp", "is ahead")])
def test_large_clock_skew_is_reported(azure: Azure, browser: Client, flaw: str, words: str) -> None:
    back = azure.pick(browser.get("/auth/start")["Location"], "ada")
    azure.fault("bad-id-token", flaw=flaw)
    page = return_from_entra(browser, back)[1]
    assert words in page
    assert "check NTP" in page


def test_code_without_its_pkce_verifier_is_rejected(azure: Azure, browser: Client) -> None:
    back = azure.pick(browser.get("/auth/start")["Location"], "ada")
    session = browser.session
    flows = session["sign_in_flows"]
    next(iter(flows.values()))["flow"]["code_verifier"] = "another"
    session["sign_in_flows"] = flows
    session.save()
    assert return_from_entra(browser, back)[0] == 403
    assert not User.objects.exists()


def test_flow_expires_after_ten_minutes(azure: Azure, browser: Client) -> None:
    back = azure.pick(browser.get("/auth/start")["Location"], "ada")
    session = browser.session
    flows = session["sign_in_flows"]
    next(iter(flows.values()))["started"] -= 601
    session["sign_in_flows"] = flows
    session.save()
    assert "older than ten minutes" in return_from_entra(browser, back)[1]


@pytest.mark.parametrize("path", ["/auth/start", "/auth/sign-in"])
@pytest.mark.parametrize("url", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_sign_in_pages_do_not_redirect_off_site(azure: Azure, browser: Client, path: str, url: str) -> None:
    response = browser.get(path, {"next": url})
    assert "evil" not in response.content.decode()
    assert "javascript" not in response.content.decode()
    start = browser.get("/auth/start", {"next": url})
    assert return_from_entra(browser, azure.pick(start["Location"], "ada")) == (302, "/")


def test_user_of_another_tenant_is_rejected(azure: Azure, browser: Client) -> None:
    back = azure.pick(browser.get("/auth/start")["Location"], "fritz")
    status, page = return_from_entra(browser, back)
    assert status == 403
    assert "made by another tenant" in page


def test_another_browser_cannot_complete_a_flow(azure: Azure, browser: Client) -> None:
    back = azure.pick(browser.get("/auth/start")["Location"], "ada")
    assert return_from_entra(Client(headers={"host": settings.PUBLIC_HOST}), back)[0] == 403


def test_code_works_once_and_back_button_is_harmless(azure: Azure, browser: Client) -> None:
    back = azure.pick(browser.get("/auth/start")["Location"], "ada")
    assert return_from_entra(browser, back) == (302, "/")
    assert return_from_entra(browser, back) == (302, "/")


def test_two_tabs_can_sign_in_in_parallel(azure: Azure, browser: Client) -> None:
    starts = [browser.get("/auth/start", {"next": next_url}) for next_url in ("/?q=a", "/?q=b")]
    backs = [azure.pick(start["Location"], "ada") for start in starts]
    assert return_from_entra(browser, backs[0]) == (302, "/?q=a")
    assert return_from_entra(browser, backs[1])[0] == 302


def test_cancelled_sign_in_is_explained(azure: Azure, browser: Client) -> None:
    start = browser.get("/auth/start")["Location"]
    response = azure.http.post(start, data={"cancel": "1"}, allow_redirects=False, timeout=10)
    status, page = return_from_entra(browser, response.headers["Location"])
    assert status == 403
    assert "AADSTS65004" in page
    assert "https://login.microsoftonline.com/error?code=65004" in page


def test_error_in_the_url_is_never_rendered(azure: Azure, browser: Client) -> None:
    start = browser.get("/auth/start")["Location"]
    state = parse_qs(urlsplit(start).query)["state"][0]
    described = "AADSTS65004x: <a href=https://evil.example>"
    response = browser.get("/auth/callback", {"state": state, "error": "AADSTS<b>", "error_description": described})
    assert "evil.example" not in response.content.decode()
    assert "<b>" not in response.content.decode()


def test_expired_secret_points_to_the_operator(azure: Azure, browser: Client) -> None:
    back = azure.pick(browser.get("/auth/start")["Location"], "ada")
    azure.fault("secret-expired")
    page = return_from_entra(browser, back)[1]
    assert "The client secret has expired" in page
    assert "the operator of Endpoint Desk" in page


def test_entra_outage_is_explained(azure: Azure, browser: Client) -> None:
    azure.fault("server-error", where="discovery", status=503)
    response = browser.get("/auth/start")
    assert response.status_code == 503
    assert b"Entra ID cannot be reached" in response.content


@pytest.mark.parametrize(("person", "sentence"), [("nora", "You have no role here yet"), ("gus", "in more groups")])
def test_user_without_a_role_sees_what_to_request(sign_in: SignIn, person: str, sentence: str) -> None:
    response = sign_in(person).get("/")
    assert response.status_code == 403
    assert sentence in response.content.decode()
    assert PEOPLE[person] in response.content.decode()


def test_sign_out_ends_the_session_at_entra_too(sign_in: SignIn) -> None:
    client = sign_in("ada")
    response = client.post("/auth/sign-out")
    assert "/oauth2/v2.0/logout?post_logout_redirect_uri=" in response["Location"]
    assert not TokenCache.objects.exists()
    assert client.get("/")["Location"] == "/auth/sign-in"


def test_get_request_does_not_sign_out(sign_in: SignIn) -> None:
    client = sign_in("ada")
    assert client.get("/auth/sign-out").status_code == 405
    assert client.get("/").status_code == 200
    assert TokenCache.objects.exists()


def test_other_host_name_redirects_to_the_public_one(browser: Client) -> None:
    response = Client(headers={"host": f"127.0.0.1:{settings.PORT}"}).get("/auth/sign-in")
    assert response["Location"] == f"{settings.PUBLIC_BASE_URL}/auth/sign-in"


def test_expired_session_returns_htmx_to_its_page(browser: Client) -> None:
    headers = {"hx-request": "true", "hx-current-url": f"{settings.PUBLIC_BASE_URL}/?state=failed"}
    response = browser.get("/", headers=headers)
    assert (response.status_code, response["HX-Redirect"]) == (401, "/auth/sign-in?next=%2F%3Fstate%3Dfailed")


@pytest.mark.parametrize("headers", [{"hx-request": "true", "hx-current-url": "/workspaces/new"}, {}])
def test_form_lost_to_an_expired_session_is_reported(browser: Client, headers: dict[str, str]) -> None:
    headers["referer"] = f"{settings.PUBLIC_BASE_URL}/workspaces/new"
    response = browser.post("/workspaces/new", {"resource_id": "x"}, headers=headers)
    sign_in_url = response.get("HX-Redirect") or response["Location"]
    assert sign_in_url == "/auth/sign-in?next=%2Fworkspaces%2Fnew&lost=1"
    assert "nothing was changed" in browser.get(sign_in_url).content.decode()


def test_sign_in_without_an_audit_entry_fails(azure: Azure, browser: Client) -> None:
    back = azure.pick(browser.get("/auth/start")["Location"], "ada")
    browser.raise_request_exception = False
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TRIGGER disk_full BEFORE INSERT ON accounts_auditentry BEGIN SELECT RAISE(ABORT, 'x'); END"
        )
    assert return_from_entra(browser, back)[0] == 500
    assert browser.get("/").status_code == 302
    assert not TokenCache.objects.exists()


def test_session_ends_after_its_maximum_age(sign_in: SignIn) -> None:
    client = sign_in("ada")
    session = client.session
    session["signed_in_at"] -= settings.SESSION_COOKIE_AGE + 1
    session.save()
    assert client.get("/").status_code == 302


def age_roles(**columns: object) -> None:
    User.objects.update(roles_checked_at=timezone.now() - timedelta(minutes=61), **columns)


def test_roles_are_checked_every_hour(sign_in: SignIn) -> None:
    client = sign_in("vera")
    age_roles(roles=["Admin"])
    assert client.get("/workspaces/new").status_code == 403
    assert User.objects.get().roles == ["Viewer"]


def test_revoked_user_is_signed_out_within_the_hour(azure: Azure, sign_in: SignIn) -> None:
    client = sign_in("vera")
    azure.revoke("vera")
    age_roles()
    assert client.get("/").status_code == 302


def test_last_known_roles_hold_while_entra_is_down(azure: Azure, sign_in: SignIn) -> None:
    client = sign_in("vera")
    age_roles()
    azure.fault("server-error", where="token", status=503)
    assert client.get("/").status_code == 200


def test_polling_table_does_not_extend_an_idle_session(sign_in: SignIn) -> None:
    client = sign_in("ada")
    session = client.session
    session["active_at"] -= settings.SESSION_IDLE_SECONDS - 5
    session.save()
    client.get("/", headers={"hx-request": "true", "x-poll": "1"})
    assert client.session["active_at"] == session["active_at"]
    client.get("/")
    assert client.session["active_at"] > session["active_at"]
    session = client.session
    session["active_at"] -= settings.SESSION_IDLE_SECONDS + 5
    session.save()
    assert client.get("/").status_code == 302
