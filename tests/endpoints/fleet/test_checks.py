"""Check now, against the emulator over HTTP: one read, which changes the state only by what Azure answers."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry
from endpoints.models import Endpoint, EndpointCheck, Event, Operation, Workspace, WorkspaceRead
from tests.conftest import SignIn
from tests.support.azure import Azure
from tests.support.buttons import press
from tests.support.creation import one_step, settle, submit, texts
from tests.support.fleet import others, read_again, read_fleet, shared_reader
from tests.support.worker import run_due

WHERE = {"where": "resource"}


def check(client: Client, endpoint: Endpoint) -> Endpoint:
    """Press the button, and let a worker read."""
    Endpoint.objects.update(confirmed_at=timezone.now() - timedelta(minutes=1))
    assert press(client, endpoint, "check") == 303
    shared_reader().run_due()
    endpoint.refresh_from_db()
    return endpoint


def reads_of(azure: Azure, endpoint: Endpoint) -> int:
    return azure.count("GET", f"/serverlessEndpoints/{endpoint.name}")


def test_check_shows_a_suspension(azure: Azure, ada: Client, listed: Endpoint) -> None:
    others(azure, "PATCH", listed.arm_id, {"properties": {"endpointState": "Suspended"}})
    endpoint = check(ada, listed)
    assert (endpoint.state, endpoint.reason) == ("degraded", "Azure reports Suspended.")


def test_state_stays_while_it_is_checked(ada: Client, listed: Endpoint) -> None:
    Endpoint.objects.update(confirmed_at=timezone.now() - timedelta(minutes=1))
    press(ada, listed, "check")
    page = ada.get(listed.get_absolute_url()).content.decode()
    assert "Checking Azure…" in page
    assert Endpoint.objects.get(pk=listed.pk).state == "online"


def test_check_takes_no_operation_and_adds_no_event(ada: Client, listed: Endpoint) -> None:
    before = Event.objects.count(), Operation.objects.count(), AuditEntry.objects.count()
    check(ada, listed)
    assert (Event.objects.count(), Operation.objects.count(), AuditEntry.objects.count()) == before
    assert not EndpointCheck.objects.exists()


def test_check_confirms_the_state(ada: Client, listed: Endpoint) -> None:
    assert timezone.now() - (check(ada, listed).confirmed_at or timezone.now()) < timedelta(seconds=10)


def test_clicks_of_all_users_are_one_read(azure: Azure, ada: Client, sign_in: SignIn, listed: Endpoint) -> None:
    before = reads_of(azure, listed)
    Endpoint.objects.update(confirmed_at=timezone.now() - timedelta(minutes=1))
    for client in (ada, sign_in("olga"), ada):
        client.get("/")
        press(client, listed, "check")
    shared_reader().run_due()
    press(ada, listed, "check")
    shared_reader().run_due()
    assert reads_of(azure, listed) == before + 1


def test_checks_are_limited_per_user(settings: object, ada: Client, listed: Endpoint) -> None:
    settings.CHECKS_PER_MINUTE = 2  # type: ignore[attr-defined]
    for _ in range(3):
        press(ada, listed, "check")
    assert "Too many requests" in ada.get(listed.get_absolute_url()).content.decode()


def test_viewer_s_check_leaves_a_parked_operation(
    azure: Azure, ada: Client, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    endpoint = submit(ada, workspaces[0])
    azure.revoke("ada")
    settle(azure, endpoint, rounds=2)
    assert Endpoint.objects.get(pk=endpoint.pk).state == "needs-sign-in"
    viewer = sign_in("vera")
    viewer.get("/")
    check(viewer, endpoint)
    assert Endpoint.objects.get(pk=endpoint.pk).state == "needs-sign-in"
    assert endpoint.operations.filter(settled_at=None, needs_sign_in=True).count() == 1


def test_one_404_deletes_nothing(azure: Azure, ada: Client, listed: Endpoint) -> None:
    azure.fault("not-found", shape="resource", times=1, **WHERE)
    assert check(ada, listed).state == "online"
    read_again()
    listed.refresh_from_db()
    assert (listed.state, listed.missing_since) == ("online", None)
    assert texts(listed)[-1] == "Online"


def test_list_refutes_a_404(azure: Azure, listed: Endpoint) -> None:
    azure.fault("not-found", shape="resource", times=1, **WHERE)
    EndpointCheck.objects.create(endpoint=listed, requested_at=timezone.now(), due_at=timezone.now())
    shared_reader().run_due()
    assert Endpoint.objects.get(pk=listed.pk).missing_since
    EndpointCheck.objects.update(due_at=timezone.now() + timedelta(hours=1))
    read_fleet()
    listed.refresh_from_db()
    assert (listed.state, listed.missing_since) == ("online", None)


def test_second_404_deletes_the_row(azure: Azure, ada: Client, listed: Endpoint) -> None:
    others(azure, "DELETE", listed.arm_id)
    assert check(ada, listed).state == "online"
    read_again()
    listed.refresh_from_db()
    assert listed.state == "deleted"


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("not-found", {"shape": "workspace"}),
        ("not-found", {"shape": "group"}),
        ("not-found", {"shape": "subscription"}),
        ("not-found", {"shape": "type"}),
        ("not-found", {"shape": "html"}),
        ("not-found", {"shape": "empty"}),
        ("server-error", {"status": 503}),
        ("error", {"status": 403, "code": "AuthorizationFailed"}),
        ("html", {"status": 200}),
    ],
)
def test_answer_that_tells_nothing_changes_nothing(
    azure: Azure, ada: Client, listed: Endpoint, kind: str, fault: dict[str, object]
) -> None:
    azure.fault(kind, **WHERE, **fault)
    before = texts(listed)
    assert check(ada, listed).state == "online"
    EndpointCheck.objects.update(due_at=timezone.now())
    shared_reader().run_due()
    listed.refresh_from_db()
    assert (listed.state, listed.missing_since, texts(listed)) == ("online", None, before)


def test_failed_check_says_since_when_and_why(azure: Azure, ada: Client, listed: Endpoint) -> None:
    azure.fault("error", status=403, code="AuthorizationFailed", **WHERE)
    endpoint = check(ada, listed)
    assert endpoint.state == "online"
    page = ada.get(listed.get_absolute_url()).content.decode()
    assert "You do not have access in Azure (403 AuthorizationFailed). Since" in page


def test_next_list_ends_the_problem(azure: Azure, ada: Client, listed: Endpoint) -> None:
    azure.fault("error", status=403, code="AuthorizationFailed", **WHERE)
    check(ada, listed)
    azure.no_faults()
    read_again()
    listed.refresh_from_db()
    assert (listed.problem, listed.problem_since) == ("", None)


def test_failed_creation_keeps_its_cause(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    azure.fault("fail", cause="offer")
    endpoint = settle(azure, submit(ada, workspaces[0]))
    assert endpoint.reason == "The model needs a marketplace subscription"
    assert check(ada, endpoint).reason == "The model needs a marketplace subscription"


def test_check_finds_the_end_of_an_overdue_creation(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    endpoint = submit(ada, workspaces[0], "slow-chat")
    one_step(azure)
    Operation.objects.update(deadline_at=timezone.now() - timedelta(seconds=1))
    assert settle(azure, endpoint, rounds=1).state == "unknown"
    azure.advance(120)
    assert check(ada, endpoint).state == "online"
    assert azure.count_accepted("PUT", "/slow-chat") == 1


def test_check_resumes_a_quarantined_operation(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    endpoint = submit(ada, workspaces[0])
    one_step(azure)
    Operation.objects.update(monitor_url="https://evil.example/status", next_step_at=timezone.now())
    run_due()
    page = ada.get(endpoint.get_absolute_url()).content.decode()
    assert "Endpoint Desk could not continue. Trying again in 15 minutes." in page
    assert "ForeignOrigin" in page
    Operation.objects.update(monitor_url="")
    check(ada, endpoint)
    azure.advance(60)
    run_due()
    endpoint.refresh_from_db()
    assert endpoint.state == "online"
    assert endpoint.operations.count() == 1


def test_check_all_reads_every_workspace_now(azure: Azure, ada: Client, production: Workspace) -> None:
    WorkspaceRead.objects.update(due_at=timezone.now() + timedelta(hours=1), complete_at=None)
    response = ada.post("/endpoints/check", follow=True)
    assert "Reading 2 workspaces now." in response.content.decode()
    shared_reader().run_due()
    assert not WorkspaceRead.objects.filter(complete_at=None).exists()
    assert not WorkspaceRead.objects.exclude(wanted_at=None).exists()


def test_check_all_says_how_long_azure_makes_it(ada: Client, production: Workspace) -> None:
    WorkspaceRead.objects.filter(workspace=production).update(pages=750)
    page = ada.post("/endpoints/check", follow=True).content.decode()
    assert "Azure&#x27;s rate limit stretches that to about 23 seconds." in page
