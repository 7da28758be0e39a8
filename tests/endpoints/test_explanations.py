"""Every known error of Azure has its own explanation."""

import pytest

from emulator.arm.failures import FAILURES, Subject, error_of
from endpoints.arm.errors import ArmError
from endpoints.explanations import BY_HTTP_STATUS, UNKNOWN_ERROR, explain
from tests.support.arm_responses import arm_response

SUBJECT = Subject("chat", "azureml://registries/azureml-meta/models/Llama-3.3-70B-Instruct", "eastus2", "0a1b2c3d-1111")
UNEXPLAINED = {"internal"}


@pytest.mark.parametrize("cause", sorted(FAILURES.keys() - UNEXPLAINED))
def test_known_failure_is_explained(cause: str) -> None:
    error = error_of(cause, SUBJECT)
    explanation = explain(ArmError.from_response(arm_response(error.status, error.document)))
    assert explanation not in {UNKNOWN_ERROR, *BY_HTTP_STATUS.values()}
    assert all(text.endswith(".") for text in (explanation.meaning, explanation.advice))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 418, 500])
def test_unknown_error_is_explained_by_its_status(status: int) -> None:
    explanation = explain(ArmError.from_response(arm_response(status, {"error": {"code": "Novel", "message": "New."}})))
    assert explanation == BY_HTTP_STATUS.get(status, UNKNOWN_ERROR)
