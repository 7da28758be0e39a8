"""Creations under a name that already has a row, without Azure."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.actor import Actor
from accounts.models import User
from endpoints.arm.serverless_endpoint import ServerlessEndpoint
from endpoints.models import Endpoint, Operation, Workspace
from endpoints.services import NameTaken, NewEndpoint, create_endpoint
from tests.support.arm_responses import resource

Create = Callable[[User], Endpoint]
RESOURCE = ServerlessEndpoint.from_json(resource("Failed", endpointState="CreationFailed"))


@pytest.fixture
def create(workspaces: list[Workspace]) -> Create:
    def create(user: User) -> Endpoint:
        return create_endpoint(NewEndpoint(workspaces[0], "chat", RESOURCE, uuid4()), Actor(user, str(uuid4())))

    return create


@pytest.fixture
def olga(db: None) -> User:
    return User.objects.create(tid="t", oid="1", username="olga@emulator.test", name="Olga", roles=["Operator"])


@pytest.fixture
def oscar(db: None) -> User:
    return User.objects.create(tid="t", oid="2", username="oscar@emulator.test", name="Oscar", roles=["Operator"])


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create(tid="t", oid="3", username="ada@emulator.test", name="Ada", roles=["Admin"])


def rest(endpoint: Endpoint, state: str, **columns: object) -> None:
    """End its operations, and let it show this state."""
    Operation.objects.update(phase="settled", settled_at=timezone.now(), next_step_at=None)
    Endpoint.objects.filter(pk=endpoint.pk).update(state=state, **columns)


def test_owner_of_a_new_row_is_the_requester(create: Create, olga: User) -> None:
    assert create(olga).owner == olga


@pytest.mark.parametrize("state", ["failed", "unknown"])
def test_operator_may_not_create_over_another_row(create: Create, olga: User, oscar: User, state: str) -> None:
    rest(create(olga), state)
    with pytest.raises(NameTaken, match=r"chat belongs to Olga. Only Olga or an Admin can create it again."):
        create(oscar)
    assert Endpoint.objects.get().owner == olga
    assert Operation.objects.count() == 1


@pytest.mark.parametrize("state", ["failed", "unknown"])
def test_operator_may_not_create_over_a_found_row(create: Create, olga: User, oscar: User, state: str) -> None:
    rest(create(olga), state, owner=None)
    with pytest.raises(NameTaken, match=r"chat was not created here. Only an Admin can create it again."):
        create(oscar)
    assert Endpoint.objects.get().owner is None


@pytest.mark.parametrize("state", ["failed", "unknown"])
def test_owner_may_create_again(create: Create, olga: User, state: str) -> None:
    rest(create(olga), state)
    assert create(olga).owner == olga


def test_owner_stays_until_azure_accepts_a_request(create: Create, olga: User, ada: User) -> None:
    rest(create(olga), "failed")
    assert create(ada).owner == olga


def test_deleted_row_starts_again(create: Create, olga: User, oscar: User) -> None:
    now = timezone.now()
    rest(
        create(olga),
        "deleted",
        observed=RESOURCE,
        observed_at=now,
        observed_hash="h",
        listed_as="app:1",
        sent_at=now,
        missing_since=now,
        drift=[{}],
        drift_since=now,
        problem="Azure returned 503.",
        problem_since=now,
    )
    endpoint = create(oscar)
    endpoint.refresh_from_db()
    assert endpoint.owner == oscar
    kept = ["observed", "observed_at", "sent_at", "missing_since", "drift", "drift_since", "problem_since"]
    assert {getattr(endpoint, column) for column in kept} == {None}
    assert (endpoint.observed_hash, endpoint.listed_as, endpoint.problem) == ("", "", "")
