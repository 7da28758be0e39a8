"""One list of a workspace instead of many single reads."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from endpoints.models import Endpoint, Operation, Workspace
from tests.conftest import SignIn
from tests.support.azure import Azure
from tests.support.creation import submit, texts
from tests.support.worker import new_worker, run_due, shared_worker


@pytest.fixture(autouse=True)
def fresh_worker() -> None:
    new_worker()


@pytest.fixture
def three(azure: Azure, ada: Client, workspaces: list[Workspace]) -> list[Endpoint]:
    """Three creations that run in Azure."""
    endpoints = [submit(ada, workspaces[0], f"chat-{number}") for number in range(3)]
    run_due()
    return endpoints


def reads(azure: Azure) -> int:
    return len([row for row in azure.requests("GET") if row["path"].startswith("/subscriptions/")])


def lists(azure: Azure) -> int:
    """The lists after the last PUT: before it, each creation reads one to prove that its name is free."""
    rows = azure.requests()
    sent = [number for number, row in enumerate(rows) if row["method"] == "PUT"]
    return len([row for row in rows[sent[-1] :] if row["path"].endswith("/serverlessEndpoints")])


def polls(azure: Azure) -> int:
    return len([row for row in azure.requests("GET") if "mfeOperationsStatus" in row["path"]])


def make_due(**changes: object) -> None:
    Operation.objects.update(next_step_at=timezone.now() - timedelta(milliseconds=1), **changes)


def test_one_list_covers_all_running_operations(azure: Azure, three: list[Endpoint]) -> None:
    before = {operation.pk: operation.endpoint.version for operation in Operation.objects.select_related("endpoint")}
    make_due()
    run_due()
    assert (lists(azure), polls(azure)) == (1, 0)
    for operation in Operation.objects.select_related("endpoint"):
        assert operation.next_step_at is not None
        assert operation.next_step_at > timezone.now() + timedelta(seconds=2)
        assert operation.lease is None
        assert operation.endpoint.version == before[operation.pk]
        assert operation.endpoint.confirmed_at is not None


def test_operations_that_moved_are_read_by_themselves(azure: Azure, three: list[Endpoint]) -> None:
    azure.fault("never-ends", name="later")
    azure.advance(60)
    make_due()
    run_due()
    assert (lists(azure), polls(azure)) == (1, 3)
    assert {endpoint.state for endpoint in Endpoint.objects.all()} == {"online"}


def test_single_operation_is_read_by_itself(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    submit(ada, workspaces[0])
    run_due()
    make_due()
    run_due()
    assert (lists(azure), polls(azure)) == (0, 1)


@pytest.mark.django_db(transaction=True)
def test_operations_of_two_users_are_not_listed_together(
    azure: Azure, ada: Client, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    submit(ada, workspaces[0], "of-ada")
    submit(sign_in("oscar"), workspaces[0], "of-oscar")
    run_due()
    make_due()
    run_due()
    assert (lists(azure), polls(azure)) == (0, 2)


def test_operations_due_soon_are_read_in_the_same_list(azure: Azure, three: list[Endpoint]) -> None:
    make_due()
    soon = timezone.now() + timedelta(seconds=8)
    Operation.objects.exclude(endpoint=three[0]).update(next_step_at=soon)
    Operation.objects.filter(endpoint=three[0]).update(polls=9)
    run_due()
    assert lists(azure) == 1
    assert all(row.next_step_at and row.next_step_at != soon for row in Operation.objects.all())


def test_operation_with_retry_after_is_not_read_early(azure: Azure, three: list[Endpoint]) -> None:
    make_due()
    soon = timezone.now() + timedelta(seconds=8)
    Operation.objects.exclude(endpoint=three[0]).update(next_step_at=soon, has_retry_after=True)
    run_due()
    assert (lists(azure), polls(azure)) == (0, 1)
    assert Operation.objects.filter(next_step_at=soon, lease=None).count() == 2


def test_monitor_is_read_at_intervals_despite_the_list(azure: Azure, three: list[Endpoint]) -> None:
    for _ in range(8):
        make_due()
        run_due()
    assert lists(azure) == 7
    assert polls(azure) == 3


@pytest.mark.parametrize("kind", ["forbidden", "server-error", "drop", "broken-json"])
def test_unreadable_list_falls_back_to_single_reads(azure: Azure, three: list[Endpoint], kind: str) -> None:
    azure.fault(kind, where="list", match="*")
    azure.advance(60)
    make_due()
    run_due()
    assert {endpoint.state for endpoint in Endpoint.objects.all()} == {"online"}


def test_refused_list_is_not_repeated_soon(azure: Azure, three: list[Endpoint]) -> None:
    azure.fault("forbidden", where="list")
    for _ in range(3):
        make_due()
        run_due()
    assert (lists(azure), polls(azure)) == (1, 9)


def test_list_with_too_many_pages_is_not_read(azure: Azure, ada: Client, three: list[Endpoint]) -> None:
    group = next(
        iter(shared_worker().lister.worth_listing(Operation.objects.select_related("endpoint"), timezone.now()))
    )
    shared_worker().lister.pages[group] = 3
    make_due()
    run_due()
    assert (lists(azure), polls(azure)) == (0, 3)


def test_reads_per_creation_fall_with_the_number_in_flight(
    azure: Azure, ada: Client, workspaces: list[Workspace]
) -> None:
    cost = {}
    for number in (1, 6):
        before = reads(azure)
        for index in range(number):
            submit(ada, workspaces[0], f"chat-{number}-{index}")
        for _ in range(12):
            azure.advance(4)
            Operation.objects.filter(settled_at=None).update(next_step_at=timezone.now())
            run_due()
        assert not Operation.objects.filter(settled_at=None).exists(), [
            texts(endpoint) for endpoint in Endpoint.objects.all()
        ]
        cost[number] = (reads(azure) - before) / number
    assert cost[6] < cost[1] / 1.5


@pytest.mark.parametrize(
    "shown", [("needs-sign-in", "Sign in again."), ("unknown", "Endpoint Desk could not continue.")]
)
def test_resumed_operation_is_shown_as_running(azure: Azure, three: list[Endpoint], shown: tuple[str, str]) -> None:
    Endpoint.objects.update(state=shown[0], reason=shown[1])
    make_due()
    run_due()
    assert {(endpoint.state, endpoint.reason) for endpoint in Endpoint.objects.all()} == {("creating", "")}
