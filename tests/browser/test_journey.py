"""Journeys through the pages in a real browser.

SCREENSHOTS=folder saves pictures of every page in light, dark and phone width.
"""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    ViewportSize,
    expect,
    sync_playwright,
)

from tests.support.desk import Desk, desk, environment
from tests.support.processes import chromium

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
ARGUMENTS += ["--disable-component-update", "--disable-sync"]
DESKTOP, PHONE = ViewportSize(width=1280, height=860), ViewportSize(width=320, height=800)
SCHEMES: list[tuple[str, Literal["light", "dark"], ViewportSize]] = [
    ("light", "light", DESKTOP),
    ("dark", "dark", DESKTOP),
    ("phone", "light", PHONE),
]
IN_TIME = 90_000


@pytest.fixture(scope="module")
def running_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk") / "var"
    with desk(folder, environment(folder), seconds="5") as started:
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser, running_desk: Desk) -> Iterator[BrowserContext]:
    running_desk.azure.reset()
    context = browser.new_context(viewport=DESKTOP, base_url=running_desk.url)
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=running_desk.url)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that must not log errors to the console or send requests to other hosts."""
    page, problems = context.new_page(), []
    page.on("console", lambda message: problems.append(message.text) if _is_problem(message) else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: None if _is_local(request.url) else problems.append(request.url))
    yield page
    assert problems == []


def _is_problem(message: ConsoleMessage) -> bool:
    """Chromium also logs the errors that these tests provoke: refused forms and a lost connection."""
    expected = ["status of 401", "status of 403", "Error Code 403", "status of 422", "net::ERR_INTERNET_DISCONNECTED"]
    expected += ["htmx:afterRequest", "htmx:sendError"]
    return message.type == "error" and not any(text in message.text for text in expected)


def _is_local(url: str) -> bool:
    return url.startswith(("http://localhost:", "http://127.0.0.1:", "data:"))


def sign_in(page: Page, person: str) -> None:
    page.goto("/")
    page.get_by_role("link", name="Sign in with Entra ID").click()
    page.get_by_role("button", name=person).click()
    expect(page.get_by_role("heading", name="Endpoints", exact=True)).to_be_visible()
    page.wait_for_load_state()


def fill_in(page: Page, name: str, model: str) -> None:
    page.get_by_role("link", name="New endpoint").click()
    page.get_by_label("Workspace").select_option(label="ml-production · eastus2")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Model", exact=True).fill(f"azureml://registries/{model}")


def check_page(page: Page, name: str) -> None:
    """Check the page with axe, and for sideways scrolling, in light, dark and phone width; save pictures of it."""
    for picture, scheme, size in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(size)
        results = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
        assert results.violations_count == 0, f"{name}, {picture}: {results.generate_report()}"
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, f"{name} scrolls sideways at {picture}"
        if folder := os.environ.get("SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=f"{folder}/{name}-{picture}.png", full_page=True)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(DESKTOP)


def test_sign_in_to_online_endpoint(page: Page, running_desk: Desk) -> None:
    page.goto("/")
    check_page(page, "sign-in")
    sign_in(page, "Ada Admin")
    check_page(page, "empty")
    fill_in(page, "chat-eu", "azureml-meta/models/Llama-3.3-70B-Instruct")
    page.get_by_label("Name", exact=True).focus()
    expect(page.get_by_text("the workspace needs its marketplace subscription")).to_be_visible()
    page.get_by_role("button", name="Show the request").click()
    expect(page.locator("#preview")).to_contain_text('"modelId"')
    check_page(page, "form")
    page.get_by_role("button", name="Create endpoint").dblclick()
    expect(page.get_by_role("heading", name="chat-eu")).to_be_visible()

    page.get_by_role("link", name="Endpoints", exact=True).first.click()
    row = page.locator("tr", has_text="chat-eu")
    expect(row).to_have_count(1)
    expect(row.locator(".badge")).to_have_text("Creating", timeout=IN_TIME)
    search = page.get_by_role("searchbox")
    search.fill("chat")
    expect(row.locator(".badge")).to_have_text("Online", timeout=IN_TIME)
    expect(search).to_be_focused()
    expect(search).to_have_value("chat")
    expect(page.locator("#announcer")).to_contain_text("chat-eu is online.")
    page.get_by_role("button", name="Copy the inference URI of chat-eu").click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"{running_desk.azure.url}/inference/eastus2/chat-eu"
    check_page(page, "table")

    page.get_by_role("link", name="chat-eu").click()
    expect(page.get_by_text("$ENDPOINT_KEY").first).to_be_visible()
    check_page(page, "online")
    page.get_by_text("ada", exact=True).click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="You signed out")).to_be_visible()


def test_failed_creation_is_explained_and_can_be_repeated(page: Page) -> None:
    sign_in(page, "Oscar Operator")
    fill_in(page, "fail-offer-chat", "azureml/models/Phi-4")
    page.get_by_role("button", name="Create endpoint").click()
    expect(page.locator("h1 .badge")).to_have_text("Failed", timeout=IN_TIME)
    expect(page).to_have_title("fail-offer-chat: Failed – Endpoint Desk")
    expect(page.locator("#announcer")).to_have_text("fail-offer-chat failed.")
    page.get_by_role("region", name="The model needs").get_by_text("Azure's response").click()
    expect(page.get_by_text("ServerlessOfferNotFound", exact=True)).to_be_visible()
    check_page(page, "failed")
    page.get_by_role("link", name="Try again").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("fail-offer-chat")


def test_deletion_is_confirmed_then_checked(page: Page) -> None:
    sign_in(page, "Oscar Operator")
    fill_in(page, "short-lived", "azureml/models/Phi-4")
    page.get_by_role("button", name="Create endpoint").click()
    expect(page.locator("h1 .badge")).to_have_text("Online", timeout=IN_TIME)
    page.get_by_role("link", name="Delete…").click()
    name = page.get_by_label("Type short-lived to delete it")
    name.fill("short")
    page.get_by_role("button", name="Delete endpoint").click()
    expect(page.get_by_role("alert")).to_contain_text("The name does not match.")
    check_page(page, "delete")
    name.fill("short-lived")
    page.keyboard.press("Enter")
    expect(page.locator("h1 .badge")).to_have_text("Deleted", timeout=IN_TIME)
    page.get_by_role("button", name="Check now").click()
    expect(page.locator("h1 .badge")).to_have_text("Deleted")
    check_page(page, "deleted")


def test_invalid_form_keeps_its_values_and_focuses_its_errors(page: Page) -> None:
    sign_in(page, "Oscar Operator")
    fill_in(page, "bad", "azureml/models/Phi-4/versions/3")
    page.get_by_label("Key of tag 1").fill("team")
    page.get_by_role("button", name="Create endpoint").click()
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("Remove the version")
    expect(page.get_by_label("Key of tag 1")).to_have_value("team")
    expect(page.get_by_label("Model", exact=True)).to_have_attribute("aria-invalid", "true")
    check_page(page, "errors")


def test_form_can_be_sent_with_the_keyboard_alone(page: Page) -> None:
    sign_in(page, "Oscar Operator")
    page.get_by_role("link", name="New endpoint").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Workspace").focus()
    page.keyboard.type("ml-prod")
    page.keyboard.press("Tab")
    page.keyboard.type("by-keys")
    page.keyboard.press("Tab")
    page.keyboard.type("azureml://registries/azureml/models/Phi-4-mini-reasoning")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="by-keys")).to_be_visible()


def record_polls(page: Page) -> list[int]:
    """A list that collects the status of every response to htmx from now on."""
    statuses: list[int] = []
    page.on("response", lambda response: statuses.append(response.status) if _is_htmx(response.request) else None)
    return statuses


def _is_htmx(request: Request) -> bool:
    return "hx-request" in request.headers


def poll(page: Page) -> None:
    page.evaluate("htmx.trigger('#live', 'refresh')")
    page.wait_for_timeout(500)


def test_poll_of_an_unchanged_page_swaps_nothing(page: Page) -> None:
    sign_in(page, "Oscar Operator")
    page.goto("/?q=no-such-endpoint")  # the endpoints of earlier tests may still change
    messages: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    statuses = record_polls(page)
    page.evaluate(
        "document.addEventListener('htmx:beforeSwap', (e) => (window.swaps ??= []).push(e.detail.shouldSwap))"
    )
    page.evaluate("document.querySelector('#live').firstElementChild.setAttribute('data-unswapped', '')")
    poll(page)
    poll(page)
    assert set(statuses) == {304}
    assert set(page.evaluate("window.swaps")) == {False}
    expect(page.locator("#live [data-unswapped]")).to_have_count(1)
    expect(page.locator("#live-status")).to_contain_text("Live · updated just now")
    assert messages == []


def test_unchanged_poll_brings_tag_and_age(page: Page, running_desk: Desk) -> None:
    database = running_desk.log.parent / "var" / "endpoint-desk.sqlite3"
    sign_in(page, "Oscar Operator")
    page.goto("/?q=no-such-endpoint")
    expect(page.locator("#confirmed")).to_be_visible(timeout=IN_TIME)
    with closing(sqlite3.connect(database, timeout=20, isolation_level=None)) as desk:
        # No worker reads again during this test.
        later = "UPDATE endpoints_workspaceread SET lease = NULL, due_at = datetime('now', '+1 hour')"
        desk.execute(f"{later}, complete_at = datetime('now', '-1 hour')")
        page.goto("/?q=no-such-endpoint")
        expect(page.locator("#confirmed")).to_have_text("Read from Azure 1 h ago")
        desk.execute("UPDATE endpoints_workspace SET version = version + 1")
        desk.execute("UPDATE endpoints_workspaceread SET complete_at = datetime('now', '-5 minutes')")
    with page.expect_response(lambda response: _is_htmx(response.request)) as polled:
        page.evaluate("htmx.trigger('#live', 'refresh')")
    expect(page.locator("#confirmed")).to_have_text("Read from Azure 5 min ago")
    assert polled.value.status == 304
    headers = page.locator("#live").get_attribute("hx-headers")
    assert headers is not None
    assert json.loads(headers)["If-None-Match"] == polled.value.headers["etag"]


def test_poll_of_a_changed_page_updates_it(page: Page, context: BrowserContext) -> None:
    sign_in(page, "Oscar Operator")
    statuses = record_polls(page)
    other = context.new_page()
    other.goto("/")
    fill_in(other, "from-another-tab", "azureml/models/Phi-4")
    other.get_by_role("button", name="Create endpoint").click()
    expect(other.get_by_role("heading", name="from-another-tab")).to_be_visible()
    page.bring_to_front()
    page.evaluate("htmx.trigger('#live', 'refresh')")
    expect(page.get_by_role("link", name="from-another-tab")).to_be_visible()
    assert 200 in statuses


def test_paused_table_does_not_poll(page: Page) -> None:
    sign_in(page, "Vera Viewer")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#live-status")).to_contain_text("Paused")
    statuses = record_polls(page)
    poll(page)
    assert statuses == []
    page.get_by_role("button", name="Resume").click()
    page.wait_for_timeout(500)
    assert statuses != []


def test_hidden_tab_does_not_poll_until_shown(page: Page) -> None:
    sign_in(page, "Vera Viewer")
    statuses = record_polls(page)
    hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true})"
    page.evaluate(hide % "true")
    poll(page)
    assert statuses == []
    page.evaluate(hide % "false")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(500)
    assert statuses != []


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("workspaces", "/workspaces/"),
        ("audit-log", "/auth/audit-log"),
        ("register", "/workspaces/new"),
        ("findings", "/findings/"),
    ],
)
def test_page_is_accessible(page: Page, name: str, url: str) -> None:
    sign_in(page, "Ada Admin")
    page.goto(url)
    check_page(page, name)


def test_emulator_pages_are_accessible(page: Page, running_desk: Desk) -> None:
    page.goto("/auth/start")
    check_page(page, "account-picker")
    number = running_desk.azure.requests("GET", "/authorize")[0]["number"]
    page.goto(f"{running_desk.azure.url}/emulator/?request={number}")
    check_page(page, "emulator")


def test_expired_session_signs_in_and_returns_to_the_page(page: Page, context: BrowserContext) -> None:
    sign_in(page, "Ada Admin")
    page.goto("/?state=failed")
    context.clear_cookies(name="session")
    page.get_by_role("searchbox").fill("x")  # htmx requests the live part and gets HX-Redirect
    expect(page.get_by_role("heading", name="Endpoint Desk")).to_be_visible()
    page.get_by_role("link", name="Sign in with Entra ID").click()
    expect(page.get_by_role("heading", name="Endpoints", exact=True)).to_be_visible()
    assert "state=failed" in page.url


def test_refused_htmx_request_is_shown(page: Page, context: BrowserContext) -> None:
    sign_in(page, "Ada Admin")
    fill_in(page, "chat-refused", "azureml/models/Phi-4")
    context.clear_cookies(name="csrf")
    page.get_by_role("button", name="Show the request").click()
    expect(page.get_by_role("alert")).to_contain_text("Reload the page")
    expect(page.get_by_label("Name", exact=True)).to_have_value("chat-refused")


def test_form_survives_a_sign_in_in_another_tab(page: Page, context: BrowserContext) -> None:
    sign_in(page, "Ada Admin")
    fill_in(page, "chat-tabs", "azureml/models/Phi-4")
    other = context.new_page()
    other.goto("/auth/start")
    expect(other.get_by_role("heading", name="Endpoints", exact=True)).to_be_visible()
    page.get_by_role("button", name="Show the request").click()
    expect(page.locator("#preview")).to_contain_text('"modelId"')
    page.get_by_role("button", name="Create endpoint").click()
    expect(page.get_by_role("heading", name="chat-tabs")).to_be_visible()


def test_lost_connection_is_shown_until_it_returns(page: Page, context: BrowserContext) -> None:
    sign_in(page, "Vera Viewer")
    offline = page.locator("#offline")
    context.set_offline(True)
    page.evaluate("htmx.trigger('#live', 'refresh')")
    expect(offline).to_contain_text("Endpoint Desk cannot be reached.")
    expect(page.locator("#live-status")).to_contain_text("Offline")
    context.set_offline(False)
    page.evaluate("htmx.trigger('#live', 'refresh')")
    expect(offline).to_be_empty()
