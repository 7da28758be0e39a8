"""Reading the answers of a long-running operation: from what is state and what ARM answered to what is held next.

Pure: no clock, no network, no database. The rules are those of ARM's public contract for asynchronous operations, for
PUT, PATCH, DELETE and POST.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from endpoints.arm.errors import ArmError
from endpoints.arm.headers import retry_after
from endpoints.arm.http import ArmResponse, ArmResult, NoResponse
from endpoints.arm.origin import ForeignOrigin, resolve

ACCEPTED = {200, 201, 202, 204}
TRANSIENT = {408, 429, 500, 502, 503, 504}
# Sending one of these twice does what sending it once does.
REPEATABLE = {"PUT", "DELETE"}
# Their result is the resource, so that is what is read in the end.
RESOURCEFUL = {"PUT", "PATCH"}
MAX_UNREADABLE = 3
MAX_CONFIRMATIONS = 3
TERMINAL = {"succeeded": "Succeeded", "failed": "Failed", "canceled": "Canceled", "cancelled": "Canceled"}
# How long an operation is followed if neither the caller nor ARM sets a limit.
DEFAULT_OPERATION_TIMEOUT = timedelta(hours=1)
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 3.0, 30.0


class Outcome(StrEnum):
    """How an operation ended. `ERROR` is not ARM's: the request was refused, or its status could not be learnt."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    ERROR = "error"


