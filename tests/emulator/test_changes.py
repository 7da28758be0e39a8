"""The emulator's ARM: changing an endpoint and its keys."""

from typing import Any

import pytest

from tests.emulator.arm_client import PRODUCTION, Ask, body, code
from tests.support.azure import Azure

pytestmark = pytest.mark.filterwarnings("ignore:.*response_mode:UserWarning")


@pytest.fixture
def one(azure: Azure, ask: Ask) -> str:
    """The address of an endpoint that is online."""
    ask("PUT", f"{PRODUCTION}/one", json=body(tags={"a": "1", "b": "2"}))
    azure.advance(60)
    return f"{PRODUCTION}/one"


def test_a_patch_is_followed_like_a_put(azure: Azure, ask: Ask, one: str) -> None:
    answer = ask("PATCH", one, json={"tags": {"c": "3"}, "sku": {"capacity": 2}})
    assert (answer.status_code, answer.content) == (202, b"")
    assert ask("GET", one).json()["properties"]["provisioningState"] == "Updating"
    assert ask("GET", answer.headers["Azure-AsyncOperation"]).json()["status"] == "Updating"
    assert ask("GET", answer.headers["Location"]).status_code == 202
    azure.advance(60)
    assert ask("GET", answer.headers["Azure-AsyncOperation"]).json()["status"] == "Succeeded"
    changed = ask("GET", answer.headers["Location"]).json()
    assert (changed["tags"], changed["sku"]) == ({"c": "3"}, {"name": "Consumption", "capacity": 2})
    assert changed["properties"]["endpointState"] == "Online"


def test_a_failed_patch_changes_nothing(azure: Azure, ask: Ask, one: str) -> None:
    azure.fault("fail", where="patch", cause="internal")
    answer = ask("PATCH", one, json={"tags": {}})
    azure.advance(60)
    assert ask("GET", answer.headers["Azure-AsyncOperation"]).json()["error"]["code"] == "InternalServerError"
    now = ask("GET", one).json()
    assert (now["tags"], now["properties"]["provisioningState"]) == ({"a": "1", "b": "2"}, "Failed")
    assert now["properties"]["endpointState"] == "Online"


def test_a_patch_can_be_done_at_once(azure: Azure, ask: Ask, one: str) -> None:
    azure.fault("at-once", times=1)
    answer = ask("PATCH", one, json={"tags": {"c": "3"}})
    assert (answer.status_code, answer.json()["tags"]) == (200, {"c": "3"})


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
def test_only_tags_identity_and_sku_can_be_patched(ask: Ask, one: str, changes: dict[str, Any]) -> None:
    assert code(ask("PATCH", one, json=changes)) == "InvalidRequestContent"


def test_what_is_not_there_cannot_be_changed(ask: Ask) -> None:
    assert code(ask("PATCH", f"{PRODUCTION}/two", json={})) == "ResourceNotFound"
    assert code(ask("POST", f"{PRODUCTION}/two/listKeys")) == "ResourceNotFound"
    assert code(ask("POST", f"{PRODUCTION}/two/regenerateKeys", json={"keyType": "Primary"})) == "ResourceNotFound"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_one_operation_at_a_time(ask: Ask, one: str, method: str) -> None:
    ask("PATCH", one, json={})
    assert ask(method, one, json=body() if method == "PUT" else {}).status_code == 409


def test_a_second_delete_is_shown_the_first(ask: Ask, one: str) -> None:
    first, second = ask("DELETE", one), ask("DELETE", one)
    assert second.status_code == 202
    assert first.headers["Location"] == second.headers["Location"]


def test_a_delete_ends_a_creation_that_is_under_way(azure: Azure, ask: Ask) -> None:
    creation = ask("PUT", f"{PRODUCTION}/never-done", json=body())
    ask("DELETE", f"{PRODUCTION}/never-done")
    assert ask("GET", creation.headers["Azure-AsyncOperation"]).json()["status"] == "Canceled"
    azure.advance(60)
    assert ask("GET", f"{PRODUCTION}/never-done").status_code == 404


def test_a_failed_delete_leaves_the_endpoint_behind(azure: Azure, ask: Ask, one: str) -> None:
    azure.fault("fail", where="delete", cause="internal")
    answer = ask("DELETE", one)
    azure.advance(60)
    assert code(ask("GET", answer.headers["Location"])) == "InternalServerError"
    properties = ask("GET", one).json()["properties"]
    assert (properties["provisioningState"], properties["endpointState"]) == ("Failed", "DeletionFailed")


def test_a_deletes_location_can_end_as_the_contract_says(azure: Azure, ask: Ask, one: str) -> None:
    azure.fault("result-204")
    answer = ask("DELETE", one)
    azure.advance(60)
    assert ask("GET", answer.headers["Location"]).status_code == 204


def test_keys_are_two_and_stay_the_same(ask: Ask, one: str) -> None:
    keys = ask("POST", f"{one}/listKeys").json()
    assert [len(key) for key in keys.values()] == [32, 32]
    assert ask("POST", f"{one}/listkeys").json() == keys


