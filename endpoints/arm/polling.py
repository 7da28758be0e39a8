"""Read the responses of a long-running operation, and decide what to send next.

Pure functions without a clock, network or database. They implement the public contract of ARM for PUT, PATCH, DELETE
and POST:
https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/async-operations
https://github.com/cloud-and-ai-microsoft/resource-provider-contract/blob/master/v1.0/async-api-reference.md
"""

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from endpoints.arm.errors import ArmError
from endpoints.arm.headers import retry_after
from endpoints.arm.http import ArmResponse, ArmResult, NoResponse
from endpoints.arm.json_fields import JsonObject
from endpoints.arm.operations import (
    IDEMPOTENT,
    RETURNS_RESOURCE,
    TRANSIENT,
    Done,
    InProgress,
    Outcome,
    PollState,
    Retry,
    error_of,
)
from endpoints.arm.origin import ForeignOrigin, resolve
from endpoints.arm.statuses import is_garbled, monitor_status, provisioning_state, terminal_status

# https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/async-operations#status-codes-for-asynchronous-operations
ACCEPTED = {200, 201, 202, 204}
MAX_UNREADABLE = 3
MAX_CONFIRMATIONS = 3


def begin(method: str, response: ArmResult, resource_url: str, final_state_via: str = "") -> InProgress | Retry | Done:
    """Read the response to a PUT, PATCH, DELETE or POST. It determines the polling method for the whole operation.

    `final_state_via` is from the API definition, and matters for a POST with both polling URLs only:
    https://github.com/Azure/autorest/blob/main/docs/extensions/readme.md#x-ms-long-running-operation-options
    """
    if isinstance(response, NoResponse):
        return _retry(method, None, response.may_have_arrived, response.reason, error_of(response))
    if response.status in TRANSIENT:
        # A 429 is returned instead of processing the request: https://www.rfc-editor.org/rfc/rfc6585#section-4
        may_have_arrived = response.status != 429
        return _retry(method, retry_after(response), may_have_arrived, _fault_of(response), error_of(response))
    if response.status not in ACCEPTED:
        return Done(Outcome.ERROR, error=ArmError.from_response(response))
    try:
        state = _polling_method(method, response, resource_url, final_state_via)
    except ForeignOrigin as error:
        return client_error("ForeignOrigin", str(error))
    if state.monitor_url or state.result_url:
        return InProgress(state, retry_after(response), provisioning_state(response.object), _resource(response))
    if method in RETURNS_RESOURCE:
        return _begin_with_resource(state, response)
    return _begin_without_url(method, response)


def follow(state: PollState, response: ArmResult, resource_url: str) -> InProgress | Done:
    """Read the response to a GET of `state.next_url(resource_url)`."""
    if isinstance(response, NoResponse):
        return _fault(state, None, response.reason)
    if response.status in TRANSIENT:
        return _fault(state, retry_after(response), _fault_of(response))
    state = replace(state, faults=0)
    try:
        if state.confirming and state.method in RETURNS_RESOURCE:
            return _read_confirmation(state, response)
        if state.monitor_url and not state.confirming:
            return _read_monitor(state, response)
        if state.result_url:
            return _read_result(state, response)
    except ForeignOrigin as error:
        return client_error("ForeignOrigin", str(error))
    return _read_resource(state, response)


def _retry(method: str, wait: float | None, may_have_arrived: bool, fault: str, error: ArmError) -> Retry | Done:
    if may_have_arrived and method not in IDEMPOTENT:
        return Done(Outcome.ERROR, error=error, outcome_unknown=True)
    return Retry(wait, may_have_arrived, fault)


