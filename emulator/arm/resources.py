"""The two kinds of resources in a workspace: where they are stored, and how a reader sees them."""

import copy
import secrets
from dataclasses import replace

from emulator import clock, faults, fleet, state
from emulator.arm import hierarchy
from emulator.arm.errors import ArmError, Document, resource_not_found
from emulator.arm.tokens import Caller
from emulator.catalogue import Model, models_of
from emulator.fault_kinds import Group
from emulator.faults import Target
from emulator.options import inference_uri
from emulator.seed import Workspace
from emulator.state import Resource

ENDPOINTS = "serverlessEndpoints"
MARKETPLACE = "marketplaceSubscriptions"
STARTED_AT = "2026-01-05T08:30:00.000000+00:00"
TYPE = "Microsoft.MachineLearningServices/workspaces"


def rows(parent: Workspace, collection: str) -> dict[str, Resource]:
    """The resources of a workspace by their names in lower case."""
    table, key = state.state().table(collection), parent.resource_id.lower()
    if key not in table:
        table[key] = _subscribed(parent) if collection == MARKETPLACE else {}
    return table[key]


def resource_type(collection: str) -> str:
    return f"{TYPE}/{collection}"


def identifiers(parent: Workspace, collection: str, name: str) -> Document:
    return {
        "id": f"{parent.resource_id}/{collection}/{name}",
        "name": name,
        "type": resource_type(collection),
    }


def new_keys() -> dict[str, str]:
    return {"primaryKey": secrets.token_hex(16), "secondaryKey": secrets.token_hex(16)}


def not_found(parent: Workspace, collection: str, name: str) -> ArmError:
    return resource_not_found(f"{TYPE}/{parent.name}/{collection}/{name}", parent.resource_group)


def model_of(document: Document) -> str:
    """The model id of an endpoint, of a marketplace subscription, or of the body of a PUT for one."""
    properties = document.get("properties")
    if not isinstance(properties, dict):
        return ""
    settings = properties.get("modelSettings")
    return str(properties.get("modelId") or (settings.get("modelId") if isinstance(settings, dict) else "") or "")


def system_data(caller: Caller, previous: Document | None = None) -> Document:
    """The creator of a resource, and the last principal that changed it."""
    who = {
        "By": caller.person.upn or caller.person.oid,
        "ByType": caller.person.kind,
        "At": clock.iso(clock.now()),
    }
    created = {f"created{key}": value for key, value in who.items()} if previous is None else previous
    return {**created, **{f"lastModified{key}": value for key, value in who.items()}}


def shown(document: Document, target: Target) -> Document:
    """A resource as a reader gets it: changed by the faults for reads."""
    if not faults.any_on(Group.CONTENT):
        return document
    target = replace(target, name=document["name"], model=model_of(document))
    document = copy.deepcopy(document)
    if fault := faults.take_kind("unknown-state", target):
        document["properties"]["endpointState"] = fault.settings["state"]
    if faults.take_kind("extra-fields", target):
        document["properties"]["moodOfTheService"] = {"colour": "mauve"}
        document["etag"] = "W/1"
    if faults.take_kind("no-provisioning-state", target):
        del document["properties"]["provisioningState"]
    return document


def _subscribed(parent: Workspace) -> dict[str, Resource]:
    """The marketplace subscriptions that exist from the start."""
    created = {"createdBy": "ada@emulator.test", "createdByType": "User", "createdAt": STARTED_AT}
    subscriptions = {}
    for model in models_of(parent.offers):
        name = _subscription_name(model)
        document = {
            **identifiers(parent, MARKETPLACE, name),
            "systemData": created,
            "properties": {
                "modelId": model.id,
                "marketplacePlan": model.plan,
                "marketplaceSubscriptionStatus": "Subscribed",
                "provisioningState": "Succeeded",
            },
        }
        subscriptions[name.lower()] = Resource(parent.resource_id.lower(), document)
    return subscriptions


def _subscription_name(model: Model) -> str:
    return model.name.replace(".", "")


def seed() -> None:
    """Create the endpoints of the fleet, except in workspaces that the state file knows better."""
    table = state.state().endpoints
    known = set(table)
    for deployment in fleet.deployments():
        parent, key = deployment.workspace, deployment.workspace.resource_id.lower()
        if key not in known and hierarchy.workspace(parent.subscription_id, parent.resource_group, parent.name):
            endpoint = Resource(key, _deployed(deployment), keys=new_keys())
            table.setdefault(key, {})[deployment.name] = endpoint


def _deployed(deployment: fleet.Deployment) -> Document:
    """An endpoint of the fleet, as if it had been created like any other."""
    parent, model = deployment.workspace, deployment.model
    data = {"By": deployment.created_by, "ByType": deployment.created_by_type, "At": STARTED_AT}
    payer = f"{parent.resource_id}/{MARKETPLACE}/{_subscription_name(model)}" if model.needs_offer else None
    return {
        **identifiers(parent, ENDPOINTS, deployment.name),
        "location": parent.location,
        "tags": {"team": deployment.name.partition("-")[0]},
        "sku": {"name": "Consumption"},
        "systemData": {f"{verb}{name}": value for verb in ("created", "lastModified") for name, value in data.items()},
        "properties": {
            "authMode": "Key",
            "contentSafety": {"contentSafetyStatus": "Enabled"},
            "modelSettings": {"modelId": model.id},
            "provisioningState": "Succeeded",
            "endpointState": "Online",
            "inferenceEndpoint": {
                "uri": inference_uri(deployment.name, parent.location),
                "headers": {"x-ms-workspace": parent.name},
            },
            "marketplaceSubscriptionId": payer,
        },
    }
