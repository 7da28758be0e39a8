"""What an identity may see in Azure, and what a response says about it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from functools import total_ordering

from endpoints.arm.budget import blocked_for
from endpoints.arm.errors import ArmError
from endpoints.arm.http import ArmResponse, ArmResult
from endpoints.arm.json_fields import JsonObject
from endpoints.arm.resources import Subscription, WorkspaceId, WorkspaceResource


class Trouble(StrEnum):
    """Why a response says nothing, as a sentence; the first of several is shown."""

    SIGN_IN = "Azure does not accept your sign-in. Sign in again."
    DOWN = "Azure does not answer."
    THROTTLED = "Azure limits the number of your requests."
    ERROR = "Azure's answer cannot be read."


@total_ordering
@dataclass(frozen=True)
class Problem:
    """Why something could not be read. `wait` is for how many seconds Azure wants no request."""

    trouble: Trouble
    text: str
    wait: float = 0.0

    def __lt__(self, other: "Problem") -> bool:
        order = list(Trouble)
        return (order.index(self.trouble), self.text) < (order.index(other.trouble), other.text)


class Verdict(Enum):
    """What Azure says about one workspace and one identity."""

    READABLE = auto()
    # ARM's own 403.
    REFUSED = auto()
    # An error about this very workspace says that it does not exist.
    MISSING = auto()
    # Anything else, which changes nothing.
    UNKNOWN = auto()


@dataclass(frozen=True)
class Question:
    """The workspaces to read, by key; with `everywhere` also all others in the identity's subscriptions.

    `refused` are the keys of those that Azure refused before: they are read only if no list shows them.
    """

    workspaces: Mapping[str, WorkspaceId]
    refused: frozenset[str] = frozenset()
    everywhere: bool = False


@dataclass(frozen=True)
class Listed:
    """A list. It is incomplete without a problem if Azure refused it."""

    items: list[JsonObject]
    problem: Problem | None
    is_complete: bool


@dataclass(frozen=True)
class Single:
    """One workspace. `text` is Azure's message, or the problem."""

    verdict: Verdict
    text: str = ""
    resource: WorkspaceResource | None = None
    problem: Problem | None = None


@dataclass
class Seen:
    """What was read. `lists` has the complete lists only, and `subscriptions` is None if there is none."""

    subscriptions: dict[str, Subscription] | None = None
    lists: dict[str, list[WorkspaceResource]] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    locations: dict[str, str] = field(default_factory=dict)
    problem: Problem | None = None

    def is_listed(self, subscription_id: str) -> bool:
        """Whether every workspace of the subscription that the identity may see is known."""
        is_hidden = self.subscriptions is not None and subscription_id not in self.subscriptions
        return is_hidden or subscription_id in self.lists

    def add_list(self, subscription_id: str, resources: Iterable[WorkspaceResource]) -> None:
        found = list(resources)
        self.lists[subscription_id] = found
        for resource in found:
            self.verdicts[resource.key] = Verdict.READABLE
            self.locations[resource.key] = resource.location

    def add(self, key: str, single: Single) -> None:
        self.verdicts[key] = single.verdict
        if single.resource:
            self.locations[key] = single.resource.location


def is_refused(response: ArmResult) -> bool:
    """Whether this is ARM's own statement that there is nothing to read, rather than a failure to say.

    A subscription that does not use the provider is answered with 404 or 409:
    https://learn.microsoft.com/en-us/azure/azure-resource-manager/troubleshooting/error-register-resource-provider
    """
    if not isinstance(response, ArmResponse) or response.status not in {403, 404, 409} or _needs_sign_in(response):
        return False
    return isinstance(response.object.get("error"), dict) and bool(ArmError.from_response(response).message)


def problem_of(response: ArmResult, name: str = "") -> Problem:
    """Why a response says nothing. The text begins with `name` if it concerns one workspace only."""
    if not isinstance(response, ArmResponse):
        trouble = Trouble.THROTTLED if response.reason == Trouble.THROTTLED else Trouble.DOWN
        return Problem(trouble, trouble)
    if response.status == 401 or _needs_sign_in(response):
        return Problem(Trouble.SIGN_IN, Trouble.SIGN_IN)
    if response.status == 429:
        return Problem(Trouble.THROTTLED, Trouble.THROTTLED, blocked_for(response))
    message = ArmError.from_response(response).message if response.status != 200 else ""
    if response.status >= 500:
        return Problem(Trouble.DOWN, f"Azure answers with {response.status}. {message}".strip())
    if not message:
        return Problem(Trouble.ERROR, Trouble.ERROR)
    return Problem(Trouble.ERROR, f"Azure could not read {name or 'your subscriptions'}: {message}")


def _needs_sign_in(response: ArmResponse) -> bool:
    """Whether a second factor or another proof is missing, which Azure reports with 401 or 403.

    https://learn.microsoft.com/en-us/entra/identity/authentication/concept-mandatory-multifactor-authentication
    """
    return "claims=" in response.headers.get("www-authenticate", "") or (
        ArmError.from_response(response).code == "RequestDisallowedByPolicy"
    )