def _polling_method(method: str, response: ArmResponse, resource_url: str, final_state_via: str) -> PollState:
    """Prefer the monitor to the result URL, and that to the resource.

    https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/async-operations#url-to-monitor-status
    """
    monitor = response.headers.get("azure-asyncoperation", "").strip()
    location = response.headers.get("location", "").strip()
    if monitor and response.status != 204:
        state = PollState(method, monitor_url=resolve(monitor, resource_url))
        # The result of a POST is at its Location, unless the API definition has it in the monitor.
        # https://github.com/cloud-and-ai-microsoft/resource-provider-contract/blob/master/v1.0/async-api-reference.md#call-action-post-asynchronously
        if method == "POST" and location and final_state_via != "azure-async-operation":
            state = replace(state, result_url=resolve(location, resource_url))
        return state
    if location and response.status in {201, 202}:
        return PollState(method, result_url=resolve(location, resource_url))
    return PollState(method)


def _begin_with_resource(state: PollState, response: ArmResponse) -> InProgress | Done:
    """Without a polling URL, the provisioningState of the resource decides; a resource without one is done.

    https://github.com/cloud-and-ai-microsoft/resource-provider-contract/blob/master/v1.0/async-api-reference.md#provisioningstate-property
    """
    status = provisioning_state(response.object)
    terminal = terminal_status(status)
    if terminal and response.status != 202:
        return _done(state, terminal, response.object)
    if status or response.status in {201, 202}:
        return InProgress(state, retry_after(response), status, _resource(response))
    if response.is_empty:
        return Done(Outcome.SUCCEEDED)
    if not isinstance(response.json, dict) or is_garbled(response):
        return _unreadable_result(response)
    return Done(Outcome.SUCCEEDED, response.object)


def _begin_without_url(method: str, response: ArmResponse) -> Done:
    """A DELETE or POST is done at once, unless it is a 202, which needs a Location.

    https://github.com/cloud-and-ai-microsoft/resource-provider-contract/blob/master/v1.0/async-api-reference.md#202-accepted-and-location-headers
    """
    if response.status == 202:
        return client_error("NoPollingUrl", "Azure accepted the request but returned no URL to poll.")
    if method == "POST" and is_garbled(response):
        return _unreadable_result(response)
    return Done(Outcome.SUCCEEDED, response.json)


def _read_monitor(state: PollState, response: ArmResponse) -> InProgress | Done:
    """Read the operation resource. A 4xx on reading it is not a failure of the operation.

    https://github.com/cloud-and-ai-microsoft/resource-provider-contract/blob/master/v1.0/async-api-reference.md#azure-asyncoperation-resource-format
    """
    if response.status not in ACCEPTED:
        return Done(Outcome.ERROR, error=ArmError.from_response(response))
    status = monitor_status(response.object)
    if not status:
        return _unreadable(state, response)
    state = replace(state, monitor_url=_moved(state.monitor_url, response, "azure-asyncoperation"), unreadable=0)
    terminal = terminal_status(status)
    if not terminal:
        return InProgress(state, retry_after(response), status)
    if terminal != "Succeeded":
        return _done(state, terminal, response.object)
    if state.method in RETURNS_RESOURCE or state.result_url:
        return InProgress(replace(state, confirming=True), 0, status)
    return Done(Outcome.SUCCEEDED, response.json if state.method == "POST" else None)


def _read_confirmation(state: PollState, response: ArmResponse) -> InProgress | Done:
    """Read the final GET. The monitor has reported success, so a resource that lags behind is accepted in the end."""
    if response.status != 200:
        return Done(Outcome.ERROR, error=ArmError.from_response(response))
    if not isinstance(response.json, dict):
        return _unreadable(state, response)
    status = provisioning_state(response.object)
    if status and not terminal_status(status) and state.confirmations < MAX_CONFIRMATIONS:
        state = replace(state, confirmations=state.confirmations + 1, unreadable=0)
        return InProgress(state, retry_after(response), status, response.object)
    return Done(Outcome.SUCCEEDED, response.object)


