"""The page of findings, and their marks in the table and on the page of an endpoint."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from endpoints.findings import FindingKind
from endpoints.models import Endpoint, Finding, MarketplaceSubscription, Workspace
from endpoints.states import Urgency
from endpoints.versions import bump
from tests.conftest import SignIn
from tests.support.creation import PHI

NOW = timezone.now()


def create(workspace: Workspace, name: str, owner: User | None = None) -> Endpoint:
    endpoint = Endpoint.objects.create(
        workspace=workspace, name=name, owner=owner, model_id=PHI, state="online", urgency=Urgency.RESTING,
        created_at=NOW, state_since=NOW, changed_at=NOW, observed_at=NOW,
    )  # fmt: skip
    bump(workspace.pk)
    return endpoint


def find(endpoint: Endpoint, kind: str, detail: str = "", hours: int = 1) -> Finding:
    since = NOW - timedelta(hours=hours)
    return Finding.objects.create(
        workspace=endpoint.workspace, endpoint=endpoint, kind=kind, detail=detail, since=since
    )


def page_of(client: Client, url: str = "/findings/") -> str:
    return unescape(client.get(url).content.decode())


def headings(page: str) -> list[str]:
    return re.findall(r'<h2 id="([\w-]+)">', page)


def names(page: str) -> list[str]:
    return re.findall(r'class="name">(?:<a [^>]*>)?([\w-]+)', page)


@pytest.fixture
def chat(ada: Client, workspaces: list[Workspace]) -> Endpoint:
    ada.get("/")
    return create(workspaces[0], "chat")


def test_page_without_findings_says_so(ada: Client, workspaces: list[Workspace]) -> None:
    page = page_of(ada)
    assert "Nothing needs you." in page
    assert 'href="/findings/" aria-current="page"' in page


def test_kinds_come_in_order_of_urgency(ada: Client, chat: Endpoint) -> None:
    for kind in sorted(FindingKind):
        find(chat, kind)
    assert headings(page_of(ada)) == list(FindingKind)


def test_finding_shows_cause_advice_and_since(ada: Client, chat: Endpoint) -> None:
    find(chat, "not-online", "Azure reports Suspended.", hours=3)
    page = page_of(ada)
    for text in ["Succeeded but not Online", "Azure reports Suspended.", "Check it now.", "3 h ago", "ml-production"]:
        assert text in page
    assert f'<a href="{chat.get_absolute_url()}">chat</a>' in page


def test_subscription_is_shown_by_name(ada: Client, workspaces: list[Workspace]) -> None:
    subscription = MarketplaceSubscription.objects.create(
        workspace=workspaces[0], name="Llama", model_id="m", status="Subscribed", observed={}, seen_at=NOW
    )
    Finding.objects.create(workspace=workspaces[0], subscription=subscription, kind="subscription-unused", since=NOW)
    page = page_of(ada)
    assert names(page) == ["Llama"]
    assert f"/endpoints/new?workspace={workspaces[0].pk}" in page
    assert f"https://portal.azure.com/#resource{workspaces[0].arm_id}" in page


def test_hidden_workspace_shows_no_finding(sign_in: SignIn, workspaces: list[Workspace]) -> None:
    sign_in("ada")
    find(create(workspaces[0], "in-production"), "drift")
    find(create(workspaces[1], "in-research"), "drift")
    page = page_of(sign_in("vera"))
    assert names(page) == ["in-production"]
    assert "ml-research" not in page


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("kind=drift", ["a", "b"]),
        ("workspace={1}", ["b"]),
        ("kind=unowned&workspace={0}", ["a"]),
        ("kind=retired", []),
        ("kind=nonsense&workspace=nonsense", ["a", "b", "a"]),
    ],
)
def test_filters_choose_kind_and_workspace(
    ada: Client, workspaces: list[Workspace], query: str, shown: list[str]
) -> None:
    a, b = create(workspaces[0], "a"), create(workspaces[1], "b")
    for endpoint in (a, b):
        find(endpoint, "drift")
    find(a, "unowned")
    page = page_of(ada, "/findings/?" + query.format(*(workspace.pk for workspace in workspaces)))
    assert names(page) == shown
    assert ("No finding matches" in page) == (not shown)


def test_long_list_is_cut_with_its_count(ada: Client, workspaces: list[Workspace]) -> None:
    for number in range(203):
        find(create(workspaces[0], f"chat-{number}"), "drift", hours=number)
    page = page_of(ada, "/findings/?kind=drift")
    assert len(names(page)) == 200
    assert names(page)[0] == "chat-202"
    assert "The oldest 200 of 203." in page


def test_page_of_all_kinds_shows_ten_of_each(ada: Client, workspaces: list[Workspace]) -> None:
    for number in range(12):
        find(create(workspaces[0], f"chat-{number}"), "drift", hours=number)
    page = page_of(ada)
    assert len(names(page)) == 10
    assert '<a href="?kind=drift">Show more</a>' in page


def test_number_of_queries_does_not_grow_with_findings(ada: Client, workspaces: list[Workspace]) -> None:
    counts = []
    for letter in "ab":
        for number in range(20):
            find(create(workspaces[0], f"{letter}-{number}"), "unowned")
        page_of(ada)
        with CaptureQueriesContext(connection) as queries:
            page_of(ada)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_actions_depend_on_role_and_owner(sign_in: SignIn, workspaces: list[Workspace]) -> None:
    clients = {person: sign_in(person) for person in ("ada", "oscar", "vera")}
    oscar = User.objects.get(username="oscar@emulator.test")
    own, unowned = create(workspaces[0], "own", oscar), create(workspaces[0], "unowned")
    find(own, "retired")
    find(unowned, "unowned")
    deletions = {
        person: [endpoint.name for endpoint in (own, unowned) if f"{endpoint.get_absolute_url()}delete" in page]
        for person, page in ((person, page_of(client)) for person, client in clients.items())
    }
    assert deletions == {"ada": ["own", "unowned"], "oscar": ["own"], "vera": []}
    assert [person for person, client in clients.items() if "Give it an owner…" in page_of(client)] == ["ada"]


def test_every_kind_offers_an_action(ada: Client, chat: Endpoint) -> None:
    for kind in FindingKind:
        find(chat, kind)
    for group in page_of(ada).split('<section class="findings"')[1:]:
        assert re.search(r'class="(button )?small"', group), group
    assert page_of(ada).count(f'action="{chat.get_absolute_url()}check"') == 3


def test_row_is_marked_with_its_finding(ada: Client, chat: Endpoint) -> None:
    assert 'class="finding"' not in page_of(ada, "/")
    find(chat, "drift")
    Endpoint.objects.update(version=2)
    mark = re.search(r'<small class="finding">(.*?)</small>', page_of(ada, "/"), re.DOTALL)
    assert mark
    assert "Different from the request" in mark[1]


def test_mark_of_several_findings_names_all_of_them(ada: Client, chat: Endpoint) -> None:
    find(chat, "drift")
    find(chat, "retired")
    mark = re.search(r'<small class="finding">(.*?)</small>', page_of(ada, "/"), re.DOTALL)
    assert mark
    text = " ".join(re.sub("<[^>]*>", "", mark[1]).split())
    assert text == "2 findings: Different from the request, Model retired"


def test_marks_of_a_page_are_one_query(ada: Client, workspaces: list[Workspace]) -> None:
    for number in range(20):
        find(create(workspaces[0], f"chat-{number}"), "drift")
    with CaptureQueriesContext(connection) as queries:
        page_of(ada, "/")
    assert len([query for query in queries if "endpoints_finding" in query["sql"]]) == 1


def test_page_of_an_endpoint_lists_its_findings(ada: Client, chat: Endpoint) -> None:
    assert "Succeeded but not Online" not in page_of(ada, chat.get_absolute_url())
    find(chat, "retiring", "Phi-4 retires on 1 May 2027.")
    find(chat, "not-online")
    page = page_of(ada, chat.get_absolute_url())
    assert "2 findings" in page
    assert page.index("Succeeded but not Online") < page.index("Phi-4 retires on 1 May 2027.")
