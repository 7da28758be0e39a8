"""The table of endpoints and its live updates."""

import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from endpoints.arm.serverless_endpoint import Properties, ServerlessEndpoint
from endpoints.models import AccessRead, Endpoint, Workspace, WorkspaceAccess, WorkspaceRead
from endpoints.states import State, Urgency
from endpoints.versions import bump
from tests.conftest import SignIn
from tests.support.access import read_access
from tests.support.azure import Azure
from tests.support.creation import PHI, one_step, settle, submit

HTMX = {"hx-request": "true"}


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
    bump(workspace.pk)


def change(workspace: Workspace, **columns: Any) -> None:
    """As a worker does: the endpoints and the version of their workspace."""
    workspace.endpoints.update(**columns, version=F("version") + 1)
    bump(workspace.pk)


def names(client: Client, url: str = "/") -> list[str]:
    return re.findall(r'<a id="open-[^>]*>([^<]+)</a>', client.get(url).content.decode())


def tag(page: str) -> str:
    match = re.search(r'"If-None-Match": "\\"([^"]+)\\""', page)
    assert match is not None
    return match[1]


def poll(client: Client, shown: str, url: str = "/") -> tuple[int, str]:
    response = client.get(url, headers={**HTMX, "if-none-match": f'"{shown}"'})
    return response.status_code, response.content.decode()


def test_rows_are_sorted_by_urgency(ada: Client, workspaces: list[Workspace]) -> None:
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


def test_search_and_filters_are_in_the_url(sign_in: SignIn, ada: Client, workspaces: list[Workspace]) -> None:
    sign_in("oscar")
    make(workspaces[0], ["chat-eu", "chat-us"])
    make(workspaces[0], ["embed"], State.FAILED, owner="oscar")
    assert names(ada, "/?q=CHAT") == ["chat-eu", "chat-us"]
    assert len(names(ada, "/?q=phi-4")) == 3
    assert names(ada, "/?state=failed") == ["embed"]
    assert names(ada, "/?mine=1&sort=name") == ["chat-eu", "chat-us"]
    assert names(ada, f"/?workspace={workspaces[0].pk}") == names(ada, "/?workspace=nonsense")
    assert names(ada, f"/?workspace={workspaces[1].pk}") == []
    assert "No name or model contains “nothing”" in ada.get("/?q=nothing").content.decode()


@pytest.mark.parametrize("query", ["page=x", "page=99999999999999999999", "page=0", "sort=password", "state=no"])
def test_invalid_query_string_shows_the_table(ada: Client, workspaces: list[Workspace], query: str) -> None:
    make(workspaces[0], ["chat"])
    assert names(ada, f"/?{query}") == ["chat"]


def test_long_table_has_pages(ada: Client, workspaces: list[Workspace]) -> None:
    make(workspaces[0], [f"chat-{number:03}" for number in range(120)])
    page = ada.get("/?page=2&q=chat").content.decode()
    assert "51–100 of 120" in page
    assert 'href="?q=chat&amp;page=3"' in page
    assert names(ada, "/?page=3")[0] == "chat-100"


def test_page_and_poll_carry_the_tag(ada: Client, workspaces: list[Workspace]) -> None:
    first = ada.get("/")
    assert first["ETag"] == f'"{tag(first.content.decode())}"'
    unchanged = ada.get("/", headers={"if-none-match": first["ETag"]})
    assert unchanged.status_code == 304
    assert unchanged["ETag"].partition(".")[0] == first["ETag"].partition(".")[0]
    assert unchanged["Cache-Control"] == "no-store"


def test_poll_of_an_unchanged_table_gets_304(ada: Client, workspaces: list[Workspace]) -> None:
    make(workspaces[0], ["chat"])
    shown = tag(ada.get("/").content.decode())
    assert poll(ada, shown) == (304, "")
    change(workspaces[0])
    status, page = poll(ada, shown)
    assert status == 200
    assert page.lstrip().startswith('<section id="live"')


def test_poll_with_another_filter_gets_another_table(ada: Client, workspaces: list[Workspace]) -> None:
    make(workspaces[0], ["chat"])
    shown = tag(ada.get("/").content.decode())
    assert poll(ada, shown, "/?state=online")[0] == 200


def digest(response: Any) -> str:
    return str(response["ETag"]).strip('"').partition(".")[0]


def test_tag_changes_with_what_the_user_reads(ada: Client, workspaces: list[Workspace]) -> None:
    digests = [digest(ada.get("/"))]
    access = WorkspaceAccess.objects.filter(workspace=workspaces[0])
    steps: list[Callable[[], object]] = [
        lambda: make(workspaces[0], ["chat"]),
        lambda: access.update(readable=False),
        lambda: bump(workspaces[1].pk),
        lambda: access.update(readable=True),
        lambda: AccessRead.objects.update_or_create(user=User.objects.get(), defaults={"version": 9}),  # swapped
    ]
    for step in steps:
        step()
        digests.append(digest(ada.get("/")))
    assert len(set(digests)) == len(digests)


