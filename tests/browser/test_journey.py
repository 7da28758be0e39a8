"""The whole way in a real browser: sign in, create, watch, copy, sign out; and the same for a creation that fails.

With SCREENSHOTS=folder the pages are kept as pictures, in light, dark and phone width.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, ViewportSize, expect, sync_playwright

from emulator.seed import PRODUCTION
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
        found = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture
def context(browser: Browser, running_desk: Desk) -> Iterator[BrowserContext]:
    running_desk.azure.reset()
    context = browser.new_context(viewport=DESKTOP, base_url=running_desk.url)
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=running_desk.url)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page on which nothing may go wrong: no error in the console, no request to anybody else."""
    page, problems = context.new_page(), []
    page.on("console", lambda message: problems.append(message.text) if _is_problem(message) else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: None if _ours(request.url) else problems.append(request.url))
    yield page
    assert problems == []


def _is_problem(message: ConsoleMessage) -> bool:
    """Chromium logs a form that was refused and a network that is cut off on purpose as errors too."""
    meant = ["status of 401", "status of 403", "Error Code 403", "status of 422", "net::ERR_INTERNET_DISCONNECTED"]
    meant += ["htmx:afterRequest", "htmx:sendError"]
    return message.type == "error" and not any(text in message.text for text in meant)


def _ours(url: str) -> bool:
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


def look(page: Page, name: str) -> None:
    """Let axe look at the page in light, dark and at phone width, and keep pictures of it."""
    for picture, scheme, size in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(size)
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
        assert found.violations_count == 0, f"{name}, {picture}: {found.generate_report()}"
        sideways = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert sideways <= 0, f"{name} scrolls sideways at {picture}"
        if folder := os.environ.get("SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=f"{folder}/{name}-{picture}.png", full_page=True)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(DESKTOP)


def test_from_sign_in_to_an_endpoint_online(page: Page, running_desk: Desk) -> None:
    page.goto("/")
    look(page, "sign-in")
    sign_in(page, "Ada Admin")
    look(page, "empty")
    fill_in(page, "chat-eu", "azureml-meta/models/Llama-3.3-70B-Instruct")
    page.get_by_label("Name", exact=True).focus()
    expect(page.get_by_text("the workspace needs its marketplace subscription")).to_be_visible()
    page.get_by_role("button", name="Show the request").click()
    expect(page.locator("#preview")).to_contain_text('"modelId"')
    look(page, "form")
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
    look(page, "table")

    page.get_by_role("link", name="chat-eu").click()
    expect(page.get_by_text("$ENDPOINT_KEY").first).to_be_visible()
    look(page, "online")
    page.get_by_text("ada", exact=True).click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="You signed out")).to_be_visible()


def test_a_creation_that_fails_says_why_and_can_be_tried_again(page: Page) -> None:
    sign_in(page, "Oscar Operator")
    fill_in(page, "fail-offer-chat", "azureml/models/Phi-4")
    page.get_by_role("button", name="Create endpoint").click()
    expect(page.locator("h1 .badge")).to_have_text("Failed", timeout=IN_TIME)
    expect(page).to_have_title("fail-offer-chat: Failed – Endpoint Desk")
    expect(page.locator("#announcer")).to_have_text("fail-offer-chat is failed.")
    page.get_by_text("What Azure said").click()
    expect(page.get_by_text("ServerlessOfferNotFound", exact=True)).to_be_visible()
    look(page, "failed")
    page.get_by_role("link", name="Try again").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("fail-offer-chat")


def test_an_endpoint_is_deleted_after_a_question_and_looked_for_again(page: Page) -> None:
    sign_in(page, "Oscar Operator")
    fill_in(page, "short-lived", "azureml/models/Phi-4")
    page.get_by_role("button", name="Create endpoint").click()
    expect(page.locator("h1 .badge")).to_have_text("Online", timeout=IN_TIME)
    page.get_by_role("link", name="Delete…").click()
    name = page.get_by_label("Type short-lived to delete it")
    name.fill("short")
    page.get_by_role("button", name="Delete endpoint").click()
    expect(page.get_by_role("alert")).to_contain_text("This is not its name.")
    look(page, "delete")
    name.fill("short-lived")
    page.keyboard.press("Enter")
    expect(page.locator("h1 .badge")).to_have_text("Deleted", timeout=IN_TIME)
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_text("It no longer exists in Azure.")).to_be_visible(timeout=IN_TIME)
    look(page, "deleted")


