"""Headers of every response, refused requests, and settings that prevent the start."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.fernet import Fernet
from django.conf import settings
from django.core import checks
from django.test import Client, override_settings

from tests.conftest import SignIn
from tests.support.azure import Azure, wait_for
from tests.support.environment import free_port
from tests.support.processes import ROOT, manage, running

SOME_ID = "11111111-1111-4111-8111-111111111111"
PRODUCTION = {
    "AZURE_BACKEND": "azure",
    "PUBLIC_BASE_URL": "https://endpoints.example.com",
    "BEHIND_TLS_PROXY": "true",
    "ENTRA_TENANT_ID": SOME_ID,
    "ENTRA_CLIENT_ID": SOME_ID,
    "ENTRA_CLIENT_SECRET": "secret",
    "SECRET_KEY": "x9" * 25 + "abcdefgh",
    "TOKEN_CACHE_KEYS": Fernet.generate_key().decode(),
}


def check(folder: Path, *arguments: str, **changes: str) -> tuple[int, str]:
    environment = {**os.environ, **PRODUCTION, "DATA_DIR": str(folder), **changes}
    command = manage("check", *arguments)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_production_settings_pass_all_checks(tmp_path: Path) -> None:
    assert check(tmp_path, "--deploy", "--fail-level", "WARNING")[0] == 0


def test_https_without_a_trusted_proxy_is_a_warning(tmp_path: Path) -> None:
    code, output = check(tmp_path, "--deploy", "--fail-level", "WARNING", BEHIND_TLS_PROXY="false")
    assert code == 1
    assert "dashboard.W001" in output


@pytest.mark.parametrize("name", ["TENANT", "CLIENT"])
def test_ids_are_compared_without_case(tmp_path: Path, name: str) -> None:
    emulators = {f"ENTRA_{name}_ID": getattr(settings, f"EMULATOR_{name}_ID").upper()}
    assert "The ids of the emulator are set, but AZURE_BACKEND is azure." in check(tmp_path, **emulators)[1]


def test_web_does_not_start_with_a_wrong_setting(tmp_path: Path) -> None:
    environment = {**os.environ, **PRODUCTION, "DATA_DIR": str(tmp_path), "ENTRA_TENANT_ID": "common"}
    done = subprocess.run(manage("web"), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "common and organizations are refused" in done.stderr


@pytest.mark.parametrize(
    ("id", "changes"),
    [
        ("accounts.E001", {"ENTRA_TENANT_ID": "common"}),
        ("accounts.E001", {"ENTRA_TENANT_ID": "organizations"}),
        ("accounts.E001", {"ENTRA_TENANT_ID": "consumers"}),
        ("accounts.E001", {"ENTRA_TENANT_ID": "contoso.onmicrosoft.com"}),
        ("accounts.E002", {"ENTRA_CLIENT_ID": ""}),
        ("accounts.E003", {"EMULATED": False, "ENTRA_TENANT_ID": settings.EMULATOR_TENANT_ID}),
        ("accounts.E003", {"EMULATED": False, "ENTRA_CLIENT_ID": settings.EMULATOR_CLIENT_ID}),
        ("accounts.E004", {"ENTRA_CLIENT_SECRET": ""}),
        ("accounts.E005", {"ENTRA_CERTIFICATE_FILE": "/nowhere.pfx"}),
        ("accounts.E005", {"ENTRA_FEDERATED_TOKEN_FILE": "/nowhere"}),
        ("accounts.E006", {"TOKEN_CACHE_KEYS": []}),
        ("accounts.E007", {"TOKEN_CACHE_KEYS": ["too-short"]}),
        ("accounts.E008", {"ARM_WRITES_AS": "root"}),
        ("accounts.E008", {"WATCHER_IDENTITY": "everybody"}),
        ("accounts.E009", {"WATCHER_CLIENT_ID": "me"}),
        ("accounts.E011", {"ENTRA_AUTHORITY_HOST": "http://login.microsoftonline.com"}),
        ("accounts.E011", {"ENTRA_AUTHORITY_HOST": "login.microsoftonline.com"}),
        ("dashboard.E001", {"AZURE_BACKEND": "aws"}),
        ("dashboard.E002", {"EMULATED": False, "ARM_BASE_URL": "http://management.azure.com"}),
        ("dashboard.E003", {"PUBLIC_BASE_URL": ""}),
        ("dashboard.E003", {"PUBLIC_BASE_URL": "https://example.com/desk"}),
        ("dashboard.E004", {"PUBLIC_BASE_URL": "https://example.com"}),
        ("dashboard.E005", {"EMULATED": False, "PUBLIC_BASE_URL": "http://example.com"}),
        ("dashboard.E006", {"SECRET_KEY": "short"}),
        ("dashboard.E007", {"DEBUG": True, "PUBLIC_BASE_URL": "https://example.com"}),
    ],
)
def test_unsafe_setting_is_an_error(id: str, changes: dict[str, Any]) -> None:
    with override_settings(**changes):
        errors = [message for message in checks.run_checks() if message.id == id]
    assert errors
    assert errors[0].level >= checks.ERROR
    assert str(errors[0].hint).endswith((".", "'", "characters."))


def test_default_settings_pass_all_checks() -> None:
    assert [message for message in checks.run_checks() if message.level >= checks.ERROR] == []


EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def assert_strict(headers: Mapping[str, str]) -> None:
    for name, value in EVERYWHERE.items():
        assert headers[name] == value, name
    policy = headers["Content-Security-Policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} <= set(policy)
    assert "unsafe" not in str(policy)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/auth/sign-in", 200),
        ("get", "/auth/callback", 403),
        ("get", "/", 302),
        ("get", "/nowhere", 404),
        ("put", "/auth/sign-in", 405),
        ("trace", "/auth/sign-in", 405),
        ("get", "/healthz", 200),
    ],
)
def test_every_response_has_strict_headers(db: None, method: str, path: str, status: int) -> None:
    response = getattr(Client(headers={"host": settings.PUBLIC_HOST}), method)(path)
    assert response.status_code == status
    assert_strict(response.headers)
    assert "charset=utf-8" in response["Content-Type"]
    assert "Access-Control-Allow-Origin" not in response


def test_signed_in_pages_are_not_cached(sign_in: SignIn) -> None:
    client = sign_in("ada")
    for path in ("/", "/workspaces/", "/auth/audit-log", "/auth/audit-log?format=csv", "/nowhere"):
        response = client.get(path)
        assert response["Cache-Control"] == "no-store"
        assert response["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Cookie" in response["Vary"]


@pytest.mark.parametrize("path", ["/", "/workspaces/", "/auth/audit-log", "/auth/callback", "/nowhere"])
def test_every_page_shows_that_it_uses_the_emulator(sign_in: SignIn, path: str) -> None:
    client, sentence = sign_in("ada"), "Nothing reaches Azure"
    assert sentence in client.get(path, follow=True).content.decode()
    with override_settings(EMULATED=False):
        assert sentence not in client.get(path, follow=True).content.decode()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"method": "post", "path": "/endpoints/new", "data": {"name": "x" * 300_000}}, 413),
        ({"method": "post", "path": "/auth/sign-out", "data": b"x" * 300_000, "content_type": "text/plain"}, 413),
        ({"method": "get", "path": f"/?q={'x' * 9000}"}, 414),
        ({"method": "get", "path": "/?q=a%00b"}, 400),
        ({"method": "get", "path": "/auth/audit-log?text=%00"}, 400),
    ],
)
def test_oversized_and_malformed_requests_are_refused(sign_in: SignIn, request_: dict[str, Any], status: int) -> None:
    method = request_.pop("method")
    response = getattr(sign_in("ada"), method)(**request_)
    assert response.status_code == status
    assert response.content.decode().endswith(".")


@pytest.mark.parametrize("value", ["x" * 7000, "9" * 7000, "\N{GRINNING FACE}" * 500, "%s{0}$(id)'\"<b>"])
@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/", ["q", "state", "workspace", "mine", "sort", "page"]),
        ("/auth/audit-log", ["text", "action", "outcome", "page", "format"]),
        ("/auth/sign-in", ["next", "lost"]),
        ("/auth/start", ["next", "prompt"]),
        ("/auth/callback", ["state", "code", "error", "error_description"]),
        ("/workspaces/", ["q", "page"]),
        ("/workspaces/new", ["q", "page", "all"]),
        ("/endpoints/new", ["workspace", "from"]),
        ("/endpoints/warnings", ["workspace", "model_id", "name"]),
    ],
)
def test_overlong_values_are_harmless(sign_in: SignIn, path: str, names: list[str], value: str) -> None:
    client = sign_in("ada")
    for name in names:
        assert client.get(path, {name: value}).status_code in {200, 302, 403}, name


def test_csrf_token_changes_at_sign_in(azure: Azure, sign_in: SignIn) -> None:
    tab = Client(enforce_csrf_checks=True, headers={"host": settings.PUBLIC_HOST})
    tab.cookies = sign_in("ada").cookies
    tab.get("/endpoints/new")
    before = tab.cookies["csrf"].value
    back = azure.pick(tab.get("/auth/start")["Location"], "ada")
    tab.get(back.removeprefix(settings.PUBLIC_BASE_URL))
    now = tab.cookies["csrf"].value
    assert now != before
    assert tab.post("/endpoints/preview", headers={"x-csrftoken": before}).status_code == 403
    assert tab.post("/endpoints/preview", headers={"x-csrftoken": now}).status_code == 200


@pytest.fixture(scope="module")
def behind_tls(azure_process: Azure, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The web process behind a proxy that terminates TLS."""
    folder, port = tmp_path_factory.mktemp("desk"), free_port()
    environment = {"DATA_DIR": str(folder), "PORT": str(port), "PUBLIC_BASE_URL": "https://endpoints.example.com"}
    environment |= {"EMULATOR_MAY_BE_PUBLIC": "true", "BEHIND_TLS_PROXY": "true"}
    for command in ("migrate", "collectstatic"):
        done = [*manage(command), "--no-input"]
        subprocess.run(done, cwd=ROOT, env={**os.environ, **environment}, check=True, capture_output=True)
    with running(manage("web", "--workers", "1"), folder / "web.log", **environment) as process:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/readyz", process, Host="endpoints.example.com")
        yield url


