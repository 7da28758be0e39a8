"""Long-running operations of ARM: what a client knows between two requests, and how they end.

https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/async-operations
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from endpoints.arm.errors import ArmError
from endpoints.arm.http import ArmResponse, ArmResult

# Retry these: https://learn.microsoft.com/en-us/azure/architecture/best-practices/retry-service-specific#general-rest-and-retry-guidelines
TRANSIENT = {408, 429, 500, 502, 503, 504}
# https://www.rfc-editor.org/rfc/rfc9110#name-idempotent-methods
IDEMPOTENT = {"PUT", "DELETE"}
# Methods whose result is the resource, so the operation ends with a GET of it:
# https://github.com/Azure/autorest/blob/main/docs/extensions/readme.md#x-ms-long-running-operation-options
RETURNS_RESOURCE = {"PUT", "PATCH"}
# The terminal states of ARM, to which "Cancelled" is added as a misspelling; every other state means in progress.
# https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/async-operations#provisioningstate-values
TERMINAL = {"succeeded": "Succeeded", "failed": "Failed", "canceled": "Canceled", "cancelled": "Canceled"}
# When to stop polling if neither the caller nor ARM sets a limit.
DEFAULT_OPERATION_TIMEOUT = timedelta(hours=1)
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 3.0, 30.0


class Outcome(StrEnum):
    """How an operation ended. `ERROR` is this client's: ARM refused the request, or the status could not be read."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    ERROR = "error"


@dataclass(frozen=True)
class PollState:
    """Everything to keep between two requests of an operation.

    `monitor_url` is from the header Azure-AsyncOperation, `result_url` from Location. While `confirming`, the monitor
    has reported success and a final GET fetches the result. `faults` and `unreadable` count consecutive responses.
    """

    method: str = "PUT"
    monitor_url: str = ""
    result_url: str = ""
    confirming: bool = False
    confirmations: int = 0
    faults: int = 0
    unreadable: int = 0

    def next_url(self, resource_url: str) -> str:
        if self.confirming:
            return resource_url if self.method in RETURNS_RESOURCE else self.result_url
        return self.monitor_url or self.result_url or resource_url


@dataclass(frozen=True)
class InProgress:
    """Poll again after `wait` seconds; None leaves the interval to the caller.

    `status` is ARM's own, `resource` the resource if the response contained it. `fault` says why the response had no
    status.
    """

    state: PollState
    wait: float | None = None
    status: str = ""
    resource: dict[str, Any] | None = None
    fault: str = ""


@dataclass(frozen=True)
class Retry:
    """Send the request again. `may_have_arrived` is only ever true for an idempotent method."""

    wait: float | None
    may_have_arrived: bool
    fault: str


@dataclass(frozen=True)
class Done:
    """The operation has ended. `body` is the resource after a PUT or PATCH, and any JSON value after a POST.

    `outcome_unknown` accompanies an error after which ARM may or may not have acted on the request.
    """

    outcome: Outcome
    body: Any = None
    error: ArmError | None = None
    outcome_unknown: bool = False

    @property
    def resource(self) -> dict[str, Any] | None:
        return self.body if isinstance(self.body, dict) else None


def error_of(response: ArmResult) -> ArmError:
    """The error to report when retries end with this response."""
    if isinstance(response, ArmResponse):
        return ArmError.from_response(response)
    return ArmError("ConnectionLost", response.reason, 0, {})


def pause(polls: int) -> float:
    """Seconds until the next poll without Retry-After, after so many polls with the same status."""
    return min(MAX_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 1.2 ** min(polls, 20))


def pause_after_fault(faults: int) -> float:
    """Seconds until the next attempt without Retry-After, after so many consecutive transient faults.

    Exponential back-off: https://learn.microsoft.com/en-us/azure/architecture/patterns/retry
    """
    return min(2 * MAX_PAUSE_SECONDS, 2.0 ** min(faults, 10))
