"""Write what came of a step: operation, endpoint and history together, by whoever still holds the lease."""

import traceback
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from accounts.models import User
from accounts.redaction import redact
from endpoints import history
from endpoints.arm.http import ArmRequest, ArmResponse, NoResponse
from endpoints.arm.operations import Outcome
from endpoints.engine.leases import RELEASED, still_leased
from endpoints.engine.update import RowUpdate
from endpoints.models import Endpoint, Operation
from endpoints.states import State, Urgency

# Headers that support asks for, and that explain the rhythm. None of them carries a secret.
EVIDENCE = (
    "retry-after",
    "x-ms-request-id",
    "x-ms-correlation-request-id",
    "x-ms-routing-request-id",
    "x-request-time",
)
# Rows that are written together come again together, so their times are spread in slices of so many.
SLICE = 25


def record(operation: Operation, change: RowUpdate, evidence: dict[str, Any], now: datetime) -> bool:
    """Write one change; False when the lease went to somebody else meanwhile, and nothing was written."""
    with transaction.atomic():
        if not still_leased([operation]).update(**change.operation, **RELEASED):
            return False
        _show(operation, change, now)
        if change.is_end:
            history.close_audit_entry(operation, Outcome(change.operation["outcome"]), change.reason)
        if change.text:
            before = operation.endpoint.state
            state = change.state if change.state != before else ""
            history.add_event(operation, change.text, now, state=state, evidence=evidence)
    if change.operation.get("needs_sign_in"):
        _resume_if_signed_in_meanwhile(operation, now)
    return True


def record_unchanged(changes: Iterable[tuple[Operation, RowUpdate]], now: datetime) -> None:
    """Write changes in which nothing but the time has changed, many rows with one statement."""
    together: dict[tuple[Any, ...], list[tuple[Operation, RowUpdate]]] = defaultdict(list)
    for operation, change in changes:
        seconds = round((change.operation["next_step_at"] - now).total_seconds())
        together[operation.lease, change.operation["has_retry_after"], seconds].append((operation, change))
    endpoints = [operation.endpoint_id for rows in together.values() for operation, _ in rows]
    with transaction.atomic():
        for rows in together.values():
            for first in range(0, len(rows), SLICE):
                _write_unchanged(rows[first : first + SLICE])
        Endpoint.objects.filter(pk__in=endpoints).update(confirmed_at=now, version=F("version") + 1)


def defer_for_rate_limit(operations: Sequence[Operation], wait: float, refill: float, now: datetime) -> None:
    """Give rows back that Azure's budget has no room for.

    The first comes again in `wait` seconds, and `refill` a second after it.
    """
    for first in range(0, len(operations), SLICE):
        when = now + timedelta(seconds=wait + first / refill)
        still_leased(operations[first : first + SLICE]).update(**RELEASED, next_step_at=when)


def evidence_of(request: ArmRequest, response: ArmResponse | NoResponse) -> dict[str, Any]:
    """What was asked and answered, without tokens, bodies and signed queries."""
    evidence: dict[str, Any] = {"method": request.method, "path": request.path, "milliseconds": response.milliseconds}
    if isinstance(response, NoResponse):
        return {**evidence, "lost": response.reason}
    headers = {name: response.headers[name] for name in EVIDENCE if name in response.headers}
    return {**evidence, "status": response.status, "headers": headers}


def evidence_of_exception(error: BaseException) -> dict[str, Any]:
    """Where the program stumbled, without what may be a secret."""
    return {"traceback": redact("".join(traceback.format_exception(error)))[-20_000:]}


def _write_unchanged(rows: list[tuple[Operation, RowUpdate]]) -> None:
    columns = {
        **rows[0][1].operation,
        "polls": F("polls") + 1,
        "next_step_at": max(change.operation["next_step_at"] for _, change in rows),
    }
    still_leased([operation for operation, _ in rows]).update(**columns, **RELEASED)


def _resume_if_signed_in_meanwhile(operation: Operation, now: datetime) -> None:
    """A sign-in lets go on what is parked, and this was not parked yet when its person signed in during the step."""
    signed_in = User.objects.values_list("last_login", flat=True).get(pk=operation.requested_by_id)
    if signed_in and operation.next_step_at and signed_in > min(operation.next_step_at, now):
        parked = Operation.objects.filter(pk=operation.pk, needs_sign_in=True)
        parked.update(needs_sign_in=False, claims="", next_step_at=max(now, signed_in))


def _show(operation: Operation, change: RowUpdate, now: datetime) -> None:
    """Bring the endpoint's row to the state of the change."""
    columns: dict[str, Any] = {**change.endpoint, "version": F("version") + 1}
    if change.confirmed:
        columns["confirmed_at"] = now
    if (change.state, change.reason) != (operation.endpoint.state, operation.endpoint.reason):
        columns |= {"state": change.state, "reason": change.reason[:300], "changed_at": now}
        columns["urgency"] = Urgency.of(State(change.state))
    if change.state != operation.endpoint.state:
        columns["state_since"] = now
    Endpoint.objects.filter(pk=operation.endpoint_id).update(**columns)
