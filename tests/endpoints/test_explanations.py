"""Every cause that Azure is known to give has words of its own."""

import pytest

from emulator.arm.causes import CAUSES, Subject, error_of
from endpoints.arm.errors import ArmError
from endpoints.explanations import BY_STATUS, OTHERWISE, explain
from tests.support.arm_responses import answer

SUBJECT = Subject("chat", "azureml://registries/azureml-meta/models/Llama-3.3-70B-Instruct", "eastus2", "0a1b2c3d-1111")
UNKNOWN_TO_ALL = {"internal"}


@pytest.mark.parametrize("cause", sorted(CAUSES.keys() - UNKNOWN_TO_ALL))
def test_a_known_cause_is_explained(cause: str) -> None:
    refused = error_of(cause, SUBJECT)
    words = explain(ArmError.from_response(answer(refused.status, refused.document)))
    assert words not in {OTHERWISE, *BY_STATUS.values()}
    assert all(text.endswith(".") for text in (words.meaning, words.advice))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 418, 500])
def test_an_unknown_cause_is_explained_by_its_status(status: int) -> None:
    words = explain(ArmError.from_response(answer(status, {"error": {"code": "Novel", "message": "New."}})))
    assert words == BY_STATUS.get(status, OTHERWISE)