def _read_result(state: PollState, response: ArmResponse) -> InProgress | Done:
    """Read the result URL: 202 while in progress, then the response that a synchronous operation would have had.

    https://github.com/cloud-and-ai-microsoft/resource-provider-contract/blob/master/v1.0/async-api-reference.md#202-accepted-and-location-headers
    """
    if response.status == 202:
        state = replace(state, result_url=_moved(state.result_url, response, "location"), unreadable=0)
        return InProgress(state, retry_after(response), provisioning_state(response.object))
    if response.status not in ACCEPTED:
        return _read_refused_result(state, response)
    if is_garbled(response):
        return _unreadable(state, response)
    status = provisioning_state(response.object)
    if not status and state.method == "DELETE":
        # This service ends a DELETE with 200 and an operation resource, where the contract has an empty body.
        status = monitor_status(response.object)
    if status and not terminal_status(status):
        return InProgress(replace(state, unreadable=0), retry_after(response), status, _resource(response))
    return _done(state, terminal_status(status) or "Succeeded", response.json)


def _read_refused_result(state: PollState, response: ArmResponse) -> InProgress | Done:
    """Read an error at the result URL. It is the operation's own, unless it is about access to the URL."""
    if response.status == 404 and state.unreadable < MAX_UNREADABLE:
        return _unreadable(state, response)  # some result URLs are not there yet when the operation begins
    is_result = 400 <= response.status < 500 and response.status not in {401, 403, 404} and not state.confirming
    return Done(Outcome.FAILED if is_result else Outcome.ERROR, error=ArmError.from_response(response))


def _read_resource(state: PollState, response: ArmResponse) -> InProgress | Done:
    """Read the resource itself, until its provisioningState is terminal or absent.

    https://github.com/cloud-and-ai-microsoft/resource-provider-contract/blob/master/v1.0/async-api-reference.md#provisioningstate-property
    """
    if response.status not in ACCEPTED:
        return Done(Outcome.ERROR, error=ArmError.from_response(response))
    status = provisioning_state(response.object)
    if terminal := terminal_status(status):
        return _done(state, terminal, response.object)
    if status or response.status == 202:
        return InProgress(replace(state, unreadable=0), retry_after(response), status, _resource(response))
    if not isinstance(response.json, dict) or is_garbled(response):
        return _unreadable(state, response)
    return Done(Outcome.SUCCEEDED, response.object)


def _done(state: PollState, terminal: str, body: Any) -> Done:
    if terminal == "Succeeded":
        return Done(Outcome.SUCCEEDED, None if state.method == "DELETE" else body)
    document: JsonObject = body if isinstance(body, dict) else {}
    resource = document if "properties" in document and "status" not in document else None
    outcome = Outcome.FAILED if terminal == "Failed" else Outcome.CANCELED
    return Done(outcome, resource, ArmError.of_body(document, terminal))


def _fault(state: PollState, wait: float | None, fault: str) -> InProgress:
    """Poll again after a transient fault. The caller limits how often."""
    return InProgress(replace(state, faults=state.faults + 1), wait, fault=fault)


def _fault_of(response: ArmResponse) -> str:
    return f"Azure returned {response.status}."


def _unreadable(state: PollState, response: ArmResponse) -> InProgress | Done:
    state = replace(state, unreadable=state.unreadable + 1)
    fault = f"Azure returned {response.status} with a body that has no readable status."
    if state.unreadable > MAX_UNREADABLE:
        return client_error("UnreadableStatus", fault)
    return InProgress(state, retry_after(response), fault=fault)


def _unreadable_result(response: ArmResponse) -> Done:
    return client_error("UnreadableResponse", f"Azure returned {response.status} with an unreadable body.")


def client_error(code: str, message: str) -> Done:
    return Done(Outcome.ERROR, error=ArmError(code, message, 0, {}))


def _moved(url: str, response: ArmResponse, header: str) -> str:
    """The URL to poll next. A URL that differs by a trailing slash only has not moved."""
    location = response.headers.get(header, "").strip()
    if not location:
        return url
    moved = resolve(location, url)
    there, here = urlsplit(moved), urlsplit(url)
    is_same = there._replace(path=there.path.rstrip("/")) == here._replace(path=here.path.rstrip("/"))
    return url if is_same else moved


def _resource(response: ArmResponse) -> JsonObject | None:
    return response.object or None
