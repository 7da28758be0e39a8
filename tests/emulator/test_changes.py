"""The emulator's ARM: changing an endpoint and its keys."""

from typing import Any

import pytest

from tests.emulator.arm_client import PRODUCTION, Arm, body, code
from tests.support.azure import Azure

pytestmark = pytest.mark.filterwarnings("ignore:.*response_mode:UserWarning")


@pytest.fixture
def one(azure: Azure, arm: Arm) -> str:
    """The address of an endpoint that is online."""
    arm("PUT", f"{PRODUCTION}/one", json=body(tags={"a": "1", "b": "2"}))
    azure.advance(60)
    return f"{PRODUCTION}/one"


def test_a_patch_is_polled_like_a_put(azure: Azure, arm: Arm, one: str) -> None:
    response = arm("PATCH", one, json={"tags": {"c": "3"}, "sku": {"capacity": 2}})
    assert (response.status_code, response.content) == (202, b"")
    assert arm("GET", one).json()["properties"]["provisioningState"] == "Updating"
    assert arm("GET", response.headers["Azure-AsyncOperation"]).json()["status"] == "Updating"
    assert arm("GET", response.headers["Location"]).status_code == 202
    azure.advance(60)
    assert arm("GET", response.headers["Azure-AsyncOperation"]).json()["status"] == "Succeeded"
    changed = arm("GET", response.headers["Location"]).json()
    assert (changed["tags"], changed["sku"]) == ({"c": "3"}, {"name": "Consumption", "capacity": 2})
    assert changed["properties"]["endpointState"] == "Online"


def test_a_failed_patch_changes_nothing(azure: Azure, arm: Arm, one: str) -> None:
    azure.fault("fail", where="patch", cause="internal")
    response = arm("PATCH", one, json={"tags": {}})
    azure.advance(60)
    assert arm("GET", response.headers["Azure-AsyncOperation"]).json()["error"]["code"] == "InternalServerError"
    now = arm("GET", one).json()
    assert (now["tags"], now["properties"]["provisioningState"]) == ({"a": "1", "b": "2"}, "Failed")
    assert now["properties"]["endpointState"] == "Online"


def test_a_patch_can_be_done_at_once(azure: Azure, arm: Arm, one: str) -> None:
    azure.fault("at-once", times=1)
    response = arm("PATCH", one, json={"tags": {"c": "3"}})
    assert (response.status_code, response.json()["tags"]) == (200, {"c": "3"})


@pytest.mark.parametrize(
    "changes",
    [
        {"properties": {"modelSettings": {"modelId": "x"}}},
        {"location": "eastus2"},
        {"tags": {"a": 1}},
        {"identity": {"type": ["None"]}},
        {"sku": {"tier": {}}},
    ],
)
def test_only_tags_identity_and_sku_can_be_patched(arm: Arm, one: str, changes: dict[str, Any]) -> None:
    assert code(arm("PATCH", one, json=changes)) == "InvalidRequestContent"


def test_a_missing_endpoint_cannot_be_changed(arm: Arm) -> None:
    assert code(arm("PATCH", f"{PRODUCTION}/two", json={})) == "ResourceNotFound"
    assert code(arm("POST", f"{PRODUCTION}/two/listKeys")) == "ResourceNotFound"
    assert code(arm("POST", f"{PRODUCTION}/two/regenerateKeys", json={"keyType": "Primary"})) == "ResourceNotFound"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_one_operation_at_a_time(arm: Arm, one: str, method: str) -> None:
    arm("PATCH", one, json={})
    assert arm(method, one, json=body() if method == "PUT" else {}).status_code == 409


def test_a_second_delete_returns_the_first_operation(arm: Arm, one: str) -> None:
    first, second = arm("DELETE", one), arm("DELETE", one)
    assert second.status_code == 202
    assert first.headers["Location"] == second.headers["Location"]


def test_a_delete_cancels_a_running_creation(azure: Azure, arm: Arm) -> None:
    creation = arm("PUT", f"{PRODUCTION}/never-done", json=body())
    arm("DELETE", f"{PRODUCTION}/never-done")
    assert arm("GET", creation.headers["Azure-AsyncOperation"]).json()["status"] == "Canceled"
    azure.advance(60)
    assert arm("GET", f"{PRODUCTION}/never-done").status_code == 404


def test_a_failed_delete_keeps_the_endpoint(azure: Azure, arm: Arm, one: str) -> None:
    azure.fault("fail", where="delete", cause="internal")
    response = arm("DELETE", one)
    azure.advance(60)
    assert code(arm("GET", response.headers["Location"])) == "InternalServerError"
    properties = arm("GET", one).json()["properties"]
    assert (properties["provisioningState"], properties["endpointState"]) == ("Failed", "DeletionFailed")


def test_the_location_of_a_delete_can_end_with_204(azure: Azure, arm: Arm, one: str) -> None:
    azure.fault("result-204")
    response = arm("DELETE", one)
    azure.advance(60)
    assert arm("GET", response.headers["Location"]).status_code == 204


