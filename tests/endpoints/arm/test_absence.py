"""Which 404s prove that an endpoint does not exist."""

from typing import Any

import pytest

from endpoints.arm.absence import Absence, absence
from tests.support.arm_responses import arm_response

WORKSPACE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
ENDPOINT = f"{WORKSPACE}/serverlessEndpoints/chat"
TYPE = "Microsoft.MachineLearningServices/workspaces"


def error(code: str, message: str = "", **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, **more}}


def named(path: str) -> str:
    return f"The Resource '{TYPE}/{path}' under resource group 'g' was not found."


@pytest.mark.parametrize(
    "body",
    [
        error("ResourceNotFound", named("w/serverlessEndpoints/chat")),
        error("resourcenotfound", named("W/SERVERLESSENDPOINTS/Chat")),
        error("NotFound", "Not found.", target=ENDPOINT),
        error("ResourceNotFound", "Not found.", target=f"{TYPE}/w/serverlessEndpoints/chat"),
    ],
)
def test_error_that_names_the_endpoint_proves_its_absence(body: dict[str, Any]) -> None:
    assert absence(arm_response(404, body), ENDPOINT) is Absence.PROVED


@pytest.mark.parametrize("code", ["NotFound", "ResourceNotFound"])
def test_error_that_names_nothing_is_not_enough(code: str) -> None:
    assert absence(arm_response(404, error(code, "not found")), ENDPOINT) is Absence.LIKELY


@pytest.mark.parametrize(
    "body",
    [
        error("ResourceGroupNotFound", "Resource group 'g' could not be found."),
        error("SubscriptionNotFound", "The subscription 's' could not be found."),
        error("ParentResourceNotFound", f"the parent resource '{WORKSPACE}' could not be found."),
        error("ResourceNotFound", named("w")),
    ],
)
def test_missing_parent_proves_nothing_about_the_endpoint(body: dict[str, Any]) -> None:
    assert absence(arm_response(404, body), ENDPOINT) is Absence.OF_PARENT


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Not Found</html>",
        b"",
        [],
        {"error": "not found"},
        error("InvalidResourceType", f"The resource type could not be found: {ENDPOINT}"),
        error("NoRegisteredProviderFound", named("w/serverlessEndpoints/chat")),
        error("Gone", named("w/serverlessEndpoints/chat")),
        error("NotFound", "not found", target=ENDPOINT, details=[{"code": "OperationNotFound"}]),
        error("ResourceNotFound", named("w/serverlessEndpoints/chat2")),
        error("ResourceNotFound", named("w/serverlessEndpoints/chat-2")),
        error("ResourceNotFound", named("other/serverlessEndpoints/chat")),
    ],
)
def test_other_404_says_nothing(body: object) -> None:
    assert absence(arm_response(404, body), ENDPOINT) is Absence.UNKNOWN


@pytest.mark.parametrize("status", [200, 400, 401, 403, 409, 410, 500])
def test_other_status_says_nothing(status: int) -> None:
    body = error("ResourceNotFound", named("w/serverlessEndpoints/chat"))
    assert absence(arm_response(status, body), ENDPOINT) is Absence.UNKNOWN


def test_workspace_can_be_proved_absent_too() -> None:
    assert absence(arm_response(404, error("ResourceNotFound", named("w"))), WORKSPACE) is Absence.PROVED
