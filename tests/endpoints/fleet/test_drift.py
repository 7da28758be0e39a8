"""Requests of the form and changes of other people, through the emulator: which of them are drift."""

from typing import Any

import pytest
from django.test import Client

from endpoints import services
from endpoints.arm.serverless_endpoint import EndpointUpdate, ManagedServiceIdentity, Sku, UserAssignedIdentity
from endpoints.models import Endpoint, Workspace
from tests.endpoints.pages.test_create import EVERYTHING, IDENTITY
from tests.support.azure import Azure
from tests.support.creation import PHI, Act, settle, submit
from tests.support.fleet import others, read_fleet

OTHER_MODEL = "azureml://registries/azureml-meta/models/Llama-3.3-70B-Instruct"


def fields(endpoint: Endpoint) -> list[str]:
    endpoint.refresh_from_db()
    return [difference["field"] for difference in endpoint.drift or []]


@pytest.mark.parametrize(
    ("auth_mode", "more"),
    [
        ("Key", {}),
        ("Key", EVERYTHING),
        ("AAD", {**EVERYTHING, "content_safety": "Enabled"}),
        ("KeyAndAAD", {}),
    ],
)
def test_request_of_the_form_is_no_drift(
    azure: Azure,
    ada: Client,
    workspaces: list[Workspace],
    settings: Any,
    auth_mode: str,
    more: dict[str, Any],
) -> None:
    settings.ARM_API_VERSION = "2025-12-01"
    endpoint = settle(azure, submit(ada, workspaces[0], auth_mode=auth_mode, **more))
    assert (endpoint.state, endpoint.drift) == ("online", None)
    read_fleet()
    assert fields(endpoint) == []


@pytest.mark.parametrize("identity", ["", "None", "SystemAssigned", "UserAssigned"])
def test_requested_identity_is_no_drift(azure: Azure, ada: Client, workspaces: list[Workspace], identity: str) -> None:
    assigned = IDENTITY.upper() if identity == "UserAssigned" else ""
    more = {"identity_type": identity, "user_assigned_identities": assigned}
    endpoint = settle(azure, submit(ada, workspaces[0], **more))
    read_fleet()
    assert (endpoint.state, fields(endpoint)) == ("online", [])


@pytest.mark.parametrize(
    ("change", "drift"),
    [
        ({"tags": {"team": "ads", "cost centre": "42"}}, ["Tag team"]),
        ({"tags": {"team": "search"}}, ["Tag cost centre"]),
        ({"tags": {"TEAM": "search", "cost centre": "42"}}, []),
        ({"kind": "other"}, []),
        ({"sku": {"name": "Other"}}, ["SKU"]),
        ({"sku": {"name": "consumption", "tier": "Premium"}}, []),
        ({"identity": {"type": "SystemAssigned"}}, ["Identity"]),
        ({"identity": {"type": "UserAssigned", "userAssignedIdentities": {IDENTITY.lower(): {}}}}, ["Identity"]),
        (
            {"identity": {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {f"{IDENTITY}2": {}}}},
            ["User-assigned identities"],
        ),
        ({"properties": {"authMode": "AAD"}}, ["Authentication"]),
        ({"properties": {"contentSafety": {"contentSafetyStatus": "Enabled"}}}, ["Content safety"]),
        ({"properties": {"modelSettings": {"modelId": OTHER_MODEL}}}, ["Model"]),
        ({"properties": {"modelSettings": {"modelId": f"{PHI.upper()}/versions/3"}}}, []),
    ],
)
def test_change_elsewhere_is_exactly_this_drift(
    azure: Azure, ada: Client, workspaces: list[Workspace], settings: Any, change: dict[str, Any], drift: list[str]
) -> None:
    settings.ARM_API_VERSION = "2025-12-01"
    endpoint = settle(azure, submit(ada, workspaces[0], **EVERYTHING))
    others(azure, "PATCH", endpoint.arm_id, change)
    read_fleet()
    assert fields(endpoint) == drift


def test_own_change_is_no_drift(azure: Azure, chat: Endpoint, as_ada: Act) -> None:
    assigned = {IDENTITY: UserAssignedIdentity()}
    identity = ManagedServiceIdentity(type="UserAssigned", user_assigned_identities=assigned)
    update = EndpointUpdate(tags={"team": "search"}, identity=identity, sku=Sku(name="Other"))
    as_ada(services.update_endpoint, update)
    endpoint = settle(azure, chat)
    assert (endpoint.requested.tags, fields(endpoint)) == ({"team": "search"}, [])
    read_fleet()
    assert fields(endpoint) == []


def test_failed_change_leaves_the_request(azure: Azure, chat: Endpoint, as_ada: Act) -> None:
    azure.fault("fail", where="patch", times=1)
    as_ada(services.update_endpoint, EndpointUpdate(tags={"team": "search"}))
    assert settle(azure, chat).requested.tags == {}


def test_own_change_leaves_a_stranger_s_drift(azure: Azure, listed: Endpoint, as_ada: Act) -> None:
    others(azure, "PATCH", listed.arm_id, {"properties": {"contentSafety": {"contentSafetyStatus": "Disabled"}}})
    others(azure, "PATCH", listed.arm_id, {"sku": {"name": "Other"}})
    read_fleet()
    since = Endpoint.objects.get(pk=listed.pk).drift_since
    as_ada(services.update_endpoint, EndpointUpdate(tags={"team": "search"}))
    assert fields(settle(azure, listed)) == ["SKU"]
    assert listed.drift_since == since


def test_deletion_ends_the_drift(azure: Azure, listed: Endpoint, as_ada: Act) -> None:
    others(azure, "PATCH", listed.arm_id, {"sku": {"name": "Other"}})
    read_fleet()
    as_ada(services.delete_endpoint)
    assert settle(azure, listed).state == "deleted"
    assert (listed.drift, listed.drift_since) == (None, None)
