"""What is shown of an endpoint after it was changed, or could not be."""

from uuid import uuid4

import pytest

from accounts.actor import Actor
from endpoints.arm.serverless_endpoint import EndpointUpdate
from endpoints.models import Endpoint, Workspace
from endpoints.services import Gone, delete_endpoint, refresh_endpoint, update_endpoint
from tests.conftest import SignIn
from tests.support.azure import Azure
from tests.support.creation import settle, submit, texts

TAGS = EndpointUpdate(tags={"team": "search"})


@pytest.fixture
def online(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> Endpoint:
    return settle(azure, submit(sign_in("ada"), workspaces[0]))


def change(endpoint: Endpoint) -> None:
    update_endpoint(endpoint, TAGS, uuid4(), owner(endpoint))


def owner(endpoint: Endpoint) -> Actor:
    return Actor(endpoint.owner, str(uuid4()))


def test_a_change_of_what_somebody_else_deleted_shows_that_it_is_gone(azure: Azure, online: Endpoint) -> None:
    azure.fault("deleted-elsewhere", where="patch", times=1)
    change(online)
    assert settle(azure, online).state == "deleted"
    assert online.inference_uri == ""
    assert texts(online)[-1] == "Not changed: Azure does not find the resource"


def test_a_deleted_endpoint_cannot_be_changed(azure: Azure, online: Endpoint) -> None:
    delete_endpoint(online, uuid4(), owner(online))
    settle(azure, online)
    with pytest.raises(Gone, match="chat is deleted"):
        change(online)
    assert online.operations.count() == 2


def test_what_was_deleted_is_no_state_of_what_is_made_anew(
    azure: Azure, online: Endpoint, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    delete_endpoint(online, uuid4(), owner(online))
    settle(azure, online)
    azure.fault("refuse", cause="policy", times=1)
    assert settle(azure, submit(sign_in("ada"), workspaces[0])).state == "failed"
    azure.fault("error", where="patch", status=409, code="Conflict", times=1)
    change(online)
    assert settle(azure, online).state != "online"


def test_an_endpoint_whose_change_failed_goes_on_and_looks_so(azure: Azure, online: Endpoint) -> None:
    azure.fault("fail", where="patch", times=1)
    change(online)
    assert settle(azure, online).state == "online"
    refresh_endpoint(online, uuid4(), owner(online))
    assert settle(azure, online).state == "online"