@dataclass(frozen=True)
class PollState:
    """All that has to be kept between two calls. `faults` and `unreadable` count in a row.

    `confirming` says that the monitor told success and one more GET brings the result.
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
            return resource_url if self.method in RESOURCEFUL else self.result_url
        return self.monitor_url or self.result_url or resource_url


@dataclass(frozen=True)
class InProgress:
    """Ask again, not before `wait` seconds; None leaves the rhythm to the caller.

    `status` is ARM's own for the state, `resource` the resource if the answer was one, `fault` why nothing was learnt.
    """

    state: PollState
    wait: float | None = None
    status: str = ""
    resource: dict[str, Any] | None = None
    fault: str = ""


@dataclass(frozen=True)
class Retry:
    """ARM did not take the request, or perhaps did: `may_have_arrived` only ever with a method that is repeatable."""

    wait: float | None
    may_have_arrived: bool
    fault: str


@dataclass(frozen=True)
class Done:
    """The end. `body` is the result: the resource of a PUT or PATCH, any JSON value of a POST.

    `outcome_unknown` goes with an error after which nobody knows whether ARM acted on the request.
    """

    outcome: Outcome
    body: Any = None
    error: ArmError | None = None
    outcome_unknown: bool = False

    @property
    def resource(self) -> dict[str, Any] | None:
        return self.body if isinstance(self.body, dict) else None


def begin(method: str, response: ArmResult, resource_url: str, final_state_via: str = "") -> InProgress | Retry | Done:
    """Read the first answer to a PUT, PATCH, DELETE or POST; it decides the way, which does not change later.

    `final_state_via` is the API definition's, and only asked for a POST that answers with both URLs.
    """
    if isinstance(response, NoResponse):
        return _retry(method, None, response.may_have_arrived, response.reason, error_of(response))
    if response.status in TRANSIENT:
        fault = f"Azure answered {response.status}."
        return _retry(method, retry_after(response), response.status != 429, fault, error_of(response))
    if response.status not in ACCEPTED:
        return Done(Outcome.ERROR, error=ArmError.from_response(response))
    try:
        state = _polling_method(method, response, resource_url, final_state_via)
    except ForeignOrigin as error:
        return _broken("ForeignOrigin", str(error))
    if state.monitor_url or state.result_url:
        return InProgress(state, retry_after(response), _provisioning_state(response.object), _resource(response))
    if method in RESOURCEFUL:
        return _read_first(state, response)
    if response.status == 202:
        return _broken("NoPollingUrl", "Azure accepted the request and did not say where its status can be read.")
    if method == "POST" and _is_garbled(response):
        return _unreadable_end(response)
    return Done(Outcome.SUCCEEDED, response.json)


def follow(state: PollState, response: ArmResult, resource_url: str) -> InProgress | Done:
    """Read the answer to a GET of `state.next_url(resource_url)`."""
    if isinstance(response, NoResponse):
        return _fault(state, None, response.reason)
    if response.status in TRANSIENT:
        return _fault(state, retry_after(response), f"Azure answered {response.status}.")
    state = replace(state, faults=0)
    try:
        if state.confirming and state.method in RESOURCEFUL:
            return _read_confirmation(state, response)
        if state.monitor_url and not state.confirming:
            return _read_monitor(state, response)
        if state.result_url:
            return _read_result(state, response)
    except ForeignOrigin as error:
        return _broken("ForeignOrigin", str(error))
    return _read_resource(state, response)


def error_of(response: ArmResponse | NoResponse) -> ArmError:
    """What to say when the tries end with this response."""
    return (
        ArmError.from_response(response)
        if isinstance(response, ArmResponse)
        else ArmError("ConnectionLost", response.reason, 0, {})
    )


def pause(polls: int) -> float:
    """Seconds before the next read when ARM names none, after so many reads in a row that told the same."""
    return min(MAX_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 1.2 ** min(polls, 20))


def pause_after_fault(faults: int) -> float:
    """Seconds before a request is repeated when ARM names none, after so many transient faults in a row."""
    return min(2 * MAX_PAUSE_SECONDS, 2.0 ** min(faults, 10))


def _retry(method: str, wait: float | None, may_have_arrived: bool, fault: str, error: ArmError) -> Retry | Done:
    if may_have_arrived and method not in REPEATABLE:
        return Done(Outcome.ERROR, error=error, outcome_unknown=True)
    return Retry(wait, may_have_arrived, fault)


def _polling_method(method: str, response: ArmResponse, resource_url: str, final_state_via: str) -> PollState:
    """Monitor before result URL before the resource itself."""
    monitor = response.headers.get("azure-asyncoperation", "").strip()
    location = response.headers.get("location", "").strip()
    if monitor and response.status != 204:
        state = PollState(method, monitor_url=resolve(monitor, resource_url))
        if method == "POST" and location and final_state_via != "azure-async-operation":
            state = replace(state, result_url=resolve(location, resource_url))
        return state
    if location and response.status in {201, 202}:
        return PollState(method, result_url=resolve(location, resource_url))
    return PollState(method)


def _read_first(state: PollState, response: ArmResponse) -> InProgress | Done:
    """A PUT or PATCH answered without any URL to poll: the resource tells, now or later."""
    status = _provisioning_state(response.object)
    end = _terminal(status)
    if end and response.status != 202:
        return _ended(state, end, response.object)
    if status or response.status in {201, 202}:
        return InProgress(state, retry_after(response), status, _resource(response))
    if response.is_empty:
        return Done(Outcome.SUCCEEDED)
    if not isinstance(response.json, dict) or _is_garbled(response):
        return _unreadable_end(response)
    return Done(Outcome.SUCCEEDED, response.object)


def _read_monitor(state: PollState, response: ArmResponse) -> InProgress | Done:
    if response.status not in ACCEPTED:
        return Done(Outcome.ERROR, error=ArmError.from_response(response))
    status = response.object.get("status")
    if not isinstance(status, str) or not status:
        return _unreadable(state, response)
    if moved := response.headers.get("azure-asyncoperation", "").strip():
        state = replace(state, monitor_url=_moved(state.monitor_url, moved))
    state = replace(state, unreadable=0)
    end = _terminal(status)
    if end != "Succeeded":
        return _ended(state, end, response.object) if end else InProgress(state, retry_after(response), status)
    if state.method in RESOURCEFUL or state.result_url:
        return InProgress(replace(state, confirming=True), 0, status)
    return Done(Outcome.SUCCEEDED, response.json if state.method == "POST" else None)


def _read_confirmation(state: PollState, response: ArmResponse) -> InProgress | Done:
    """The final GET. The monitor's verdict stands, so a resource that lags is read again, then taken."""
    if response.status != 200:
        return Done(Outcome.ERROR, error=ArmError.from_response(response))
    if not isinstance(response.json, dict):
        return _unreadable(state, response)
    status = _provisioning_state(response.object)
    if status and not _terminal(status) and state.confirmations < MAX_CONFIRMATIONS:
        again = replace(state, confirmations=state.confirmations + 1, unreadable=0)
        return InProgress(again, retry_after(response), status, response.object)
    return Done(Outcome.SUCCEEDED, response.object)


