"""What the pages of a workspace's list say, or why they say nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from endpoints.arm.absence import Absence, absence
from endpoints.arm.errors import ArmError
from endpoints.arm.headers import retry_after
from endpoints.arm.http import ArmResponse, ArmResult, NoResponse
from endpoints.arm.json_fields import JsonObject
from endpoints.explanations import explain


@dataclass(frozen=True)
class Listing:
    """A complete list, as ARM's JSON; `digest` is the same for the same pages."""

    items: list[JsonObject]
    digest: str
    pages: int


@dataclass(frozen=True)
class Unreadable:
    """Why a read says nothing, as a sentence. It may still prove that the resource itself does not exist."""

    problem: str
    absence: Absence = Absence.UNKNOWN
    error: dict[str, Any] | None = field(default=None, repr=False)
    # Seconds after which Azure wants to be read again.
    wait: float | None = None
    is_refused: bool = False


def listing_of(responses: Sequence[ArmResult] | Exception, workspace_id: str) -> Listing | Unreadable:
    """A list is complete if every page arrived and the last one names no further page.

    https://github.com/microsoft/api-guidelines/blob/vNext/azure/Guidelines.md#collections
    """
    if isinstance(responses, Exception):
        return Unreadable(str(responses) or type(responses).__name__)
    items: list[JsonObject] = []
    hashes = blake2b(digest_size=32)
    for response in responses:
        if not isinstance(response, ArmResponse) or response.status != 200:
            return unreadable(response, workspace_id)
        value = response.object.get("value")
        if not isinstance(value, list):
            return Unreadable(no_arm_response(response))
        # What is not an object counts as an item of which nothing is known.
        items += [item if isinstance(item, dict) else {} for item in value]
        hashes.update(response.content)
    if not responses or _names_next_page(responses[-1]):
        return Unreadable("Azure's list did not end.")
    return Listing(items, hashes.hexdigest(), len(responses))


def unreadable(response: ArmResult, resource_id: str) -> Unreadable:
    """Why a response other than 200 says nothing about the state of the resource."""
    if isinstance(response, NoResponse):
        return Unreadable(response.reason)
    error = ArmError.from_response(response)
    if not error.raw.get("code"):
        return Unreadable(no_arm_response(response), wait=retry_after(response))
    title = explain(error).title if response.status < 500 else "Azure failed"
    return Unreadable(
        f"{title} ({response.status} {error.code}).",
        absence(response, resource_id),
        error.as_json(),
        retry_after(response),
        is_refused=response.status in {401, 403},
    )


def no_arm_response(response: ArmResponse) -> str:
    """A sentence about a response that is not ARM's, such as the page of a proxy."""
    kind = response.headers.get("content-type", "").partition(";")[0] or "no content type"
    return f"The response was not one of Azure Resource Manager: {response.status}, {kind}."


def _names_next_page(response: ArmResult) -> bool:
    return isinstance(response, ArmResponse) and bool(response.object.get("nextLink"))
