"""What Azure holds under the name of a creation: shown, left as it is, and owned by no one here."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from accounts.models import User
from accounts.policy import Action, may
from endpoints.arm.serverless_endpoint import ServerlessEndpoint
from endpoints.engine.provenance import is_foreign
from endpoints.models import Endpoint, EndpointCheck, Operation, Workspace
from tests.conftest import SignIn
from tests.support.azure import Azure
from tests.support.buttons import delete
from tests.support.creation import PHI, one_step, settle, submit, texts
from tests.support.strangers import strangers_endpoint

OTHER_MODEL = PHI.replace("Phi-4-mini-instruct", "Phi-4")


def test_found_endpoint_is_shown_as_azure_holds_it(found: Endpoint) -> None:
    assert (found.state, found.owner, found.sent_at, found.was_requested) == ("online", None, None, False)
    assert found.observed is not None
    assert found.inference_uri == found.observed.inference_uri != ""
    assert found.confirmed_at is not None
    assert texts(found)[-1].startswith("The workspace already holds an endpoint named found, created by ")
    assert (found.operations.get().body or {})["properties"]["modelSettings"]["modelId"] == PHI


def test_found_endpoint_shows_its_own_model(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    strangers_endpoint(azure, workspaces[0], model=OTHER_MODEL)
    assert settle(azure, submit(ada, workspaces[0])).model_id == OTHER_MODEL


def test_found_endpoint_that_moves_is_checked_again(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    strangers_endpoint(azure, workspaces[0])
    endpoint = submit(ada, workspaces[0])
    one_step(azure)
    endpoint.refresh_from_db()
    assert (endpoint.state, EndpointCheck.objects.get().endpoint) == ("creating", endpoint)


def test_operator_may_not_touch_what_reading_found(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    strangers_endpoint(azure, workspaces[0])
    before = azure.resource("chat")
    client = sign_in("oscar")
    endpoint = settle(azure, submit(client, workspaces[0]))
    oscar = User.objects.get(username="oscar@emulator.test")
    assert not may(oscar, Action.DELETE_ENDPOINT, endpoint)
    assert not may(oscar, Action.UPDATE_ENDPOINT, endpoint)
    assert delete(client, endpoint) == 403
    settle(azure, endpoint)
    assert (azure.resource("chat") or {})["systemData"] == (before or {})["systemData"]


def test_lost_creation_is_recognized_as_ours(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    azure.fault("drop", where="put", when="after", times=1)
    endpoint = settle(azure, submit(sign_in("oscar"), workspaces[0]))
    assert (endpoint.state, str(endpoint.owner)) == ("online", "oscar@emulator.test")


def test_others_endpoint_after_a_lost_creation_is_left_alone(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    azure.fault("drop", where="put", times=1)
    endpoint = submit(sign_in("oscar"), workspaces[0])
    one_step(azure)
    strangers_endpoint(azure, workspaces[0])
    endpoint = settle(azure, endpoint)
    assert (endpoint.owner, endpoint.sent_at) == (None, None)
    assert (endpoint.operations.get().error or {})["code"] == "CreatedElsewhere"
    assert azure.count_accepted("PUT", "/chat") == 0


def test_creation_that_changed_an_existing_endpoint_has_no_owner(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    endpoint = submit(sign_in("oscar"), workspaces[0])
    strangers_endpoint(azure, workspaces[0])
    azure.advance(60)
    Operation.objects.update(phase="clear")
    endpoint = settle(azure, endpoint)
    assert (endpoint.state, endpoint.owner) == ("online", None)
    assert any("It changed an endpoint that existed already, created by" in text for text in texts(endpoint))


@pytest.mark.parametrize(("fault", "owner"), [("retry-after", "ada"), ("refuse", "oscar")])
def test_owner_changes_with_the_accepted_request(
    azure: Azure, ada: Client, sign_in: SignIn, workspaces: list[Workspace], fault: str, owner: str
) -> None:
    azure.fault("fail", times=1)
    settle(azure, submit(sign_in("oscar"), workspaces[0]))
    azure.fault(fault)
    assert str(settle(azure, submit(ada, workspaces[0])).owner) == f"{owner}@emulator.test"


def test_failed_leftover_with_another_model_is_shown_first(
    azure: Azure, ada: Client, workspaces: list[Workspace]
) -> None:
    azure.fault("fail", times=1)
    endpoint = settle(azure, submit(ada, workspaces[0]))
    Endpoint.objects.update(observed=None)
    endpoint = settle(azure, submit(ada, workspaces[0], model_id=OTHER_MODEL))
    assert (endpoint.operations.latest("requested_at").error or {})["code"] == "ModelMismatch"
    assert (endpoint.state, endpoint.model_id) == ("failed", PHI)
    endpoint = settle(azure, submit(ada, workspaces[0], model_id=OTHER_MODEL))
    assert (endpoint.state, endpoint.model_id) == ("online", OTHER_MODEL)


@pytest.mark.parametrize(
    ("system_data", "foreign"),
    [
        ({}, False),
        ({"createdBy": "ADA@emulator.test", "createdByType": "User"}, False),
        ({"createdBy": "olga@emulator.test", "createdByType": "User"}, True),
        ({"createdBy": "a11ce000-0000-4000-8000-000000000007", "createdByType": "User"}, False),
        ({"createdBy": "ada_emulator.test#EXT#@fabrikam.com", "createdByType": "User"}, False),
        ({"createdBy": "live.com#ada@emulator.test", "createdByType": "User"}, False),
        ({"createdBy": "live.com#olga@emulator.test", "createdByType": "User"}, True),
        ({"createdBy": "", "createdByType": "User"}, False),
        ({"createdBy": "a11ce000-0000-4000-8000-000000000007", "createdByType": "Application"}, True),
        ({"createdBy": "a11ce000-0000-4000-8000-000000000007", "createdByType": "ManagedIdentity"}, True),
        ({"createdBy": "own", "createdByType": "Application"}, False),
        ({"createdBy": "x", "createdByType": "Key"}, False),
        ({"createdAt": "2020-01-01T00:00:00Z"}, True),
        ({"createdAt": "2020-01-01T00:00:00"}, True),
        ({"createdAt": "2099-01-01T00:00:00Z"}, False),
        ({"createdAt": "2020-13-99T00:00:00Z"}, False),
        ({"createdAt": "recently"}, False),
    ],
)
@override_settings(ENTRA_CLIENT_ID="own")
def test_system_data_says_who_created_it(sent: Operation, system_data: dict[str, Any], foreign: bool) -> None:
    assert is_foreign(sent, ServerlessEndpoint.from_json({"systemData": system_data})) == foreign


@override_settings(ARM_WRITES_AS="app")
def test_application_may_have_created_it_if_it_writes(sent: Operation) -> None:
    system_data = {"createdBy": "a11ce000-0000-4000-8000-000000000007", "createdByType": "Application"}
    assert not is_foreign(sent, ServerlessEndpoint.from_json({"systemData": system_data}))


@pytest.mark.parametrize(("minutes", "foreign"), [(4, False), (6, True)])
def test_clocks_may_differ_by_some_minutes(sent: Operation, minutes: int, foreign: bool) -> None:
    assert sent.endpoint.sent_at is not None
    at = (sent.endpoint.sent_at - timedelta(minutes=minutes)).isoformat()
    assert is_foreign(sent, ServerlessEndpoint.from_json({"systemData": {"createdAt": at}})) == foreign


@pytest.mark.parametrize(("sends", "foreign"), [(0, True), (1, False)])
def test_earlier_sender_is_one_of_us(sent: Operation, sends: int, foreign: bool) -> None:
    olga = User.objects.create(tid="t", oid="o", username="olga@emulator.test")
    Operation.objects.create(
        endpoint=sent.endpoint,
        kind="create",
        submission_id=sent.endpoint.pk,
        requested_by=olga,
        requested_at=timezone.now(),
        settled_at=timezone.now(),
        phase="settled",
        sends=sends,
    )
    system_data = {"createdBy": "olga@emulator.test", "createdByType": "User"}
    assert is_foreign(sent, ServerlessEndpoint.from_json({"systemData": system_data})) == foreign


@pytest.fixture
def sent(ada: Client, workspaces: list[Workspace]) -> Operation:
    """A creation of Ada's whose PUT has left."""
    endpoint = submit(ada, workspaces[0])
    Endpoint.objects.update(sent_at=timezone.now())
    Operation.objects.update(phase="sending", sends=1)
    return endpoint.operations.select_related("endpoint").get()