def _read_result(state: PollState, response: ArmResponse) -> InProgress | Done:
    if response.status == 202:
        if moved := response.headers.get("location", "").strip():
            state = replace(state, result_url=_moved(state.result_url, moved))
        return InProgress(replace(state, unreadable=0), retry_after(response), _provisioning_state(response.object))
    if response.status == 404 and state.unreadable < MAX_UNREADABLE:
        return _unreadable(state, response)  # seen right after an operation began
    if response.status not in ACCEPTED:
        # 401, 403 and 404 are about who reads, and where, not about the operation.
        failed = 400 <= response.status < 500 and response.status not in {401, 403, 404} and not state.confirming
        return Done(Outcome.FAILED if failed else Outcome.ERROR, error=ArmError.from_response(response))
    if _is_garbled(response):
        return _unreadable(state, response)
    status = _provisioning_state(response.object) or _status_of_delete(state, response.object)
    if status and not _terminal(status):
        return InProgress(replace(state, unreadable=0), retry_after(response), status, _resource(response))
    return _ended(state, _terminal(status) or "Succeeded", response.json)


def _read_resource(state: PollState, response: ArmResponse) -> InProgress | Done:
    if response.status not in ACCEPTED:
        return Done(Outcome.ERROR, error=ArmError.from_response(response))
    status = _provisioning_state(response.object)
    if end := _terminal(status):
        return _ended(state, end, response.object)
    if status or response.status == 202:
        return InProgress(replace(state, unreadable=0), retry_after(response), status, _resource(response))
    if not isinstance(response.json, dict) or _is_garbled(response):
        return _unreadable(state, response)
    return Done(Outcome.SUCCEEDED, response.object)


def _ended(state: PollState, status: str, body: Any) -> Done:
    if status == "Succeeded":
        return Done(Outcome.SUCCEEDED, None if state.method == "DELETE" else body)
    document = body if isinstance(body, dict) else {}
    resource = document if "properties" in document and "status" not in document else None
    outcome = Outcome.FAILED if status == "Failed" else Outcome.CANCELED
    return Done(outcome, resource, ArmError.of_body(document, status))


def _fault(state: PollState, wait: float | None, why: str) -> InProgress:
    """Nothing was learnt, so nothing ends here; the caller's back-off and deadline bound the tries."""
    return InProgress(replace(state, faults=state.faults + 1), wait, fault=why)


def _unreadable(state: PollState, response: ArmResponse) -> InProgress | Done:
    state = replace(state, unreadable=state.unreadable + 1)
    why = f"Azure answered {response.status} with a body that tells no state."
    if state.unreadable > MAX_UNREADABLE:
        return _broken("UnreadableStatus", why)
    return InProgress(state, retry_after(response), fault=why)


def _unreadable_end(response: ArmResponse) -> Done:
    return _broken("UnreadableAnswer", f"Azure answered {response.status} with a body that cannot be read.")


def _broken(code: str, message: str) -> Done:
    return Done(Outcome.ERROR, error=ArmError(code, message, 0, {}))


def _moved(url: str, header: str) -> str:
    """Where a URL that is polled moved to. One that was only written with another slash at its end did not move."""
    moved = resolve(header, url)
    there, here = urlsplit(moved), urlsplit(url)
    same = there._replace(path=there.path.rstrip("/")) == here._replace(path=here.path.rstrip("/"))
    return url if same else moved


def _is_garbled(response: ArmResponse) -> bool:
    """Whether there is a body that tells nothing: no JSON, or a state that is no status."""
    state = _state(response.object)
    return (response.json is None and not response.is_empty) or not (state is None or isinstance(state, str))


def _terminal(status: str) -> str:
    """ARM's spelling of a terminal state, or nothing: every other status, known or not, means still running."""
    return TERMINAL.get(status.lower(), "")


def _state(body: dict[str, Any]) -> Any:
    properties = body.get("properties")
    return properties.get("provisioningState") if isinstance(properties, dict) else None


def _provisioning_state(body: dict[str, Any]) -> str:
    state = _state(body)
    return state if isinstance(state, str) else ""


def _status_of_delete(state: PollState, body: dict[str, Any]) -> str:
    """This service ends a DELETE with 200 and the status document where the contract has 204."""
    status = body.get("status") if state.method == "DELETE" else None
    return status if isinstance(status, str) else ""


def _resource(response: ArmResponse) -> dict[str, Any] | None:
    return response.object or None
