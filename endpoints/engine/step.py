"""One step of an operation: from its row and Azure's response to the next row.

`plan` names the one request that is due, `conclude` reads its response. Neither reads a clock or the network, and both
depend on the rows alone; `calls.py` sends the requests, `record.py` writes the updates. `precheck.py` reads the
resource before a request is sent, and after one whose response was lost: `creation.py` proves that a name is free,
`deletion.py` that an endpoint is gone, and `replacement.py` ends an operation on an endpoint that others have replaced.

The rules are those of Azure Resource Manager's asynchronous operations:
https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/async-operations
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from endpoints.arm.challenge import claims_challenge
from endpoints.arm.http import ArmRequest, ArmResponse, ArmResult
from endpoints.engine.creation import on_list_read, reads_list
from endpoints.engine.leases import UNPROVED
from endpoints.engine.poll_response import on_poll
from endpoints.engine.precheck import on_precheck
from endpoints.engine.replacement import on_replaced, replacement
from endpoints.engine.send_response import on_send
from endpoints.engine.update import (
    RowUpdate,
    client_error,
    is_past_deadline,
    must_give_up,
    poll_state,
    settle,
    target_url,
    try_again,
    working_state,
)
from endpoints.models import Operation
from endpoints.states import Phase, State

# When to try an operation again that raised: its cause is in this program or in a response, and neither changes soon.
QUARANTINE_FOR = timedelta(minutes=15)


def plan(operation: Operation, resource_url: str, now: datetime) -> ArmRequest:
    """The one request to Azure that is due next."""
    if operation.phase == Phase.CLEAR:
        return ArmRequest(operation.spec.method, target_url(operation, resource_url), operation.body)
    if reads_list(operation):
        return ArmRequest("GET", _list_url(resource_url))
    if operation.phase in {Phase.FOLLOWING, Phase.CONFIRMING} and not is_past_deadline(operation, now):
        return ArmRequest("GET", poll_state(operation).next_url(resource_url) or resource_url)
    return ArmRequest("GET", resource_url)


def _list_url(resource_url: str) -> str:
    path, separator, query = resource_url.partition("?")
    return f"{path.rpartition('/')[0]}{separator}{query}"


def conclude(
    operation: Operation,
    request: ArmRequest,
    resource_url: str,
    response: ArmResult,
    now: datetime,
    more_pages: Sequence[ArmResult] = (),
) -> RowUpdate:
    """The update of the row after the response to `plan`'s request, which for a list has more pages."""
    if isinstance(response, ArmResponse) and response.status == 401:
        return _on_unauthorized(operation, response, now)
    if reads_list(operation):
        update = on_list_read(operation, [response, *more_pages], now)
    else:
        update = _read(operation, request, resource_url, response, now)
    # Azure accepted the token, so that the next one may come from the cache again.
    return replace(update, operation={**update.operation, "force_token_refresh": False})


def _read(
    operation: Operation, request: ArmRequest, resource_url: str, response: ArmResult, now: datetime
) -> RowUpdate:
    if request.method != "GET":
        return on_send(operation, request.url, response, now)
    if request.url == resource_url and (resource := replacement(operation, response)):
        return on_replaced(operation, resource, now)
    if operation.phase in {Phase.QUEUED, Phase.SENDING}:
        return on_precheck(operation, response, now)
    return on_poll(operation, resource_url, response, now)


def park(operation: Operation, reason: str, claims: str, now: datetime) -> RowUpdate:
    """Wait until the user signs in; nothing is due before."""
    columns = {"next_step_at": None, "needs_sign_in": True, "claims": claims, "force_token_refresh": False}
    return _proving_again(operation, RowUpdate(columns, State.NEEDS_SIGN_IN, reason, text=reason, confirmed=False))


def retry_later(operation: Operation, reason: str, now: datetime) -> RowUpdate:
    """Nothing could be sent for now."""
    return _proving_again(operation, try_again(operation, None, reason, now))


def quarantine(operation: Operation, now: datetime) -> RowUpdate:
    """Keep an operation that raised away from the others for a while."""
    if must_give_up(operation, now):
        failed = client_error("NotFollowed", "Endpoint Desk could not continue with this operation.")
        return settle(operation, failed, now)
    columns = {"next_step_at": now + QUARANTINE_FOR, "has_retry_after": False}
    reason = f"Endpoint Desk could not continue. Trying again in {QUARANTINE_FOR.seconds // 60} minutes."
    return _proving_again(operation, RowUpdate(columns, State.UNKNOWN, reason, text=reason, confirmed=False))


def refuse(operation: Operation, code: str, message: str, now: datetime) -> RowUpdate:
    """End an operation that the dashboard no longer allows."""
    return settle(operation, client_error(code, message), now)


def _proving_again(operation: Operation, update: RowUpdate) -> RowUpdate:
    """By the time that the request may leave, Azure may hold another endpoint under the name."""
    return replace(update, operation={**UNPROVED, **update.operation}) if operation.phase == Phase.CLEAR else update


def _on_unauthorized(operation: Operation, response: ArmResponse, now: datetime) -> RowUpdate:
    """Azure rejected the token and did nothing: get a new one once, then park.

    https://learn.microsoft.com/en-us/entra/identity-platform/claims-challenge
    """
    if claims := claims_challenge(response):
        reason = "Azure requires a stronger sign-in, such as multifactor authentication."
        update = park(operation, reason, claims, now)
    elif operation.force_token_refresh:
        update = park(operation, "Azure rejected the sign-in.", "", now)
    else:
        columns = {"next_step_at": now, "force_token_refresh": True}
        update = RowUpdate(columns, working_state(operation), operation.endpoint.reason, confirmed=False)
    # The row says "sending" since before the request left; nothing of it was carried out.
    phase = update.operation.get("phase", operation.phase)
    return replace(update, operation={**update.operation, "phase": phase})
