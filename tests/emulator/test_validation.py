"""Request bodies that the API definition does not allow."""

import json
from typing import Any

import pytest

from tests.emulator.arm_client import PHI, PRODUCTION, Arm, body
from tests.support.azure import Azure

pytestmark = pytest.mark.filterwarnings("ignore:.*response_mode:UserWarning")
MODEL = {"modelId": PHI}


@pytest.mark.parametrize(
    ("changes", "target", "message"),
    [
        ({"mood": "blue"}, "mood", "'mood' is not a known property."),
        ({"sku": {"name": "c", "colour": "red"}}, "sku.colour", "'sku.colour' is not a known property."),
        ({"sku": {"tier": "Free"}}, "sku.name", "'sku.name' is required."),
        ({"sku": {"name": "c", "capacity": 2**31}}, "sku.capacity", "'sku.capacity' must be a 32-bit integer."),
        ({"sku": {"name": "c", "capacity": 1.5}}, "sku.capacity", "'sku.capacity' must be of type integer."),
        ({"location": ""}, "location", "'location' is required."),
        ({"tags": {"a": 1}}, "tags.a", "'tags.a' must be of type string."),
        ({"tags": {"a" * 513: ""}}, "tags", "The key of a tag has 512 characters at most, and its value 256."),
        ({"id": "/else"}, "id", "'id' is read-only and cannot be set."),
        (
            {"properties": {"modelSettings": MODEL, "contentSafety": {"contentSafetyStatus": "Off"}}},
            "properties.contentSafety.contentSafetyStatus",
            "'properties.contentSafety.contentSafetyStatus' must be one of: Enabled, Disabled.",
        ),
    ],
)
def test_a_problem_is_reported_with_its_target(arm: Arm, changes: dict[str, Any], target: str, message: str) -> None:
    error = arm("PUT", f"{PRODUCTION}/one", json=body(**changes)).json()["error"]
    assert (error["code"], error["target"]) == ("InvalidRequestContent", target)
    assert error["details"] == [{"code": "InvalidRequestContent", "message": message, "target": target}]


def test_all_problems_are_listed(arm: Arm) -> None:
    error = arm("PUT", f"{PRODUCTION}/one", json={"sku": {}, "mood": "blue"}).json()["error"]
    assert {one["target"] for one in error["details"]} == {"mood", "location", "properties", "sku.name"}


def test_read_only_values_can_be_repeated(azure: Azure, arm: Arm) -> None:
    arm("PUT", f"{PRODUCTION}/one", json=body(identity={"type": "SystemAssigned"}))
    azure.advance(60)
    resource = arm("GET", f"{PRODUCTION}/one").json()
    assert arm("PUT", f"{PRODUCTION}/one", json=resource).status_code == 200


@pytest.mark.parametrize(
    ("version", "mode", "status"),
    [("2025-09-01", "KeyAndAAD", 400), ("2025-12-01", "KeyAndAAD", 201), ("2025-12-01", "Password", 400)],
)
def test_auth_modes_depend_on_the_api_version(azure: Azure, arm: Arm, version: str, mode: str, status: int) -> None:
    sent = body(properties={"authMode": mode, "modelSettings": MODEL})
    assert arm("PUT", f"{PRODUCTION}/one", version=version, json=sent).status_code == status
    azure.reset()  # or the fixture holds this request to the definition of 2025-09-01


@pytest.mark.parametrize("text", [json.dumps({"location": "\ud800"}), '{"a": ' * 900 + "1" + "}" * 900])
def test_text_that_cannot_be_read_is_refused(arm: Arm, text: str) -> None:
    response = arm("PUT", f"{PRODUCTION}/one", data=text)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "InvalidRequestContent")
