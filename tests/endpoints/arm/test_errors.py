"""ARM's errors, however malformed."""

from typing import Any

import pytest

from endpoints.arm.errors import ArmError
from tests.support.arm_responses import arm_response


@pytest.mark.parametrize("body", [b"<html>no</html>", None, b"{", {"code": "X"}, {"error": "text"}, []])
def test_error_body_may_be_anything(body: object) -> None:
    error = ArmError.from_response(arm_response(502, body))
    assert error.status == 502
    assert error.code in {"502", "X"}


def test_inner_code_is_the_deepest_code() -> None:
    info = {"value": {"code": "NotFound", "innerError": {"code": "ServerlessOfferNotFound", "innerError": None}}}
    body = {"error": {"code": "UserError", "message": "m", "additionalInfo": [{"type": "InnerError", "info": info}]}}
    assert ArmError.from_response(arm_response(400, body)).inner_code == "ServerlessOfferNotFound"


def test_error_may_nest_too_deeply() -> None:
    raw: dict[str, Any] = {"code": "Deepest"}
    for _ in range(5_000):
        raw = {"code": "Outer", "details": [raw]}
    assert ArmError("Outer", "", 400, raw).inner_code == "Outer"
