"""The comparison on the page of an endpoint, and its two buttons."""

import re
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import AuditEntry
from endpoints.models import Endpoint, Workspace
from tests.conftest import SignIn
from tests.support.azure import Azure
from tests.support.buttons import press
from tests.support.creation import settle, submit, texts
from tests.support.fleet import others, read_fleet

TAGS = {"tags": {"team": "ads"}}
SAFETY = {"properties": {"contentSafety": {"contentSafetyStatus": "Disabled"}}}


@pytest.fixture
def tagged(azure: Azure, ada: Client, workspaces: list[Workspace]) -> Endpoint:
    """An online endpoint whose request has a tag and content safety."""
    more: dict[str, Any] = {"tag_key": ["team"], "tag_value": ["search"], "content_safety": "Enabled"}
    return settle(azure, submit(ada, workspaces[0], **more))


def change(azure: Azure, endpoint: Endpoint, changes: dict[str, Any]) -> Endpoint:
    """Change the endpoint as Olga, and notice it."""
    others(azure, "PATCH", endpoint.arm_id, changes, by="olga@emulator.test")
    read_fleet()
    endpoint.refresh_from_db()
    return endpoint


def page_of(client: Client, endpoint: Endpoint) -> str:
    return unescape(client.get(endpoint.get_absolute_url()).content.decode())


def decide(client: Client, endpoint: Endpoint, button: str, seen: str = "") -> int:
    form = {"seen": seen or endpoint.observed_hash, "submission_id": str(uuid4())}
    status = press(client, endpoint, button, **form)
    endpoint.refresh_from_db()
    return status


def test_page_compares_request_and_azure(azure: Azure, ada: Client, tagged: Endpoint) -> None:
    page = page_of(ada, change(azure, tagged, TAGS))
    assert "Azure differs from the request" in page
    assert "Last changed in Azure by olga@emulator.test (User)" in page
    cells = re.findall(r'<t[hd][^>]* role="(?:rowheader|cell)"[^>]*>([^<]*)<', page)
    assert cells[:4] == ["Tag team", "search", "ads", "Send the request again"]


def test_page_without_drift_has_no_comparison(ada: Client, tagged: Endpoint) -> None:
    assert "Azure differs from the request" not in page_of(ada, tagged)


def test_accepting_makes_azure_s_values_the_request(azure: Azure, ada: Client, tagged: Endpoint) -> None:
    change(azure, tagged, {**TAGS, **SAFETY})
    assert decide(ada, tagged, "accept") == 303
    assert (tagged.drift, tagged.drift_since, tagged.requested.tags) == (None, None, {"team": "ads"})
    read_fleet()
    tagged.refresh_from_db()
    assert tagged.drift is None
    assert azure.count("PATCH", "/chat") == 0


def test_accepting_is_recorded(azure: Azure, ada: Client, tagged: Endpoint) -> None:
    change(azure, tagged, TAGS)
    decide(ada, tagged, "accept")
    assert texts(tagged)[-1] == "Accepted what Azure holds: Tag team, search → ads."
    entry = AuditEntry.objects.get(action="drift-accepted")
    assert entry.actor_name == "ada@emulator.test"
    assert entry.details == {"differences": [{"field": "Tag team", "before": "search", "after": "ads"}]}


def test_sending_again_restores_the_request(azure: Azure, ada: Client, tagged: Endpoint) -> None:
    change(azure, tagged, {**TAGS, **SAFETY})
    assert decide(ada, tagged, "send-again") == 303
    settle(azure, tagged)
    assert [difference["field"] for difference in tagged.drift or []] == ["Content safety"]
    assert (azure.resource("chat") or {})["tags"] == {"team": "search"}


def test_fixed_setting_offers_no_sending(azure: Azure, ada: Client, tagged: Endpoint) -> None:
    page = page_of(ada, change(azure, tagged, SAFETY))
    assert "To change it, delete the endpoint and create it again." in page
    assert "accept-drift" in page
    assert "send-again" not in page
    decide(ada, tagged, "send-again")
    assert tagged.operations.count() == 1


@pytest.mark.parametrize("button", ["accept", "send-again"])
def test_newer_change_is_shown_instead(azure: Azure, ada: Client, tagged: Endpoint, button: str) -> None:
    seen = change(azure, tagged, TAGS).observed_hash
    change(azure, tagged, {"tags": {"team": "sales"}})
    decide(ada, tagged, button, seen)
    page = page_of(ada, tagged)
    assert "Azure holds something else by now, so nothing was done." in page
    assert "sales" in page
    assert (tagged.requested.tags, tagged.operations.count()) == ({"team": "search"}, 1)


def test_double_click_sends_once(azure: Azure, ada: Client, tagged: Endpoint) -> None:
    form = {"seen": change(azure, tagged, TAGS).observed_hash, "submission_id": str(uuid4())}
    assert [press(ada, tagged, "send-again", **form) for _ in range(2)] == [303, 303]
    assert tagged.operations.count() == 2


def test_running_change_keeps_the_request(azure: Azure, ada: Client, tagged: Endpoint) -> None:
    change(azure, tagged, TAGS)
    decide(ada, tagged, "send-again")
    decide(ada, tagged, "accept")
    assert tagged.requested.tags == {"team": "search"}
    assert "Wait until the operation ends" in page_of(ada, tagged)


def test_other_users_see_the_comparison_only(
    azure: Azure, sign_in: SignIn, tagged: Endpoint, workspaces: list[Workspace]
) -> None:
    change(azure, tagged, TAGS)
    page = page_of(sign_in("vera"), tagged)
    assert "Azure differs from the request" in page
    assert "accept-drift" not in page


def test_reads_of_azure_are_azure_s_lines(azure: Azure, ada: Client, tagged: Endpoint) -> None:
    page = page_of(ada, change(azure, tagged, TAGS))
    line = page[page.index("Changed in Azure by olga@emulator.test: Tag team") :]
    assert re.search(r"· (\w[\w ]*)</small>", line).group(1) == "Azure"  # type: ignore[union-attr]
    assert "<details" not in line[: line.index("</li>")]
