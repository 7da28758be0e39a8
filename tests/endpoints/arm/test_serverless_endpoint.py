"""The types of a serverless endpoint read and write any JSON without loss, and cover the whole API definition."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.arm.definition import definition
from endpoints.arm.json_fields import ArmObject
from endpoints.arm.serverless_endpoint import (
    ContentSafety,
    EndpointUpdate,
    InferenceEndpoint,
    ManagedServiceIdentity,
    ModelSettings,
    Properties,
    RegenerateKeyRequest,
    ServerlessEndpoint,
    Sku,
    SystemData,
    UserAssignedIdentity,
    endpoints_in,
)
from tests.support.endpoint_examples import (
    CREATE,
    CREATING,
    GET,
    IDENTITY,
    ONLINE_ENDPOINT,
    PHI,
    REGENERATE,
    UPDATE,
    WRONGLY_TYPED,
    ZEROS,
)

CASES = [
    (ServerlessEndpoint, CREATE),
    (ServerlessEndpoint, GET),
    (ServerlessEndpoint, ONLINE_ENDPOINT),
    (ServerlessEndpoint, CREATING),
    (EndpointUpdate, UPDATE),
    (RegenerateKeyRequest, REGENERATE),
]
TYPES = [*dict.fromkeys(of for of, _ in CASES)]


def read(**data: Any) -> ServerlessEndpoint:
    return ServerlessEndpoint.from_json(data)


@pytest.mark.parametrize(("of", "data"), CASES)
def test_example_survives_a_round_trip(of: type[ArmObject], data: dict[str, Any]) -> None:
    assert of.from_json(data).to_json() == data


@pytest.mark.parametrize(("of", "data"), CASES)
def test_key_order_survives_a_round_trip(of: type[ArmObject], data: dict[str, Any]) -> None:
    assert json.dumps(of.from_json(data).to_json()) == json.dumps(data)


def test_wrongly_typed_values_survive_a_round_trip() -> None:
    assert ServerlessEndpoint.from_json(WRONGLY_TYPED).to_json() == WRONGLY_TYPED


def test_wrongly_typed_values_read_as_missing() -> None:
    endpoint = ServerlessEndpoint.from_json(WRONGLY_TYPED)
    assert replace(endpoint, extra={}, sku=Sku(), properties=Properties()) == ServerlessEndpoint()
    assert (endpoint.model_id, endpoint.inference_uri, endpoint.sku.capacity) == ("", "", None)


# Any JSON

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
# These tests must not fail on a busy machine.
WITHOUT_DEADLINE = settings(deadline=None)


def mutated(data: Any) -> st.SearchStrategy[Any]:
    """JSON like the data, with missing values, other values and unknown fields."""
    if not isinstance(data, dict):
        return st.just(data) | VALUES
    parts = {name: mutated(value) for name, value in data.items()}
    known = st.fixed_dictionaries({}, optional=parts)
    unknown = st.dictionaries(st.text(max_size=5), VALUES, max_size=2)
    return st.builds(lambda fields, others: {**others, **fields}, known, unknown) | VALUES


OBJECTS: st.SearchStrategy[dict[str, Any]] = st.one_of([mutated(data) for _, data in CASES]).filter(
    lambda value: isinstance(value, dict)
)


@pytest.mark.parametrize("of", TYPES)
@WITHOUT_DEADLINE
@given(data=OBJECTS)
def test_any_json_survives_a_round_trip(of: type[ArmObject], data: dict[str, Any]) -> None:
    assert json.dumps(of.from_json(data).to_json()) == json.dumps(data)


@WITHOUT_DEADLINE
@given(data=OBJECTS)
def test_any_json_has_text_where_it_is_expected(data: dict[str, Any]) -> None:
    endpoint = ServerlessEndpoint.from_json(data)
    texts = [endpoint.inference_uri, endpoint.endpoint_state, endpoint.provisioning_state, endpoint.model_id]
    assert all(isinstance(text, str) for text in texts)


@WITHOUT_DEADLINE
@given(data=OBJECTS)
def test_any_json_includes_itself(data: dict[str, Any]) -> None:
    endpoint = ServerlessEndpoint.from_json(data)
    assert endpoint.includes(endpoint)


# The API definition


def sample(schema: dict[str, Any]) -> Any:
    """A value that has every field of a schema."""
    if "$ref" in schema:
        return sample(definition()["definitions"][schema["$ref"].rpartition("/")[2]])
    if "properties" in schema:
        return {name: sample(part) for name, part in schema["properties"].items()}
    if isinstance(schema.get("additionalProperties"), dict):
        return {"name": sample(schema["additionalProperties"])}
    return 1 if schema["type"] == "integer" else {} if schema["type"] == "object" else "text"


@pytest.mark.parametrize(
    ("of", "name"),
    [
        (ServerlessEndpoint, "ServerlessEndpointTrackedResource"),
        (Properties, "ServerlessEndpoint"),
        (ModelSettings, "ModelSettings"),
        (ContentSafety, "ContentSafety"),
        (InferenceEndpoint, "ServerlessInferenceEndpoint"),
        (Sku, "Sku"),
        (ManagedServiceIdentity, "ManagedServiceIdentity"),
        (UserAssignedIdentity, "UserAssignedIdentity"),
        (SystemData, "systemData"),
        (EndpointUpdate, "PartialMinimalTrackedResourceWithSkuAndIdentity"),
        (ManagedServiceIdentity, "PartialManagedServiceIdentity"),
        (Sku, "PartialSku"),
        (RegenerateKeyRequest, "RegenerateEndpointKeysRequest"),
    ],
)
def test_every_property_of_the_definition_has_a_field(of: type[ArmObject], name: str) -> None:
    whole = sample({"$ref": f"#/definitions/{name}"})
    assert whole
    assert of.from_json(whole).extra == {}


def test_content_safety_level_of_the_previews_has_a_field() -> None:
    assert ServerlessEndpoint.from_json(CREATING).properties.content_safety.content_safety_level == "Deferred"


# Building requests


def test_built_endpoint_writes_only_what_is_set() -> None:
    endpoint = ServerlessEndpoint(
        location="eastus2", tags={}, sku=Sku(), properties=Properties("Key", ModelSettings(PHI), ContentSafety(""))
    )
    assert endpoint.to_json() == {
        "location": "eastus2",
        "properties": {"authMode": "Key", "modelSettings": {"modelId": PHI}},
    }


def test_built_endpoint_writes_the_put_body_in_order() -> None:
    identity = ManagedServiceIdentity("UserAssigned", {IDENTITY: UserAssignedIdentity()})
    endpoint = ServerlessEndpoint(
        properties=Properties("Key", ModelSettings(PHI), ContentSafety("Enabled")),
        location="eastus2",
        kind="chat",
        tags={"team": "search"},
        identity=identity,
        sku=Sku("Consumption", capacity=0),
    )
    body = {
        "location": "eastus2",
        "kind": "chat",
        "tags": {"team": "search"},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: {}}},
        "sku": {"name": "Consumption", "capacity": 0},
        "properties": {
            "authMode": "Key",
            "modelSettings": {"modelId": PHI},
            "contentSafety": {"contentSafetyStatus": "Enabled"},
        },
    }
    assert json.dumps(endpoint.to_json()) == json.dumps(body)


def test_built_endpoint_equals_the_one_read_from_its_body() -> None:
    built = ServerlessEndpoint(location="eastus2", properties=Properties("Key", ModelSettings(PHI)))
    assert ServerlessEndpoint.from_json(built.to_json()) == built


def test_update_replaces_all_tags_with_none() -> None:
    assert EndpointUpdate(tags={}).to_json() == {"tags": {}}


def test_changed_field_replaces_what_could_not_be_read() -> None:
    assert replace(read(tags="text", x=1), tags={"team": "search"}).to_json() == {"tags": {"team": "search"}, "x": 1}


def test_key_value_stays_out_of_the_repr() -> None:
    assert "very-secret" not in repr(RegenerateKeyRequest("Primary", "very-secret"))


# Reading responses


def test_endpoint_gives_its_inference_uri() -> None:
    assert ServerlessEndpoint.from_json(GET).inference_uri == "https://www.contoso.com/example"


def test_endpoint_gives_its_model() -> None:
    assert ServerlessEndpoint.from_json(CREATING).model_id == PHI


def test_unknown_states_stay_as_they_are() -> None:
    endpoint = read(properties={"endpointState": "hibernating", "provisioningState": "Thinking"})
    assert (endpoint.endpoint_state, endpoint.provisioning_state) == ("hibernating", "Thinking")


def test_null_header_of_inference_is_kept() -> None:
    endpoint = read(properties={"inferenceEndpoint": {"uri": "", "headers": {"x": None}}})
    assert endpoint.properties.inference_endpoint.headers == {"x": None}


def test_null_user_assigned_identity_is_kept() -> None:
    endpoint = read(identity={"userAssignedIdentities": {IDENTITY: None}})
    assert endpoint.identity.user_assigned_identities == {IDENTITY: None}


@pytest.mark.parametrize("data", [{}, {"properties": {}}, {"properties": None}, {"error": {"code": "NotFound"}}])
def test_object_without_properties_is_not_a_resource(data: dict[str, Any]) -> None:
    assert not ServerlessEndpoint.from_json(data).is_resource


@pytest.mark.parametrize("properties", [{"authMode": "Key"}, {"authMode": ""}, {"unknown": None}])
def test_object_with_properties_is_a_resource(properties: dict[str, Any]) -> None:
    assert read(properties=properties).is_resource


@pytest.mark.parametrize("tags", [{"team": "search"}, {}, None, "text"])
def test_field_in_the_json_is_there_whatever_its_value(tags: Any) -> None:
    assert read(tags=tags).has("tags")


def test_field_that_is_not_in_the_json_is_not_there() -> None:
    assert not read(systemDate={}).has("system_data")


def test_page_of_a_list_gives_its_endpoints() -> None:
    assert endpoints_in({"value": [GET, None, CREATING], "nextLink": "string"}) == [
        ServerlessEndpoint.from_json(GET),
        ServerlessEndpoint.from_json(CREATING),
    ]


@pytest.mark.parametrize("page", [{}, {"value": None}, {"value": {"name": "chat"}}])
def test_page_without_a_list_gives_no_endpoints(page: dict[str, Any]) -> None:
    assert endpoints_in(page) == []


# Comparing a resource with a request


def test_endpoint_includes_an_update_whatever_else_it_shows() -> None:
    endpoint = read(tags={"team": "search", "by": "policy"}, sku={"name": "Consumption", "tier": "Basic"})
    assert endpoint.includes(EndpointUpdate(tags={"team": "search"}, sku=Sku("Consumption")))


@pytest.mark.parametrize("tags", [{}, {"team": "chat"}, {"team": None}, None, "team"])
def test_endpoint_does_not_include_another_tag(tags: Any) -> None:
    assert not read(tags=tags).includes(EndpointUpdate(tags={"team": "search"}))


def test_endpoint_includes_an_identity_in_another_casing() -> None:
    update = EndpointUpdate(
        identity=ManagedServiceIdentity("SystemAssigned,UserAssigned", {IDENTITY: UserAssignedIdentity()})
    )
    shown = {IDENTITY.lower(): {"clientId": ZEROS, "principalId": ZEROS}}
    assert read(identity={"type": "systemAssigned, userAssigned", "userAssignedIdentities": shown}).includes(update)


def test_endpoint_includes_its_own_request_in_another_casing() -> None:
    request = ServerlessEndpoint(location="East US 2", properties=Properties("key", ModelSettings(PHI.upper())))
    properties = {"authMode": "Key", "modelSettings": {"modelId": PHI}, "endpointState": "Online"}
    assert read(location="eastus2", properties=properties).includes(request)


def test_names_of_tags_compare_without_case() -> None:
    assert read(tags={"Team": "search"}).includes(EndpointUpdate(tags={"team": "search"}))


def test_values_of_tags_compare_with_case() -> None:
    assert not read(tags={"team": "Search"}).includes(EndpointUpdate(tags={"team": "search"}))