def test_there_are_no_keys_before_there_is_an_endpoint(ask: Ask) -> None:
    ask("PUT", f"{PRODUCTION}/one", json=body())
    assert ask("POST", f"{PRODUCTION}/one/listKeys").status_code == 409


def test_who_may_see_an_endpoint_may_not_have_its_keys(ask: Ask, one: str) -> None:
    assert ask("PATCH", one, person="olga", json={"tags": {}}).status_code == 202
    refused = ask("POST", f"{one}/listKeys", person="olga")
    assert code(refused) == "AuthorizationFailed"
    assert "serverlessEndpoints/listKeys/action" in refused.text


def test_new_keys_are_as_hard_to_follow_as_the_real_ones(azure: Azure, ask: Ask, one: str) -> None:
    before = ask("POST", f"{one}/listKeys").json()
    answer = ask("POST", f"{one}/regenerateKeys", json={"keyType": "Secondary"})
    assert (answer.status_code, answer.text) == (202, "null")
    assert "Azure-AsyncOperation" not in answer.headers
    polls = [ask("GET", answer.headers["Location"]) for _ in range(3)]
    assert [poll.status_code for poll in polls] == [404, 404, 202]
    assert polls[0].json()["error"]["details"][0]["code"] == "OperationNotFound"
    azure.advance(60)
    keys = ask("GET", answer.headers["Location"]).json()
    assert keys == ask("POST", f"{one}/listKeys").json()
    assert (keys["primaryKey"] == before["primaryKey"], keys["secondaryKey"] == before["secondaryKey"]) == (True, False)


@pytest.mark.parametrize(("method", "status"), [("PUT", 200), ("PATCH", 200), ("DELETE", 200)])
def test_a_request_can_be_done_when_it_is_answered(azure: Azure, ask: Ask, one: str, method: str, status: int) -> None:
    azure.fault("at-once", where=method.lower())
    answer = ask(method, one, json=body() if method == "PUT" else {})
    assert answer.status_code == status
    assert not {"Azure-AsyncOperation", "Location"} & answer.headers.keys()
    now = ask("GET", one)
    assert now.status_code == 404 if method == "DELETE" else now.json()["properties"]["endpointState"] == "Online"


def test_a_creation_can_have_failed_when_it_is_answered(azure: Azure, ask: Ask) -> None:
    azure.fault("at-once", where="put")
    azure.fault("fail", cause="quota")
    answer = ask("PUT", f"{PRODUCTION}/two", json=body())
    assert (answer.status_code, answer.json()["properties"]["provisioningState"]) == (201, "Failed")


def test_new_keys_can_fail_when_they_are_asked_for(azure: Azure, ask: Ask, one: str) -> None:
    azure.fault("at-once", where="regenerate")
    azure.fault("fail", where="regenerate", cause="internal")
    assert ask("POST", f"{one}/regenerateKeys", json={"keyType": "Primary"}).status_code == 500


def test_new_keys_can_come_at_once(azure: Azure, ask: Ask, one: str) -> None:
    azure.fault("at-once", where="regenerate")
    answer = ask("POST", f"{one}/regenerateKeys", json={"keyType": "Primary", "keyValue": "chosen"})
    assert (answer.status_code, answer.json()["primaryKey"]) == (200, "chosen")


def test_failed_new_keys_are_the_old_ones(azure: Azure, ask: Ask, one: str) -> None:
    before = ask("POST", f"{one}/listKeys").json()
    azure.fault("cancel", where="regenerate")
    azure.fault("operation-not-found", polls=0)
    answer = ask("POST", f"{one}/regenerateKeys", json={"keyType": "Primary"})
    azure.advance(60)
    assert code(ask("GET", answer.headers["Location"])) == "Canceled"
    assert ask("POST", f"{one}/listKeys").json() == before


@pytest.mark.parametrize("sent", [{}, {"keyType": "Third"}, {"keyType": ["Primary"]}, {"keyType": "Primary", "x": 1}])
def test_a_wrong_request_for_keys_is_refused(ask: Ask, one: str, sent: dict[str, Any]) -> None:
    assert code(ask("POST", f"{one}/regenerateKeys", json=sent)) == "InvalidRequestContent"


def test_a_put_over_an_endpoint_updates_it(azure: Azure, ask: Ask, one: str) -> None:
    answer = ask("PUT", one, json=body(tags={"c": "3"}))
    assert answer.status_code == 200
    properties = answer.json()["properties"]
    assert (properties["provisioningState"], properties["endpointState"]) == ("Updating", "Online")
    azure.advance(60)
    assert ask("GET", one).json()["properties"]["provisioningState"] == "Succeeded"


def test_an_endpoint_stays_where_it_is(ask: Ask, one: str) -> None:
    answer = ask("PUT", one, json=body(location="westus3"))
    assert (answer.status_code, code(answer)) == (409, "InvalidResourceLocation")
