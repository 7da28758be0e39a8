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


@pytest.fixture
def ada(sign_in: SignIn, workspaces: list[Workspace]) -> Client:
    new_worker()
    return sign_in("ada")


@pytest.fixture
def three(azure: Azure, ada: Client, workspaces: list[Workspace]) -> list[Endpoint]:
    """Three creations that Azure works on."""
    endpoints = [submit(ada, workspaces[0], f"chat-{number}") for number in range(3)]
    run_due()
    return endpoints


def reads(azure: Azure) -> int:
    return len([one for one in azure.requests("GET") if one["path"].startswith("/subscriptions/")])


def lists(azure: Azure) -> int:
    return len(azure.requests("GET", "/serverlessEndpoints"))


def polls(azure: Azure) -> int:
    return len([one for one in azure.requests("GET") if "mfeOperationsStatus" in one["path"]])


def due(**changes: object) -> None:
    Operation.objects.update(next_step_at=timezone.now() - timedelta(milliseconds=1), **changes)


def test_one_list_tells_of_all_that_azure_still_works_on(azure: Azure, three: list[Endpoint]) -> None:
    before = {one.pk: one.endpoint.version for one in Operation.objects.select_related("endpoint")}
    due()
    run_due()
    assert (lists(azure), polls(azure)) == (1, 0)
    for operation in Operation.objects.select_related("endpoint"):
        assert operation.next_step_at is not None
        assert operation.next_step_at > timezone.now() + timedelta(seconds=2)
        assert operation.lease is None
        assert operation.endpoint.version == before[operation.pk] + 1
        assert operation.endpoint.confirmed_at is not None


def test_only_what_has_moved_is_read_by_itself(azure: Azure, three: list[Endpoint]) -> None:
    azure.fault("never-ends", name="later")
    azure.advance(60)
    due()
    run_due()
    assert (lists(azure), polls(azure)) == (1, 3)
    assert {one.state for one in Endpoint.objects.all()} == {"online"}


def test_a_single_operation_is_read_by_itself(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    submit(ada, workspaces[0])
    run_due()
    due()
    run_due()
    assert (lists(azure), polls(azure)) == (0, 1)


@pytest.mark.django_db(transaction=True)
def test_operations_of_two_people_are_not_read_in_one_name(
    azure: Azure, ada: Client, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    submit(ada, workspaces[0], "of-ada")
    submit(sign_in("oscar"), workspaces[0], "of-oscar")
    run_due()
    due()
    run_due()
    assert (lists(azure), polls(azure)) == (0, 2)


def test_what_is_due_soon_is_read_with_what_is_due(azure: Azure, three: list[Endpoint]) -> None:
    due()
    soon = timezone.now() + timedelta(seconds=8)
    Operation.objects.exclude(endpoint=three[0]).update(next_step_at=soon)
    Operation.objects.filter(endpoint=three[0]).update(polls=9)
    run_due()
    assert lists(azure) == 1
    assert all(one.next_step_at and one.next_step_at != soon for one in Operation.objects.all())


def test_what_azure_asked_to_wait_for_is_not_read_early(azure: Azure, three: list[Endpoint]) -> None:
    due()
    soon = timezone.now() + timedelta(seconds=8)
    Operation.objects.exclude(endpoint=three[0]).update(next_step_at=soon, has_retry_after=True)
    run_due()
    assert (lists(azure), polls(azure)) == (0, 1)
    assert Operation.objects.filter(next_step_at=soon, lease=None).count() == 2


def test_a_monitor_is_read_now_and_then_whatever_the_list_says(azure: Azure, three: list[Endpoint]) -> None:
    for _ in range(8):
        due()
        run_due()
    assert lists(azure) == 7
    assert polls(azure) == 3


@pytest.mark.parametrize("kind", ["forbidden", "server-error", "drop", "broken-json"])
def test_a_list_that_cannot_be_read_costs_no_operation_its_turn(azure: Azure, three: list[Endpoint], kind: str) -> None:
    azure.fault(kind, where="list", match="*")
    azure.advance(60)
    due()
    run_due()
    assert {one.state for one in Endpoint.objects.all()} == {"online"}


def test_a_list_that_azure_refuses_is_not_asked_for_again_soon(azure: Azure, three: list[Endpoint]) -> None:
    azure.fault("forbidden", where="list")
    for _ in range(3):
        due()
        run_due()
    assert (lists(azure), polls(azure)) == (1, 9)


def test_a_list_whose_pages_cost_more_than_single_reads_is_not_asked_for(
    azure: Azure, ada: Client, three: list[Endpoint]
) -> None:
    group = next(
        iter(shared_worker().lister.worth_listing(Operation.objects.select_related("endpoint"), timezone.now()))
    )
    shared_worker().lister.pages[group] = 3
    due()
    run_due()
    assert (lists(azure), polls(azure)) == (0, 3)


def test_reads_of_a_creation_fall_with_the_number_in_flight_together(
    azure: Azure, ada: Client, workspaces: list[Workspace]
) -> None:
    cost = {}
    for number in (1, 6):
        before = reads(azure)
        for one in range(number):
            submit(ada, workspaces[0], f"chat-{number}-{one}")
        for _ in range(12):
            azure.advance(4)
            Operation.objects.filter(settled_at=None).update(next_step_at=timezone.now())
            run_due()
        assert not Operation.objects.filter(settled_at=None).exists(), [texts(one) for one in Endpoint.objects.all()]
        cost[number] = (reads(azure) - before) / number
    assert cost[6] < cost[1] / 1.5


@pytest.mark.parametrize(
    "shown", [("needs-sign-in", "Sign in again."), ("unknown", "Endpoint Desk could not continue.")]
)
def test_what_goes_on_again_is_shown_as_going_on(azure: Azure, three: list[Endpoint], shown: tuple[str, str]) -> None:
    Endpoint.objects.update(state=shown[0], reason=shown[1])
    due()
    run_due()
    assert {(one.state, one.reason) for one in Endpoint.objects.all()} == {("creating", "")}
