"""Headers, errors and challenges."""

import base64
from typing import Any

import pytest

from endpoints.arm.challenge import claims_challenge
from endpoints.arm.errors import ArmError
from endpoints.arm.headers import operation_timeout, retry_after
from endpoints.arm.resources import WorkspaceId
from tests.support.arm_responses import answer


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2", 2),
        ("0", 0),
        ("-5", 0),
        ("Tue, 24 Nov 2026 12:00:04 GMT", 4),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("/bar", None),
        ("", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(text: str, seconds: float | None) -> None:
    assert retry_after(answer(202, Retry_After=text)) == seconds


def test_the_operation_timeout_is_an_iso_duration() -> None:
    limit = operation_timeout(answer(201, x_ms_async_operation_timeout="PT1H30M"))
    assert limit is not None
    assert limit.total_seconds() == 5400
    assert operation_timeout(answer(201)) is None


@pytest.mark.parametrize("body", [b"<html>no</html>", None, b"{", {"code": "X"}, {"error": "text"}, []])
def test_an_error_body_may_be_anything(body: object) -> None:
    error = ArmError.from_response(answer(502, body))
    assert error.status == 502
    assert error.code in {"502", "X"}


def test_the_deepest_code_names_the_cause() -> None:
    info = {"value": {"code": "NotFound", "innerError": {"code": "ServerlessOfferNotFound", "innerError": None}}}
    body = {"error": {"code": "UserError", "message": "m", "additionalInfo": [{"type": "InnerError", "info": info}]}}
    assert ArmError.from_response(answer(400, body)).inner_code == "ServerlessOfferNotFound"


def test_an_error_may_nest_as_deeply_as_it_likes() -> None:
    raw: dict[str, Any] = {"code": "Deepest"}
    for _ in range(5_000):
        raw = {"code": "Outer", "details": [raw]}
    assert ArmError("Outer", "", 400, raw).inner_code == "Outer"


def test_a_claims_challenge_is_read_from_its_header() -> None:
    claims = '{"access_token":{"acrs":{"essential":true,"values":["p1"]}}}'
    coded = base64.b64encode(claims.encode()).decode()
    header = f'Bearer realm="", error="insufficient_claims", claims="{coded}"'
    assert claims_challenge(answer(401, WWW_Authenticate=header)) == claims
    assert claims_challenge(answer(401, WWW_Authenticate='Bearer error="invalid_token"')) == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/subscriptions/x/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w1a",
        "https://portal.azure.com/#resource/subscriptions/8f2a1c66-5b0e-4d6f-9c1a-e0d35a1b0001",
        "/subscriptions/8f2a1c66-5b0e-4d6f-9c1a-e0d35a1b0001/resourceGroups/g/providers/Microsoft.Storage/workspaces/w1a",
    ],
)
def test_only_a_workspaces_id_is_one(text: str) -> None:
    with pytest.raises(ValueError, match="not the resource id"):
        WorkspaceId.parse(text)


def test_a_workspace_id_is_read_without_case() -> None:
    text = (
        "/SUBSCRIPTIONS/8f2a1c66-5b0e-4d6f-9c1a-e0d35a1b0001/resourcegroups/My-Group"
        "/providers/microsoft.machinelearningservices/workspaces/Team_One"
    )
    assert WorkspaceId.parse(text).name == "Team_One"
