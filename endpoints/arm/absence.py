"""What a 404 says about a resource: most of them say nothing about the resource itself.

https://learn.microsoft.com/en-us/azure/azure-resource-manager/troubleshooting/error-not-found
"""

import re
from enum import Enum, auto
from typing import Any

from endpoints.arm.errors import ArmError
from endpoints.arm.http import ArmResponse
from endpoints.arm.resources import PROVIDER


class Absence(Enum):
    """What a response says about the existence of the resource that was read."""

    # The error is about this very resource.
    PROVED = auto()
    # The service does not know it, and does not name it: enough only beside other evidence.
    LIKELY = auto()
    # A resource above it does not exist, such as its workspace.
    OF_PARENT = auto()
    # The response is not a 404, or a 404 for another reason: a wrong api-version, a proxy.
    UNKNOWN = auto()


ABOVE_WORKSPACES = {"resourcegroupnotfound", "subscriptionnotfound"}


def absence(response: ArmResponse, resource_id: str) -> Absence:
    """Read a response to a request for the resource with this id."""
    return absence_in(ArmError.from_response(response), resource_id)


def absence_in(error: ArmError, resource_id: str) -> Absence:
    """The same for the error of a response that was read before."""
    if error.status != 404:
        return Absence.UNKNOWN
    code = error.code.lower()
    if code in ABOVE_WORKSPACES or code == "parentresourcenotfound":
        return Absence.OF_PARENT
    if code not in {"resourcenotfound", "notfound"} or _is_about_an_operation(error.raw):
        return Absence.UNKNOWN
    about = f"{error.message}\n{error.raw.get('target')}".casefold()
    if _names(about, _relative(resource_id)):
        return Absence.PROVED
    parent = _relative(resource_id).rpartition("/")[0].rpartition("/")[0]
    if "/" in parent and _names(about, parent):
        return Absence.OF_PARENT
    return Absence.UNKNOWN if _names_another(about) else Absence.LIKELY


def _relative(resource_id: str) -> str:
    """The id from the resource type on, as ARM's messages name a resource: "workspaces/w/serverlessEndpoints/e"."""
    return resource_id.casefold().rpartition(f"{PROVIDER.casefold()}/")[2].strip("/")


def _names(text: str, relative: str) -> bool:
    return re.search(rf"{re.escape(relative)}(?![\w.()/-])", text) is not None


def _names_another(text: str) -> bool:
    return f"{PROVIDER.casefold()}/" in text


def _is_about_an_operation(raw: dict[str, Any]) -> bool:
    details = raw.get("details")
    codes = [item.get("code") for item in details if isinstance(item, dict)] if isinstance(details, list) else []
    return "OperationNotFound" in codes