def test_an_endpoint_has_two_stable_keys(arm: Arm, one: str) -> None:
    keys = arm("POST", f"{one}/listKeys").json()
    assert [len(key) for key in keys.values()] == [32, 32]
    assert arm("POST", f"{one}/listkeys").json() == keys


def test_keys_are_refused_while_the_endpoint_is_created(arm: Arm) -> None:
    arm("PUT", f"{PRODUCTION}/one", json=body())
    assert arm("POST", f"{PRODUCTION}/one/listKeys").status_code == 409


def test_keys_need_more_than_permission_to_read(arm: Arm, one: str) -> None:
    assert arm("PATCH", one, person="olga", json={"tags": {}}).status_code == 202
    refused = arm("POST", f"{one}/listKeys", person="olga")
    assert code(refused) == "AuthorizationFailed"
    assert "serverlessEndpoints/listKeys/action" in refused.text


def test_regenerated_keys_are_polled_like_the_real_ones(azure: Azure, arm: Arm, one: str) -> None:
    before = arm("POST", f"{one}/listKeys").json()
    response = arm("POST", f"{one}/regenerateKeys", json={"keyType": "Secondary"})
    assert (response.status_code, response.text) == (202, "null")
    assert "Azure-AsyncOperation" not in response.headers
    polls = [arm("GET", response.headers["Location"]) for _ in range(3)]
    assert [poll.status_code for poll in polls] == [404, 404, 202]
    assert polls[0].json()["error"]["details"][0]["code"] == "OperationNotFound"
    azure.advance(60)
    keys = arm("GET", response.headers["Location"]).json()
    assert keys == arm("POST", f"{one}/listKeys").json()
    assert (keys["primaryKey"] == before["primaryKey"], keys["secondaryKey"] == before["secondaryKey"]) == (True, False)


@pytest.mark.parametrize(("method", "status"), [("PUT", 200), ("PATCH", 200), ("DELETE", 200)])
def test_an_operation_can_be_done_at_once(azure: Azure, arm: Arm, one: str, method: str, status: int) -> None:
    azure.fault("at-once", where=method.lower())
    response = arm(method, one, json=body() if method == "PUT" else {})
    assert response.status_code == status
    assert not {"Azure-AsyncOperation", "Location"} & response.headers.keys()
    now = arm("GET", one)
    assert now.status_code == 404 if method == "DELETE" else now.json()["properties"]["endpointState"] == "Online"


def test_a_creation_can_fail_at_once(azure: Azure, arm: Arm) -> None:
    azure.fault("at-once", where="put")
    azure.fault("fail", cause="quota")
    response = arm("PUT", f"{PRODUCTION}/two", json=body())
    assert (response.status_code, response.json()["properties"]["provisioningState"]) == (201, "Failed")


def test_regenerate_keys_can_fail_at_once(azure: Azure, arm: Arm, one: str) -> None:
    azure.fault("at-once", where="regenerate")
    azure.fault("fail", where="regenerate", cause="internal")
    assert arm("POST", f"{one}/regenerateKeys", json={"keyType": "Primary"}).status_code == 500


def test_regenerate_keys_can_be_done_at_once(azure: Azure, arm: Arm, one: str) -> None:
    azure.fault("at-once", where="regenerate")
    response = arm("POST", f"{one}/regenerateKeys", json={"keyType": "Primary", "keyValue": "chosen"})
    assert (response.status_code, response.json()["primaryKey"]) == (200, "chosen")


def test_a_failed_regenerate_keeps_the_keys(azure: Azure, arm: Arm, one: str) -> None:
    before = arm("POST", f"{one}/listKeys").json()
    azure.fault("cancel", where="regenerate")
    azure.fault("operation-not-found", polls=0)
    response = arm("POST", f"{one}/regenerateKeys", json={"keyType": "Primary"})
    azure.advance(60)
    assert code(arm("GET", response.headers["Location"])) == "Canceled"
    assert arm("POST", f"{one}/listKeys").json() == before


@pytest.mark.parametrize("sent", [{}, {"keyType": "Third"}, {"keyType": ["Primary"]}, {"keyType": "Primary", "x": 1}])
def test_a_wrong_request_for_keys_is_refused(arm: Arm, one: str, sent: dict[str, Any]) -> None:
    assert code(arm("POST", f"{one}/regenerateKeys", json=sent)) == "InvalidRequestContent"


def test_a_put_over_an_endpoint_updates_it(azure: Azure, arm: Arm, one: str) -> None:
    response = arm("PUT", one, json=body(tags={"c": "3"}))
    assert response.status_code == 200
    properties = response.json()["properties"]
    assert (properties["provisioningState"], properties["endpointState"]) == ("Updating", "Online")
    azure.advance(60)
    assert arm("GET", one).json()["properties"]["provisioningState"] == "Succeeded"


def test_an_endpoint_cannot_change_location(arm: Arm, one: str) -> None:
    response = arm("PUT", one, json=body(location="westus3"))
    assert (response.status_code, code(response)) == (409, "InvalidResourceLocation")
