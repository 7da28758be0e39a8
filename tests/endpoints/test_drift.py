"""Which differences between the request and Azure are drift, and how either side is taken over."""

from typing import Any

import pytest

from endpoints.arm.serverless_endpoint import EndpointUpdate, ServerlessEndpoint
from endpoints.drift import accepted, changes_between, drift_of, restoring_update, updated

SUBSCRIPTION = "/subscriptions/0a1b2c3d-1111-4aaa-8bbb-e0d35a1b0101"
RUNNER = f"{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/runner"
OTHER = RUNNER.replace("runner", "other")
REQUESTED: dict[str, Any] = {
    "location": "eastus2",
    "tags": {"team": "search"},
    "identity": {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {RUNNER: {}}},
    "sku": {"name": "Consumption"},
    "properties": {
        "authMode": "Key",
        "modelSettings": {"modelId": "azureml://registries/azureml/models/Phi-4"},
        "contentSafety": {"contentSafetyStatus": "Enabled"},
    },
}
# Each part with another value, and the field that differs then.
CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"location": "westus"}, "Region"),
    ({"tags": {"team": "ads"}}, "Tag team"),
    ({"tags": {"Team": "search", "env": "prod"}}, "Tag env"),
    ({"tags": {}}, "Tag team"),
    ({"identity": {"type": "None"}}, "Identity"),
    (
        {"identity": {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {OTHER: {}}}},
        "User-assigned identities",
    ),
    ({"sku": {"name": "Premium", "tier": "Premium"}}, "SKU"),
    ({"properties": {**REQUESTED["properties"], "authMode": "AAD"}}, "Authentication"),
    ({"properties": {**REQUESTED["properties"], "modelSettings": {"modelId": "azureml://other"}}}, "Model"),
    (
        {"properties": {**REQUESTED["properties"], "contentSafety": {"contentSafetyStatus": "Disabled"}}},
        "Content safety",
    ),
]
# Another spelling of the same, and what Azure adds by itself.
SAME: list[dict[str, Any]] = [
    {"location": "East US 2"},
    {"tags": {"TEAM": "search"}},
    {
        "identity": {
            "type": "systemAssigned, userAssigned",
            "principalId": "p",
            "userAssignedIdentities": {RUNNER.lower(): {"clientId": "c", "principalId": "p"}},
        }
    },
    {"identity": {"type": "SystemAssigned,UserAssigned"}},
    {"sku": {"name": "consumption", "tier": "Standard"}},
    {
        "properties": {
            "authMode": "key",
            "modelSettings": {"modelId": "azureml://registries/AzureML/models/phi-4/versions/7"},
            "contentSafety": {"contentSafetyStatus": "enabled", "contentSafetyLevel": "Blocking"},
            "endpointState": "Online",
        }
    },
    {"kind": "other", "id": "/x", "systemData": {"createdBy": "ada"}},
]


def resource(changes: dict[str, Any]) -> ServerlessEndpoint:
    return ServerlessEndpoint.from_json({**REQUESTED, **changes})


REQUEST = resource({})


@pytest.mark.parametrize(("changes", "field"), CHANGES)
def test_other_value_is_exactly_one_difference(changes: dict[str, Any], field: str) -> None:
    assert [difference["field"] for difference in drift_of(REQUEST, resource(changes))] == [field]


@pytest.mark.parametrize("changes", SAME)
def test_other_spelling_is_no_drift(changes: dict[str, Any]) -> None:
    assert drift_of(REQUEST, resource(changes)) == []


@pytest.mark.parametrize("changes", [SAME[0], SAME[1]])
def test_other_spelling_is_not_a_change(changes: dict[str, Any]) -> None:
    assert changes_between(REQUEST, resource(changes)) == []


@pytest.mark.parametrize(("changes", "field"), CHANGES)
def test_accepted_value_ends_the_drift(changes: dict[str, Any], field: str) -> None:
    request = accepted(REQUEST, resource(changes))
    assert drift_of(request, resource(changes)) == []
    assert request.to_json().keys() <= REQUESTED.keys()


def test_accepting_keeps_what_does_not_differ() -> None:
    held = resource({"tags": {"team": "ads"}, **SAME[5]})
    assert accepted(REQUEST, held) == resource({"tags": {"team": "ads"}})


def test_accepted_identity_has_no_read_only_ids() -> None:
    given = {"clientId": "c", "principalId": "p"}
    held = {"type": "UserAssigned", "principalId": "p", "tenantId": "t", "userAssignedIdentities": {OTHER: given}}
    identity = accepted(REQUEST, resource({"identity": held})).identity
    assert identity.to_json() == {"type": "UserAssigned", "userAssignedIdentities": {OTHER: {}}}


@pytest.mark.parametrize(("changes", "field"), CHANGES)
def test_restoring_update_has_only_what_a_patch_can_change(changes: dict[str, Any], field: str) -> None:
    update = restoring_update(REQUEST, resource(changes))
    parts = {key for key in changes if key in {"tags", "identity", "sku"}}
    assert (update.to_json() if update else {}) == {key: REQUESTED[key] for key in parts}


def test_restoring_update_keeps_tags_of_policies(settings: Any) -> None:
    settings.TAGS_OF_POLICIES = ["Cost"]
    held = resource({"tags": {"cost": "4711", "team": "ads"}})
    assert restoring_update(REQUEST, held) == EndpointUpdate(tags={"team": "search", "cost": "4711"})
    assert accepted(REQUEST, held).tags == {"team": "ads"}


def test_identity_none_may_be_left_out() -> None:
    held = ServerlessEndpoint.from_json({key: value for key, value in REQUESTED.items() if key != "identity"})
    assert drift_of(resource({"identity": {"type": "None"}}), held) == []


def test_update_becomes_part_of_the_request() -> None:
    assert updated(REQUEST, EndpointUpdate(tags={})).tags == {}
    assert updated(REQUEST, EndpointUpdate(tags={"a": "b"})) == resource({"tags": {"a": "b"}})


def test_found_endpoint_has_no_drift() -> None:
    assert drift_of(ServerlessEndpoint(), REQUEST) == []
