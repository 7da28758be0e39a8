"""Steps from one row and one response."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from endpoints import services
from endpoints.arm.http import ArmRequest, ArmResponse
from endpoints.arm.operations import DEFAULT_OPERATION_TIMEOUT
from endpoints.arm.serverless_endpoint import EndpointUpdate
from endpoints.engine import step
from endpoints.models import Endpoint
from tests.support.arm_responses import arm_response, resource
from tests.support.azure import Azure
from tests.support.creation import Act, settle, texts

TAGS = EndpointUpdate(tags={"team": "search"})


@pytest.mark.parametrize("where", ["delete", "patch"])
def test_endpoint_is_read_if_the_result_is_forbidden(
    azure: Azure, ada: Client, chat: Endpoint, as_ada: Act, where: str
) -> None:
    azure.fault("no-monitor", where=where, location="result", match="*")
    azure.fault("forbidden", where="result", match="*")
    if where == "delete":
        as_ada(services.delete_endpoint)
    else:
        as_ada(services.update_endpoint, TAGS)
    settle(azure, chat)
    assert chat.operations.latest("requested_at").outcome == "succeeded", texts(chat)


@pytest.mark.parametrize(("status", "body"), [(503, None), (200, resource("Updating"))])
def test_long_retry_after_is_capped_by_the_deadline(
    chat: Endpoint, as_ada: Act, status: int, body: dict[str, Any] | None
) -> None:
    operation = as_ada(services.update_endpoint, EndpointUpdate(tags={"a": "b"}))
    operation.phase = "sending"
    response = arm_response(status, body, Retry_After="86400")
    update = step.conclude(operation, ArmRequest("GET", chat.arm_id), chat.arm_id, response, timezone.now())
    assert update.operation["next_step_at"] <= timezone.now() + DEFAULT_OPERATION_TIMEOUT


@pytest.mark.parametrize(
    ("phase", "response"),
    [
        ("sending", arm_response(200, resource("Updating", endpointState="Online"))),
        ("confirming", arm_response(200, resource("Succeeded", endpointState="Creating"))),
        ("following", arm_response(200, resource("Creating"))),
        ("following", arm_response(503)),
    ],
)
def test_accepted_token_is_not_refreshed(chat: Endpoint, as_ada: Act, phase: str, response: ArmResponse) -> None:
    operation = as_ada(services.update_endpoint, EndpointUpdate(tags={"a": "b"}))
    operation.phase, operation.force_token_refresh = phase, True
    update = step.conclude(operation, ArmRequest("GET", chat.arm_id), chat.arm_id, response, timezone.now())
    assert update.operation["force_token_refresh"] is False