def test_tag_ignores_what_the_user_does_not_read(sign_in: SignIn, workspaces: list[Workspace]) -> None:
    vera = sign_in("vera")
    before = digest(vera.get("/"))
    sign_in("ada")
    make(workspaces[1], ["in-research"])
    assert digest(vera.get("/")) == before


def test_change_out_of_sight_redraws_nothing(ada: Client, workspaces: list[Workspace]) -> None:
    make(workspaces[0], [f"chat-{number:02}" for number in range(51)])
    first = ada.get("/")
    workspaces[0].endpoints.filter(name="chat-50").update(reason="Slow.", version=2)
    bump(workspaces[0].pk)
    unchanged = ada.get("/", headers={**HTMX, "if-none-match": first["ETag"]})
    assert unchanged.status_code == 304
    assert digest(unchanged) != digest(first)
    assert poll(ada, unchanged["ETag"].strip('"'))[0] == 304
    workspaces[0].endpoints.filter(name="chat-00").update(reason="Slow.", version=2)
    bump(workspaces[0].pk)
    assert poll(ada, unchanged["ETag"].strip('"'))[0] == 200


def test_unchanged_poll_looks_at_no_endpoint(ada: Client, workspaces: list[Workspace]) -> None:
    make(workspaces[0], ["chat"])
    shown = tag(ada.get("/").content.decode())
    with CaptureQueriesContext(connection) as queries:
        assert poll(ada, shown) == (304, "")
    statements = [query["sql"] for query in queries.captured_queries]
    assert not any('endpoints_endpoint"' in sql for sql in statements)
    assert len(statements) <= 5


def test_age_of_the_oldest_read_comes_with_each_response(ada: Client, workspaces: list[Workspace]) -> None:
    assert "X-Confirmed-At" not in ada.get("/")
    times = [timezone.now() - timedelta(seconds=seconds) for seconds in (60, 20)]
    for workspace, complete_at in zip(workspaces, times, strict=True):
        WorkspaceRead.objects.create(workspace=workspace, complete_at=complete_at)
    page = ada.get("/")
    assert "Read from Azure <time" in page.content.decode()
    WorkspaceRead.objects.filter(workspace=workspaces[0]).update(complete_at=timezone.now())
    unchanged = ada.get("/", headers={**HTMX, "if-none-match": page["ETag"]})
    assert unchanged.status_code == 304
    assert [page["X-Confirmed-At"], unchanged["X-Confirmed-At"]] == [time.isoformat() for time in times]


def test_change_is_announced_once(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    endpoint = submit(ada, workspaces[0])
    one_step(azure)
    shown = tag(ada.get("/").content.decode())
    settle(azure, endpoint)
    page = poll(ada, shown)[1]
    assert '<div id="announcer" hx-swap-oob="innerHTML">chat is online.</div>' in page
    change(workspaces[0])
    assert "hx-swap-oob" not in poll(ada, tag(page))[1]
    assert "hx-swap-oob" not in ada.get("/").content.decode()


def test_poll_interval_is_short_while_an_operation_runs(ada: Client, workspaces: list[Workspace]) -> None:
    make(workspaces[0], ["chat"])
    assert 'hx-trigger="every 15s' in ada.get("/").content.decode()
    make(workspaces[0], ["embed"], State.CREATING)
    assert 'hx-trigger="every 2s' in ada.get("/").content.decode()


def test_number_of_queries_does_not_grow_with_rows(ada: Client, workspaces: list[Workspace]) -> None:
    counts = []
    for round_number in range(2):
        make(workspaces[round_number], [f"chat-{round_number}-{number}" for number in range(40)])
        ada.get("/")
        with CaptureQueriesContext(connection) as queries:
            ada.get("/")
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 10


def test_workspace_that_azure_hides_is_hidden(sign_in: SignIn, workspaces: list[Workspace]) -> None:
    sign_in("ada")
    make(workspaces[0], ["in-production"])
    make(workspaces[1], ["in-research"])
    vera = sign_in("vera")
    assert names(vera) == ["in-production"]
    hidden = Endpoint.objects.get(name="in-research")
    assert vera.get(hidden.get_absolute_url()).status_code == 404
    assert "ml-research" not in vera.get("/workspaces/").content.decode()


def test_access_is_cached(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    ada.get("/")
    reads = len(azure.requests("GET"))
    ada.get("/")
    assert len(azure.requests("GET")) == reads


def test_unknown_access_hides_workspaces_with_a_notice(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    make(workspaces[0], ["chat"])
    azure.fault("server-error", where="arm")
    assert "Azure answers with 503." in ada.get("/").content.decode()
    assert names(ada) == []
    azure.no_faults()
    read_access(User.objects.get(username="ada@emulator.test"))
    assert names(ada) == ["chat"]


def test_empty_table_offers_the_next_step(sign_in: SignIn, workspaces: list[Workspace]) -> None:
    assert "Create the first endpoint" in sign_in("oscar").get("/").content.decode()
    assert "Create the first endpoint" not in sign_in("vera").get("/").content.decode()
    Workspace.objects.all().delete()
    assert "Register a workspace" in sign_in("ada").get("/").content.decode()
