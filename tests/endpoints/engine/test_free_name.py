"""A creation is sent only if Azure proves that its name is free."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from endpoints.arm.http import ArmResponse, ArmResult, NoResponse
from endpoints.engine.creation import is_complete
from endpoints.models import Operation, Workspace
from tests.conftest import SignIn
from tests.support.absences import LIKELY, OTHERS, PROVED, Fault
from tests.support.arm_responses import ORIGIN, arm_response
from tests.support.azure import Azure
from tests.support.creation import one_step, settle, submit, texts
from tests.support.strangers import resource_of, strangers_endpoint
from tests.support.worker import run_due

LOST = NoResponse("The connection to Azure broke before the response was complete.", True, 1)


def puts(azure: Azure) -> int:
    return len([row for row in azure.requests("PUT", "/chat") if row["who"] == "ada@emulator.test"])


@pytest.mark.parametrize("fault", OTHERS)
def test_other_404_never_lets_a_creation_leave(
    azure: Azure, ada: Client, workspaces: list[Workspace], fault: Fault
) -> None:
    azure.fault(fault[0], where="resource", **fault[1])
    endpoint = settle(azure, submit(ada, workspaces[0]))
    assert (endpoint.state, endpoint.sent_at, endpoint.confirmed_at) == ("failed", None, None)
    assert puts(azure) == 0


@pytest.mark.parametrize("fault", OTHERS)
@pytest.mark.parametrize("where", ["resource", "list"])
def test_creation_survives_some_404s(
    azure: Azure, ada: Client, workspaces: list[Workspace], where: str, fault: Fault
) -> None:
    azure.fault(fault[0], where=where, **fault[1], times=3)
    assert settle(azure, submit(ada, workspaces[0])).state == "online"


@pytest.mark.parametrize("fault", [*PROVED, LIKELY])
def test_endpoint_in_the_list_outweighs_a_404(
    azure: Azure, ada: Client, workspaces: list[Workspace], fault: Fault
) -> None:
    strangers_endpoint(azure, workspaces[0])
    azure.advance(60)
    before = azure.resource("chat")
    azure.fault(fault[0], where="resource", **fault[1])
    endpoint = settle(azure, submit(ada, workspaces[0]))
    azure.no_faults()
    assert (endpoint.state, endpoint.owner, puts(azure)) == ("online", None, 0)
    assert azure.resource("chat") == before


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("forbidden", {}),
        ("throttle", {"retry_after": 1}),
        ("server-error", {"status": 503}),
        ("html", {"status": 200}),
        ("html", {"status": 502}),
        ("broken-json", {}),
        ("empty", {}),
        ("drop", {}),
        ("cut-off", {"when": "after"}),
        ("redirect", {}),
        ("not-found", {"shape": "workspace"}),
    ],
)
def test_unreadable_list_only_delays_a_creation(
    azure: Azure, ada: Client, workspaces: list[Workspace], kind: str, settings: dict[str, object]
) -> None:
    azure.fault(kind, where="list", match="*", **settings)
    endpoint = submit(ada, workspaces[0])
    for _ in range(3):
        one_step(azure)
    assert puts(azure) == 0
    azure.no_faults()
    assert settle(azure, endpoint).state == "online", texts(endpoint)


def test_list_that_stays_refused_ends_the_creation(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    azure.fault("forbidden", where="list")
    endpoint = settle(azure, submit(ada, workspaces[0]))
    assert (endpoint.state, endpoint.reason) == ("failed", "You do not have access in Azure")
    assert puts(azure) == 0


def test_every_page_of_the_list_is_read(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    for number in range(40):
        strangers_endpoint(azure, workspaces[0], f"a-{number}")
    strangers_endpoint(azure, workspaces[0])
    azure.fault("not-found", where="resource", shape="resource")
    endpoint = settle(azure, submit(ada, workspaces[0]))
    assert (endpoint.owner, puts(azure)) == (None, 0)


def test_readable_page_of_html_is_not_an_endpoint(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    azure.fault("html", where="resource", status=200, times=1)
    assert settle(azure, submit(ada, workspaces[0])).state == "online"


def test_new_resource_group_may_be_missing_for_a_moment(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    azure.fault("not-found", where="put", shape="group", times=2)
    assert settle(azure, submit(ada, workspaces[0])).state == "online"
    assert puts(azure) == 3


def test_throttled_creation_proves_its_name_again(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    azure.fault("throttle", where="put", retry_after=1, times=1)
    endpoint = submit(ada, workspaces[0])
    one_step(azure)
    strangers_endpoint(azure, workspaces[0])
    endpoint = settle(azure, endpoint)
    assert (endpoint.owner, puts(azure)) == (None, 1)
    assert resource_of(azure, "chat").tags == {"made-by": "pipeline"}


@pytest.mark.parametrize("cause", ["parked", "stale"])
def test_late_creation_proves_its_name_again(
    azure: Azure, ada: Client, sign_in: SignIn, workspaces: list[Workspace], cause: str
) -> None:
    endpoint = submit(ada, workspaces[0])
    if cause == "parked":
        azure.fault("claims-challenge", where="put", times=1)
        one_step(azure)
    else:
        Operation.objects.update(phase="clear", next_step_at=timezone.now() - timedelta(seconds=61))
    strangers_endpoint(azure, workspaces[0])
    sign_in("ada")
    run_due()
    endpoint.refresh_from_db()
    assert endpoint.owner is None
    assert resource_of(azure, "chat").tags == {"made-by": "pipeline"}


def test_lost_creation_that_cannot_be_read_is_unknown(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    endpoint = submit(ada, workspaces[0])
    azure.fault("drop", where="put", when="after", times=1)
    one_step(azure)
    azure.fault("not-found", where="resource", shape="group")
    assert settle(azure, endpoint).state == "unknown"


def test_given_up_creation_confirms_nothing(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    azure.fault("server-error", where="resource")
    endpoint = submit(ada, workspaces[0])
    one_step(azure)
    Operation.objects.update(requested_at=F("requested_at") - timedelta(hours=2))
    endpoint = settle(azure, endpoint)
    assert (endpoint.state, endpoint.confirmed_at) == ("failed", None)


def page(*names: str, **more: object) -> ArmResponse:
    return arm_response(200, {"value": [{"name": name} for name in names]} | more)


@pytest.mark.parametrize(
    "pages",
    [
        [page()],
        [page("a", nextLink=f"{ORIGIN}/2"), page("b")],
        [page("a", nextLink=None)],
    ],
)
def test_list_is_complete(pages: list[ArmResult]) -> None:
    assert is_complete(pages)


@pytest.mark.parametrize(
    "pages",
    [
        [],
        [LOST],
        [arm_response(404)],
        [arm_response(200, {})],
        [arm_response(200, {"value": {}})],
        [arm_response(200, {"value": ["chat"]})],
        [arm_response(200, {"value": [{"name": None}]})],
        [page("a", nextLink="https://elsewhere.example/2")],
        [page("a", nextLink=7)],
        [page("a", nextLink=f"{ORIGIN}/2"), LOST],
        [page("a", nextLink=f"{ORIGIN}/2"), arm_response(503)],
    ],
)
def test_list_is_incomplete(pages: list[ArmResult]) -> None:
    assert not is_complete(pages)