def over_tls(url: str, **headers: str) -> requests.Response:
    headers = {"Host": "endpoints.example.com", "X-Forwarded-Proto": "https", **headers}
    return requests.get(url, headers=headers, allow_redirects=False, timeout=20)


def test_cookies_are_host_only_and_secure(behind_tls: str) -> None:
    cookie = over_tls(f"{behind_tls}/auth/start").headers["Set-Cookie"]
    assert cookie.startswith("__Host-session=")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


def test_static_files_have_strict_headers(behind_tls: str) -> None:
    response = over_tls(f"{behind_tls}/static/favicon.svg")
    assert response.status_code == 200
    assert_strict(response.headers)


def test_browsers_are_kept_on_tls(behind_tls: str) -> None:
    response = over_tls(f"{behind_tls}/auth/sign-in")
    assert response.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    plain = over_tls(f"{behind_tls}/auth/sign-in?next=/x", **{"X-Forwarded-Proto": "http"})
    assert plain.status_code == 301
    assert plain.headers["Location"] == "https://endpoints.example.com/auth/sign-in?next=/x"
    assert over_tls(f"{behind_tls}/healthz", **{"X-Forwarded-Proto": "http"}).status_code == 200


def test_redirect_uri_ignores_the_request(behind_tls: str) -> None:
    for headers in ({}, {"X-Forwarded-Host": "evil.example"}, {"X-Forwarded-Port": "8443"}):
        authorize_url = over_tls(f"{behind_tls}/auth/start", **headers).headers["Location"]
        assert "redirect_uri=https%3A%2F%2Fendpoints.example.com%2Fauth%2Fcallback" in authorize_url


def test_unknown_host_name_is_refused(behind_tls: str) -> None:
    assert over_tls(f"{behind_tls}/auth/start", Host="evil.example").status_code == 400