def test_a_bad_form_keeps_what_was_typed_and_takes_the_focus_to_its_errors(page: Page) -> None:
    sign_in(page, "Oscar Operator")
    fill_in(page, "bad", "azureml/models/Phi-4/versions/3")
    page.get_by_label("Key of tag 1").fill("team")
    page.get_by_role("button", name="Create endpoint").click()
    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("Leave the version out")
    expect(page.get_by_label("Key of tag 1")).to_have_value("team")
    expect(page.get_by_label("Model", exact=True)).to_have_attribute("aria-invalid", "true")
    look(page, "errors")


def test_an_endpoint_can_be_asked_for_with_the_keyboard_alone(page: Page) -> None:
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


def polls(page: Page) -> list[str]:
    """The addresses that htmx asks for from now on."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "hx-request" in request.headers else None)
    return asked


def test_a_paused_table_asks_for_nothing(page: Page) -> None:
    sign_in(page, "Vera Viewer")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#live-status")).to_contain_text("Paused")
    asked = polls(page)
    page.evaluate("htmx.trigger('#live', 'refresh')")
    page.wait_for_timeout(300)
    assert asked == []
    page.get_by_role("button", name="Resume").click()
    page.wait_for_timeout(300)
    assert asked != []


def test_a_hidden_tab_asks_for_nothing_until_it_is_looked_at(page: Page) -> None:
    sign_in(page, "Vera Viewer")
    asked = polls(page)
    hide = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true})"
    page.evaluate(hide % "true")
    page.evaluate("htmx.trigger('#live', 'refresh')")
    page.wait_for_timeout(300)
    assert asked == []
    page.evaluate(hide % "false")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(300)
    assert asked != []


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("workspaces", "/workspaces/"),
        ("audit-log", "/auth/audit-log"),
        ("register", f"/workspaces/new?subscription={PRODUCTION}&resource_group=rg-ml-shared"),
    ],
)
def test_the_other_pages_are_sound_too(page: Page, name: str, address: str) -> None:
    sign_in(page, "Ada Admin")
    page.goto(address)
    look(page, name)


def test_the_pages_of_the_emulator_are_sound_too(page: Page, running_desk: Desk) -> None:
    page.goto("/auth/start")
    look(page, "account-picker")
    number = running_desk.azure.requests("GET", "/authorize")[0]["number"]
    page.goto(f"{running_desk.azure.url}/emulator/?request={number}")
    look(page, "emulator")


def test_a_dead_session_leads_through_the_sign_in_back_to_the_page(page: Page, context: BrowserContext) -> None:
    sign_in(page, "Ada Admin")
    page.goto("/?state=failed")
    context.clear_cookies(name="session")
    page.get_by_role("searchbox").fill("x")  # htmx asks for the live part, and is told where to go
    expect(page.get_by_role("heading", name="Endpoint Desk")).to_be_visible()
    page.get_by_role("link", name="Sign in with Entra ID").click()
    expect(page.get_by_role("heading", name="Endpoints", exact=True)).to_be_visible()
    assert "state=failed" in page.url


def test_what_htmx_is_refused_is_said_on_the_page(page: Page, context: BrowserContext) -> None:
    sign_in(page, "Ada Admin")
    fill_in(page, "chat-refused", "azureml/models/Phi-4")
    context.clear_cookies(name="csrf")
    page.get_by_role("button", name="Show the request").click()
    expect(page.get_by_role("alert")).to_contain_text("Reload the page")
    expect(page.get_by_label("Name", exact=True)).to_have_value("chat-refused")


def test_a_form_of_before_a_new_sign_in_in_another_tab_still_works(page: Page, context: BrowserContext) -> None:
    sign_in(page, "Ada Admin")
    fill_in(page, "chat-tabs", "azureml/models/Phi-4")
    other = context.new_page()
    other.goto("/auth/start")
    expect(other.get_by_role("heading", name="Endpoints", exact=True)).to_be_visible()
    page.get_by_role("button", name="Show the request").click()
    expect(page.locator("#preview")).to_contain_text('"modelId"')
    page.get_by_role("button", name="Create endpoint").click()
    expect(page.get_by_role("heading", name="chat-tabs")).to_be_visible()


def test_a_lost_network_is_told_and_recovered_from(page: Page, context: BrowserContext) -> None:
    sign_in(page, "Vera Viewer")
    lost = page.locator("#offline")
    context.set_offline(True)
    page.evaluate("htmx.trigger('#live', 'refresh')")
    expect(lost).to_contain_text("Endpoint Desk cannot be reached.")
    expect(page.locator("#live-status")).to_contain_text("Offline")
    context.set_offline(False)
    page.evaluate("htmx.trigger('#live', 'refresh')")
    expect(lost).to_be_empty()
