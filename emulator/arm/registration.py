"""Whether a subscription has registered the resource provider, and the responses of one that has not.

https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/resource-providers-and-types
"""

from typing import Any

from emulator import state
from emulator.arm.absences import ABSENCES, PROVIDER, requested
from emulator.arm.errors import Document
from emulator.arm.failures import Subject, error_of

REGISTERED = "Registered"
STATES = ("NotRegistered", "Registering", REGISTERED, "Unregistering", "Unregistered")
WITHOUT_SERVICE = {"NotRegistered", "Unregistered"}
# The response to a list of resources: the contract allows both.
# https://github.com/cloud-and-ai-microsoft/resource-provider-contract/blob/master/v1.0/resource-api-reference.md
LISTS = ("not-found", "empty")
TYPES = ("workspaces", "workspaces/serverlessEndpoints", "workspaces/marketplaceSubscriptions")


def set_state(subscription_id: str, registration_state: Any, lists: Any) -> None:
    """Raises ValueError."""
    if registration_state not in [*STATES]:
        raise ValueError(f"'registrationState' is one of {', '.join(STATES)}.")
    if lists not in [*LISTS]:
        raise ValueError(f"'lists' is one of {', '.join(LISTS)}.")
    with state.lock:
        state.state().registrations[subscription_id.casefold()] = [registration_state, lists]
    state.changed()


def document_of(subscription_id: str) -> Document:
    registration_state, _ = _registration(subscription_id)
    return {
        "id": f"/subscriptions/{subscription_id}/providers/{PROVIDER}",
        "namespace": PROVIDER,
        "registrationState": registration_state,
        "registrationPolicy": "RegistrationRequired",
        "resourceTypes": [{"resourceType": kind, "apiVersions": ["2025-09-01"]} for kind in TYPES],
    }


def check(method: str, path: str, api_version: str) -> Document | None:
    """The response to a list in a subscription without registration. Raises ArmError to other requests there."""
    if not state.state().registrations:
        return None
    target = requested(path, api_version)
    registration_state, lists = _registration(target.subscription)
    after = path.casefold().partition(f"/providers/{PROVIDER.casefold()}/")[2].strip("/")
    if registration_state not in WITHOUT_SERVICE or not after:
        return None
    if method != "GET":
        raise error_of("provider", Subject(target.name, "", "", target.subscription))
    is_list = after.count("/") % 2 == 0
    if is_list and lists == "empty":
        return {"value": []}
    raise ABSENCES["subscription"](target)


def _registration(subscription_id: str) -> list[str]:
    return state.state().registrations.get(subscription_id.casefold(), [REGISTERED, LISTS[0]])
