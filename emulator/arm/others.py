"""Acts of other people on endpoints and marketplace subscriptions: at once, and with any permission."""

from typing import Any

from emulator import clock, state
from emulator.arm import endpoints, marketplace, operations
from emulator.arm.errors import ArmError, Document
from emulator.arm.external_changes import OTHER_USER
from emulator.arm.plans import Plan
from emulator.arm.rbac import subject_of
from emulator.arm.resources import ENDPOINTS, MARKETPLACE, not_found, rows, system_data
from emulator.arm.tokens import Caller
from emulator.arm.validation import check_body, check_name
from emulator.directory import Person, caller_by_name
from emulator.faults import Target
from emulator.seed import Workspace
from emulator.state import Resource

# The version whose definition allows most.
VERSION = "2025-12-01"
SERVICES: dict[str, Any] = {ENDPOINTS: endpoints, MARKETPLACE: marketplace}
STATES = ("provisioningState", "endpointState", "marketplaceSubscriptionStatus")
CHANGEABLE = {"tags", "kind", "sku", "identity", "properties"}


def principal(name: str) -> Caller:
    """A caller by name; one with an unknown address is a user, any other an application."""
    kind = "User" if "@" in name else "Application"
    known = caller_by_name(name) or Person(name, name, name if kind == "User" else "", (), "", kind=kind)
    return Caller(known, ())


def read(parent: Workspace, collection: str, name: str) -> Resource:
    """Raises ArmError."""
    resources, key = rows(parent, collection), name.lower()
    operations.settle_purchases(parent.resource_id.lower())
    if key in resources:
        operations.settle(resources[key])
    if key not in resources:
        raise not_found(parent, collection, name)
    return resources[key]


def put(parent: Workspace, collection: str, name: str, body: Document, by: str, seconds: float) -> Resource:
    """Create or replace a resource, which takes this long. Raises ArmError."""
    row, caller, service = rows(parent, collection).get(name.lower()), principal(by or OTHER_USER), SERVICES[collection]
    if row:
        operations.settle(row)
    check_name(service.OPERATION_IDS["PUT"], name)
    subject = subject_of(caller, parent, collection, name, "write", row)
    plan = Plan(seconds=seconds)
    body = body if collection == MARKETPLACE else {"location": parent.location, **body}
    accepted, _ = service.create_or_update(caller, parent, row, subject, body, VERSION, Target(), plan)
    state.changed()
    made: Resource = accepted
    return made


def delete(parent: Workspace, collection: str, name: str, by: str, seconds: float) -> None:
    """Raises ArmError."""
    row = read(parent, collection, name)
    subject = subject_of(principal(by or OTHER_USER), parent, collection, name, "delete", row)
    SERVICES[collection].delete(parent, row, subject, Target(), Plan(seconds=seconds))


def patch(parent: Workspace, collection: str, name: str, changes: Document, by: str, seconds: float) -> Resource:
    """Replace fields, and properties one by one; states only for a while if it is given. Raises ArmError."""
    row = read(parent, collection, name)
    properties = changes.get("properties", {})
    _check(row, collection, changes, properties)
    before = {key: row.document["properties"].get(key) for key in STATES if key in properties}
    row.document |= {key: value for key, value in changes.items() if key != "properties"}
    row.document["properties"] |= properties
    # The service itself changes states, on behalf of no principal.
    if by or changes.keys() - {"properties"} or properties.keys() - {*STATES}:
        row.document["systemData"] = system_data(principal(by or OTHER_USER), row.document["systemData"])
    if before:
        row.suspended_at = None
        row.reverts_at, row.reverts_to = (clock.now() + seconds, before) if seconds else (None, {})
    _bill(row)
    state.changed()
    return row


def _check(row: Resource, collection: str, changes: Document, properties: Any) -> None:
    if fixed := sorted(changes.keys() - CHANGEABLE):
        raise ArmError(400, "InvalidRequestContent", f"{', '.join(fixed)} cannot be changed.")
    if not isinstance(properties, dict):
        raise ArmError(400, "InvalidRequestContent", "'properties' must be an object.")
    if any(not isinstance(properties.get(key, ""), str) for key in STATES):
        raise ArmError(400, "InvalidRequestContent", "A state must be text.")
    changed = row.document | changes | {"properties": row.document["properties"] | properties}
    check_body(SERVICES[collection].OPERATION_IDS["PUT"], changed, VERSION, changed)


def _bill(row: Resource) -> None:
    """The endpoints of a marketplace subscription follow its status."""
    status = row.document["properties"].get("marketplaceSubscriptionStatus")
    if status:
        operations.suspend_or_resume(row, to="Online" if status == "Subscribed" else "Suspended")
