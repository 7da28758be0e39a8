"""The table: what is in it, in which order, and what is sent when."""

import re
from collections.abc import Iterable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from endpoints.arm.serverless_endpoint import Properties, ServerlessEndpoint
from endpoints.models import Endpoint, Workspace
from endpoints.states import State, Urgency
from tests.conftest import SignIn
from tests.support.azure import Azure
from tests.support.creation import PHI, one_step, settle, submit

HTMX = {"hx-request": "true"}


@pytest.fixture
def ada(sign_in: SignIn, workspaces: list[Workspace]) -> Client:
    return sign_in("ada")


def make(workspace: Workspace, names: Iterable[str], state: State = State.ONLINE, owner: str = "ada") -> None:
    now = timezone.now()
    Endpoint.objects.bulk_create(
        Endpoint(
            workspace=workspace,
            name=name,
            owner=User.objects.get(username=f"{owner}@emulator.test"),
            created_at=now,
            state_since=now,
            changed_at=now,
            requested=ServerlessEndpoint(properties=Properties(auth_mode="Key")),
            model_id=PHI,
            state=state,
            urgency=Urgency.of(state),
        )
        for name in names
    )


def names(client: Client, address: str = "/") -> list[str]:
    return re.findall(r'<a id="open-[^>]*>([^<]+)</a>', client.get(address).content.decode())


def tag(page: str) -> str:
    found = re.search(r'"If-None-Match": "\\"([^"]+)\\""', page)
    assert found is not None
    return found[1]


def poll(client: Client, shown: str, address: str = "/") -> tuple[int, str]:
    answer = client.get(address, headers={**HTMX, "if-none-match": f'"{shown}"'})
    return answer.status_code, answer.content.decode()


def test_what_needs_a_person_comes_first(ada: Client, workspaces: list[Workspace]) -> None:
    make(workspaces[0], ["a-rests"])
    make(workspaces[0], ["b-works"], State.CREATING)
    make(workspaces[0], ["c-failed"], State.FAILED)
    assert names(ada) == ["c-failed", "b-works", "a-rests"]


def test_every_column_sorts_both_ways(sign_in: SignIn, ada: Client, workspaces: list[Workspace]) -> None:
    sign_in("oscar")
    make(workspaces[0], ["Beta"])
    make(workspaces[1], ["alpha"], State.FAILED, owner="oscar")
    assert names(ada, "/?sort=name") == ["alpha", "Beta"]
    for key in ("name", "state", "region", "workspace", "owner", "changed"):
        assert names(ada, f"/?sort={key}") == names(ada, f"/?sort=-{key}")[::-1]
    assert 'aria-sort="descending"' in ada.get("/?sort=-name").content.decode()


def test_search_and_filters_are_in_the_address(sign_in: SignIn, ada: Client, workspaces: list[Workspace]) -> None:
    sign_in("oscar")
    make(workspaces[0], ["chat-eu", "chat-us"])
    make(workspaces[0], ["embed"], State.FAILED, owner="oscar")
    assert names(ada, "/?q=CHAT") == ["chat-eu", "chat-us"]
    assert len(names(ada, "/?q=phi-4")) == 3
    assert names(ada, "/?state=failed") == ["embed"]
    assert names(ada, "/?mine=1&sort=name") == ["chat-eu", "chat-us"]
    assert "Nothing has “nothing” in its name" in ada.get("/?q=nothing").content.decode()


@pytest.mark.parametrize("query", ["page=x", "page=99999999999999999999", "page=0", "sort=password", "state=no"])
def test_an_address_that_makes_no_sense_shows_the_table(ada: Client, workspaces: list[Workspace], query: str) -> None:
    make(workspaces[0], ["chat"])
    assert names(ada, f"/?{query}") == ["chat"]


def test_long_lists_have_pages(ada: Client, workspaces: list[Workspace]) -> None:
    make(workspaces[0], [f"chat-{number:03}" for number in range(120)])
    page = ada.get("/?page=2&q=chat").content.decode()
    assert "51–100 of 120" in page
    assert 'href="?q=chat&amp;page=3"' in page
    assert names(ada, "/?page=3")[0] == "chat-100"


def test_nothing_is_sent_when_nothing_changed(ada: Client, workspaces: list[Workspace]) -> None:
    make(workspaces[0], ["chat"])
    shown = tag(ada.get("/").content.decode())
    assert poll(ada, shown) == (304, "")
    Endpoint.objects.update(version=2)
    status, page = poll(ada, shown)
    assert status == 200
    assert page.lstrip().startswith('<section id="live"')


def test_another_filter_is_another_table(ada: Client, workspaces: list[Workspace]) -> None:
    make(workspaces[0], ["chat"])
    shown = tag(ada.get("/").content.decode())
    assert poll(ada, shown, "/?state=online")[0] == 200


def test_a_change_is_said_aloud_once(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    endpoint = submit(ada, workspaces[0])
    one_step(azure)
    shown = tag(ada.get("/").content.decode())
    settle(azure, endpoint)
    page = poll(ada, shown)[1]
    assert '<div id="announcer" hx-swap-oob="innerHTML">chat is online.</div>' in page
    Endpoint.objects.update(version=99)
    assert "hx-swap-oob" not in poll(ada, tag(page))[1]
    assert "hx-swap-oob" not in ada.get("/").content.decode()


def test_it_looks_often_while_something_works_and_seldom_otherwise(ada: Client, workspaces: list[Workspace]) -> None:
    make(workspaces[0], ["chat"])
    assert 'hx-trigger="every 15s' in ada.get("/").content.decode()
    make(workspaces[0], ["embed"], State.CREATING)
    assert 'hx-trigger="every 2s' in ada.get("/").content.decode()


def test_the_number_of_queries_does_not_grow(ada: Client, workspaces: list[Workspace]) -> None:
    counts = []
    for round_number in range(2):
        make(workspaces[round_number], [f"chat-{round_number}-{number}" for number in range(40)])
        ada.get("/")
        with CaptureQueriesContext(connection) as queries:
            ada.get("/")
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 8


def test_a_workspace_that_azure_hides_does_not_exist(sign_in: SignIn, workspaces: list[Workspace]) -> None:
    sign_in("ada")
    make(workspaces[0], ["in-production"])
    make(workspaces[1], ["in-research"])
    vera = sign_in("vera")
    assert names(vera) == ["in-production"]
    hidden = Endpoint.objects.get(name="in-research")
    assert vera.get(hidden.get_absolute_url()).status_code == 404
    assert "ml-research" not in vera.get("/workspaces/").content.decode()


def test_azures_word_on_access_is_kept_for_minutes(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    ada.get("/")
    asked = len(azure.requests("GET"))
    ada.get("/")
    assert len(azure.requests("GET")) == asked


def test_without_azures_word_workspaces_are_hidden_and_that_is_said(
    azure: Azure, ada: Client, workspaces: list[Workspace]
) -> None:
    make(workspaces[0], ["chat"])
    azure.fault("server-error", where="workspace")
    page = ada.get("/").content.decode()
    assert "Azure did not say whether you may see 2 of the workspaces" in page
    assert names(ada) == []
    azure.no_faults()
    assert names(ada) == ["chat"]


def test_an_empty_table_says_what_to_do(sign_in: SignIn, workspaces: list[Workspace]) -> None:
    assert "Create the first endpoint" in sign_in("oscar").get("/").content.decode()
    assert "Create the first endpoint" not in sign_in("vera").get("/").content.decode()
    Workspace.objects.all().delete()
    assert "Register a workspace" in sign_in("ada").get("/").content.decode()
