"""Claim the operations that are due, send their calls concurrently, record what came of each.

A lease is a column of the row: whoever holds it may write, and a worker that lost it writes nothing. It outlasts the
longest call, so a row of a killed worker is taken up again and never worked on twice at once.
"""

import logging
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts import audit
from accounts.models import User
from accounts.policy import Action, may
from accounts.tokens import ROLES_GOOD_FOR, NeedsSignIn, TokenUnavailable, arm_token
from endpoints import advance
from endpoints.arm.budget import READS, WRITES, Account, Budget
from endpoints.arm.http import Answer, Call, Lost
from endpoints.arm.operations import Outcome
from endpoints.azure import arm_http, endpoint_url
from endpoints.models import Endpoint, Event, Operation
from endpoints.states import Phase, State, Urgency

logger = logging.getLogger(__name__)

BATCH = 32
# What this process may still ask of Azure, by the method of the request.
BUDGETS = {"GET": Budget(READS), "PUT": Budget(WRITES)}
# A call that could not begin in this time after its lease was taken is left to the next sweep.
START_WITHIN = timedelta(seconds=10)
# Before something billable is made, the role is looked at again.
ROLES_WITHIN_AT_PUT = timedelta(minutes=5)
# Headers that support asks for, and that explain the rhythm. None of them carries a secret.
EVIDENCE = (
    "retry-after",
    "x-ms-request-id",
    "x-ms-correlation-request-id",
    "x-ms-routing-request-id",
    "x-request-time",
)


@dataclass(frozen=True)
class Step:
    operation: Operation
    call: Call
    resource_url: str
    token: str = field(repr=False)


def run_due(only: UUID | None = None, until: datetime | None = None) -> int:
    """Take steps until nothing is due, or until `until`; returns how many were taken.

    1. Claim what is due. 2. Give each row its token; park or postpone the ones that get none. 3. Write the intent
    of each PUT. 4. Send all calls concurrently. 5. Record each answer, if the lease is still ours.
    """
    taken = 0
    while operations := _claim(timezone.now(), only):
        for step, reply in _send(_intend(list(_prepared(operations)))):
            _take(step, reply)
        taken += len(operations)
        if until and timezone.now() >= until:
            break
    return taken


def _lease_until(now: datetime) -> datetime:
    """A lease outlasts the longest call, if that begins within START_WITHIN."""
    longest = timedelta(seconds=settings.ARM_CONNECT_TIMEOUT_SECONDS + settings.ARM_READ_TIMEOUT_SECONDS)
    return now + START_WITHIN + longest


def _claim(now: datetime, only: UUID | None) -> list[Operation]:
    """Lease the rows that are due; two workers never get the same one."""
    free = Q(lease=None) | Q(lease_until__lte=now)
    due = Operation.objects.filter(free, next_step_at__lte=now).order_by("next_step_at")
    due = due.filter(pk=only) if only else due
    if not due.exists():
        return []  # an idle sweep takes no lock
    lease, lease_until = uuid4(), _lease_until(now)
    with transaction.atomic():
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True)
        ids = list(due.values_list("pk", flat=True)[:BATCH])
        Operation.objects.filter(free, pk__in=ids, next_step_at__lte=now).update(lease=lease, lease_until=lease_until)
    claimed = Operation.objects.filter(lease=lease).select_related("endpoint__workspace", "asked_by")
    return list(claimed)


def _prepared(operations: list[Operation]) -> Iterable[Step]:
    """Rows with a token and their next call. Rows that get no token are settled, parked or postponed here."""
    now = timezone.now()
    for operation in operations:
        try:
            yield _step(operation, now)
        except NeedsSignIn as error:
            _record(operation, advance.park(operation, str(error), error.claims, now), {}, now)
        except TokenUnavailable as error:
            _record(operation, advance.postpone(operation, str(error), now), {}, now)
        except OverBudget as error:
            _come_back(operation, now + timedelta(seconds=error.seconds))
        except RoleLost:
            message = "The person who asked for this may not create endpoints any more."
            _record(operation, advance.refuse(operation, "RoleLost", message, now), {}, now)
        except Exception:
            logger.exception("Operation %s could not be prepared", operation.pk)
            why = "Endpoint Desk could not take the next step."
            _record(operation, advance.postpone(operation, why, now), {}, now)


class RoleLost(Exception):
    """The person who asked may not do this any more."""


