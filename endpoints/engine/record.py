"""Write the result of a step: operation, endpoint and history together, by the worker that still holds the lease."""

import logging
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F

from accounts.models import User
from accounts.redaction import redact
from endpoints import history
from endpoints.arm.http import ArmRequest, ArmResult, NoResponse
from endpoints.arm.operations import Outcome
from endpoints.engine.leases import PROOF_TTL, RELEASED, UNPROVED, proved, still_leased
from endpoints.engine.step import quarantine
from endpoints.engine.update import RowUpdate
from endpoints.models import Endpoint, EndpointCheck, Operation
from endpoints.states import State, Urgency
from endpoints.versions import bump

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Headers that Microsoft's support needs, and those that explain the pace. None of them carries a secret.
# https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/request-limits-and-throttling
EVIDENCE = (
    "retry-after",
    "x-ms-request-id",
    "x-ms-correlation-request-id",
    "x-ms-routing-request-id",
    "x-request-time",
)
# How long responses are kept in memory while the database is down.
MAX_DATABASE_OUTAGE_SECONDS = 30.0
# Rows that are written together become due together, so their times are spread over slices of this many.
SLICE = 25


def record(operation: Operation, update: RowUpdate, evidence: dict[str, Any], now: datetime) -> bool:
    """Write one update; False if another worker has the lease by now, and nothing was written."""
    with transaction.atomic():
        if not still_leased([operation]).update(**update.operation, **RELEASED):
            return False
        _update_endpoint(operation, update, now)
        if update.is_settled:
            history.close_audit_entry(operation, Outcome(update.operation["outcome"]), update.reason or update.text)
        if update.text:
            state = update.state if update.state != operation.endpoint.state else ""
            history.add_event(operation, update.text, now, state=state, evidence=evidence)
    if update.operation.get("needs_sign_in"):
        _resume_if_signed_in_meanwhile(operation, now)
    return True


def record_or_quarantine(operation: Operation, update: RowUpdate, evidence: dict[str, Any], now: datetime) -> None:
    """Record an update; a row that cannot be recorded is quarantined, so that it does not stop the others."""
    try:
        retry_while_database_is_down(partial(record, operation, update, evidence, now))
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        logger.exception("Operation %s could not be recorded", operation.pk)
        quarantined = quarantine(operation, now)
        retry_while_database_is_down(partial(record, operation, quarantined, evidence_of_exception(error), now))


def retry_while_database_is_down(query: Callable[[], T]) -> T:
    """Keep trying: a response of Azure's, once read, is worth a wait."""
    give_up_at = time.monotonic() + MAX_DATABASE_OUTAGE_SECONDS
    while True:
        try:
            return query()
        except (OperationalError, InterfaceError):
            if time.monotonic() > give_up_at:
                raise
            connection.close()
            time.sleep(0.5)


def record_unchanged(updates: Iterable[tuple[Operation, RowUpdate]], now: datetime) -> None:
    """Write updates of nothing but times, many rows with one statement."""
    groups: dict[tuple[Any, ...], list[tuple[Operation, RowUpdate]]] = defaultdict(list)
    for operation, update in updates:
        seconds = round((update.operation["next_step_at"] - now).total_seconds())
        groups[operation.lease, update.operation["has_retry_after"], seconds].append((operation, update))
    endpoints = [operation.endpoint_id for rows in groups.values() for operation, _ in rows]
    with transaction.atomic():
        for rows in groups.values():
            for first in range(0, len(rows), SLICE):
                _write_unchanged(rows[first : first + SLICE])
        Endpoint.objects.filter(pk__in=endpoints).update(**_confirmed(now))


def defer_for_rate_limit(operations: Sequence[Operation], wait: float, refill: float, now: datetime) -> None:
    """Release rows for which Azure's rate limit has no room.

    The first becomes due in `wait` seconds, then `refill` of them each second.
    """
    for first in range(0, len(operations), SLICE):
        when = now + timedelta(seconds=wait + first / refill)
        deferred = still_leased(operations[first : first + SLICE])
        if when > now + PROOF_TTL / 2:
            proved(deferred).update(**UNPROVED)
        deferred.update(**RELEASED, next_step_at=when)


def evidence_of(request: ArmRequest, response: ArmResult) -> dict[str, Any]:
    """The request and its response without tokens, bodies and signed queries."""
    evidence: dict[str, Any] = {
        "method": request.method,
        "path": request.path,
        "milliseconds": response.milliseconds,
    }
    if isinstance(response, NoResponse):
        return {**evidence, "lost": response.reason}
    headers = {name: response.headers[name] for name in EVIDENCE if name in response.headers}
    return {**evidence, "status": response.status, "headers": headers}


def evidence_of_exception(error: BaseException) -> dict[str, Any]:
    """The traceback without secrets."""
    return {"traceback": redact("".join(traceback.format_exception(error)))[-20_000:]}


def _write_unchanged(rows: list[tuple[Operation, RowUpdate]]) -> None:
    columns = {
        **rows[0][1].operation,
        "polls": F("polls") + 1,
        "next_step_at": max(update.operation["next_step_at"] for _, update in rows),
    }
    still_leased([operation for operation, _ in rows]).update(**columns, **RELEASED)


def _resume_if_signed_in_meanwhile(operation: Operation, now: datetime) -> None:
    """If the user signed in while this step ran, resume now: the sign-in signal fired before we parked."""
    signed_in = User.objects.values_list("last_login", flat=True).get(pk=operation.requested_by_id)
    if signed_in and operation.next_step_at and signed_in > min(operation.next_step_at, now):
        parked = Operation.objects.filter(pk=operation.pk, needs_sign_in=True)
        parked.update(needs_sign_in=False, claims="", next_step_at=max(now, signed_in))


def _update_endpoint(operation: Operation, update: RowUpdate, now: datetime) -> None:
    endpoint = operation.endpoint
    confirmed = _confirmed(now) if update.confirmed else {}
    columns: dict[str, Any] = {**confirmed, **update.endpoint, "version": F("version") + 1}
    if (update.state, update.reason) != (endpoint.state, endpoint.reason):
        columns |= {"state": update.state, "reason": update.reason[:300], "changed_at": now}
        columns["urgency"] = Urgency.of(State(update.state))
    if update.state != endpoint.state:
        columns["state_since"] = now
    Endpoint.objects.filter(pk=operation.endpoint_id).update(**columns)
    if update.needs_check:
        due_now = {"requested_at": now, "due_at": now}
        EndpointCheck.objects.update_or_create(endpoint_id=operation.endpoint_id, defaults=due_now)
    bump(endpoint.workspace_id)


def _confirmed(now: datetime) -> dict[str, Any]:
    return {"confirmed_at": now, "problem": "", "problem_since": None, "missing_since": None}