class OverBudget(Exception):
    """ARM would soon refuse requests of this account; operations wait, and leave the rest to people and their pages."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


def _come_back(operation: Operation, when: datetime) -> None:
    mine = Operation.objects.filter(pk=operation.pk, lease=operation.lease)
    mine.update(lease=None, lease_until=None, next_step_at=when)


def _account(operation: Operation) -> Account:
    """ARM counts by identity and subscription."""
    return str(operation.asked_by_id), operation.endpoint.workspace.subscription_id.lower()


def _step(operation: Operation, now: datetime) -> Step:
    person: User = operation.asked_by
    resource_url = endpoint_url(operation.endpoint.arm_id)
    call = advance.plan(operation, resource_url, now)
    if seconds := BUDGETS[call.method].take(_account(operation), time.monotonic()):
        raise OverBudget(seconds)
    fresh = ROLES_WITHIN_AT_PUT if call.method == "PUT" else ROLES_GOOD_FOR
    token = arm_token(person, force_refresh=operation.wants_fresh_token, roles_within=fresh)
    if call.method == "PUT" and not may(person, Action.CREATE_ENDPOINT):
        raise RoleLost
    return Step(operation, call, resource_url, token)


def _intend(steps: list[Step]) -> list[Step]:
    """Write that a PUT is leaving before it leaves: after a crash the row says that Azure may hold something.

    Returns the steps whose rows are still ours: getting their tokens may have taken longer than the lease.
    """
    if not steps:
        return []
    now, lease = timezone.now(), steps[0].operation.lease
    mine = Operation.objects.filter(pk__in=[step.operation.pk for step in steps], lease=lease)
    with transaction.atomic():
        mine.update(lease_until=_lease_until(now))
        leaving = [step.operation.pk for step in steps if step.call.method == "PUT"]
        mine.filter(pk__in=leaving).update(phase=Phase.SENDING, sends=F("sends") + 1)
        Endpoint.objects.filter(operations__in=mine.filter(pk__in=leaving), sent_at=None).update(sent_at=now)
        held = set(mine.values_list("pk", flat=True))
    return [step for step in steps if step.operation.pk in held]


def _send(steps: list[Step]) -> Iterable[tuple[Step, Future[Answer | Lost]]]:
    """Replies in the order in which they come."""
    start_before = timezone.now() + START_WITHIN
    futures = {_pool().submit(_call, step, start_before): step for step in steps}
    for future in as_completed(futures):
        yield futures[future], future


def _call(step: Step, start_before: datetime) -> Answer | Lost:
    if timezone.now() > start_before:
        return Lost("Other calls to Azure took too long.", False, 0)
    reply = arm_http().send(step.call, step.token, step.operation.correlation_id)
    if isinstance(reply, Answer):
        BUDGETS[step.call.method].learn(_account(step.operation), reply, time.monotonic())
    return reply


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings.ARM_CONCURRENCY, thread_name_prefix="arm")


def _take(step: Step, reply: Future[Answer | Lost]) -> None:
    """Conclude and record one row; a row that raises does not stop the others and is taken up again later."""
    now, evidence = timezone.now(), {}
    try:
        evidence = _evidence(step.call, reply.result())
        change = advance.conclude(step.operation, step.call, step.resource_url, reply.result(), now)
    except Exception:
        logger.exception("Operation %s could not be advanced", step.operation.pk)
        change = advance.postpone(step.operation, "Endpoint Desk could not read Azure's answer.", now)
    _record(step.operation, change, evidence, now)


def _record(operation: Operation, change: advance.Change, evidence: dict[str, Any], now: datetime) -> None:
    """Write operation, endpoint and history together, unless the lease went to somebody else meanwhile."""
    with transaction.atomic():
        mine = Operation.objects.filter(pk=operation.pk, lease=operation.lease)
        if not mine.update(**change.operation, lease=None, lease_until=None):
            return
        _show(operation, change, now)
        if "settled_at" in change.operation:
            _record_end(operation, change)
        if change.text:
            before = operation.endpoint.state
            Event.objects.create(
                endpoint_id=operation.endpoint_id,
                operation_id=operation.pk,
                at=now,
                state=change.state if change.state != before else "",
                text=change.text[:500],
                evidence=evidence,
            )


def _record_end(operation: Operation, change: advance.Change) -> None:
    """Complete in the audit log what was attempted when the person asked for it."""
    audit.record(
        "endpoint-created",
        request=None,
        actor=operation.asked_by,
        target=operation.endpoint.arm_id,
        outcome="done" if change.operation["outcome"] == Outcome.SUCCEEDED else "failed",
        details={"reason": change.reason} if change.reason else None,
        correlation_id=str(operation.correlation_id),
    )


def _show(operation: Operation, change: advance.Change, now: datetime) -> None:
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


def _evidence(call: Call, reply: Answer | Lost) -> dict[str, Any]:
    """What was asked and answered, without tokens, bodies and signed queries."""
    evidence: dict[str, Any] = {"method": call.method, "path": call.path, "milliseconds": reply.milliseconds}
    if isinstance(reply, Lost):
        return {**evidence, "lost": reply.reason}
    headers = {name: reply.headers[name] for name in EVIDENCE if name in reply.headers}
    return {**evidence, "status": reply.status, "headers": headers}
