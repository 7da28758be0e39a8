"""Which calls may leave now: those within ARM's rate limit that have a token and are still permitted."""

import logging
from collections import defaultdict
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from accounts.policy import Action, may
from accounts.tokens import NeedsSignIn, TokenUnavailable
from endpoints import clock
from endpoints.arm.budget import Account, Budget, Limit, blocked_for
from endpoints.arm.http import ArmResponse
from endpoints.engine.calls import Completed, PendingCall
from endpoints.engine.leases import renew
from endpoints.engine.record import (
    defer_for_rate_limit,
    evidence_of_exception,
    record_or_quarantine,
    retry_while_database_is_down,
)
from endpoints.engine.step import park, quarantine, refuse, retry_later
from endpoints.engine.tokens import TokenResult, Tokens
from endpoints.engine.update import RowUpdate
from endpoints.kinds import CREATIONS, Goal
from endpoints.models import Endpoint, Operation
from endpoints.states import Phase

logger = logging.getLogger(__name__)


def admit(
    calls: list[PendingCall], reserve: float, worker_tokens: Tokens, budget: Budget, *, for_sending: bool
) -> list[tuple[PendingCall, str]]:
    """The calls that may leave now, each with its token; the others are deferred, parked or refused here.

    `reserve` is the part of the rate limit's reserve that these calls leave to others.
    """
    now = clock.now()
    calls = _within_rate_limit(calls, reserve, budget, now)
    operations = [call.operation for call in calls]
    tokens = retry_while_database_is_down(lambda: worker_tokens.of(operations, for_sending=for_sending))
    ready: list[tuple[PendingCall, str]] = []
    for call in calls:
        token = tokens[call.operation.pk]
        if isinstance(token, str) and (not for_sending or _is_still_permitted(call.operation)):
            ready.append((call, token))
            continue
        for operation in call.operations:
            record_or_quarantine(operation, *_reject(operation, token, now), now)
    return ready


def mark_sending(calls: list[tuple[PendingCall, str]]) -> list[tuple[PendingCall, str]]:
    """Record the intent before requests leave: after a crash the row says that Azure may hold something.

    Returns the calls whose rows are still leased to us: getting the tokens may have taken longer than the lease.
    """
    if not calls:
        return []
    now, operations = clock.now(), [call.operation for call, _ in calls]

    def write() -> set[UUID]:
        with transaction.atomic():
            ours = renew(operations)
            leaving = [
                call.operation.pk for call, _ in calls if call.request.method != "GET" and call.operation.pk in ours
            ]
            Operation.objects.filter(pk__in=leaving).update(phase=Phase.SENDING, sends=F("sends") + 1)
            created = Operation.objects.filter(pk__in=leaving, kind__in=CREATIONS)
            Endpoint.objects.filter(operations__in=created, sent_at=None).update(sent_at=now)
            return ours

    ours = retry_while_database_is_down(write)
    return [(call, token) for call, token in calls if call.operation.pk in ours]


def observe_rate_limit(batch: list[Completed], budget: Budget) -> None:
    """Report to the budget, once for each account, what the responses say is left."""
    left: dict[tuple[Account, Limit], list[float]] = defaultdict(list)
    blocked: dict[tuple[Account, Limit], float] = defaultdict(float)
    for call, responses in batch:
        for response in responses if isinstance(responses, list) else []:
            if isinstance(response, ArmResponse):
                key = call.account, call.limit
                blocked[key] = max(blocked[key], blocked_for(response))
                if (remaining := call.limit.remaining(response)) is not None:
                    left[key].append(remaining)
    for key, seconds in blocked.items():
        budget.observe(*key, min(left[key], default=None), seconds)


def _within_rate_limit(calls: list[PendingCall], reserve: float, budget: Budget, now: datetime) -> list[PendingCall]:
    """As many calls as ARM's rate limit has room for; the others become due when it has."""
    accounts: dict[tuple[Account, Limit], list[PendingCall]] = defaultdict(list)
    for call in calls:
        accounts[call.account, call.limit].append(call)
    granted: list[PendingCall] = []
    for (account, limit), rows in accounts.items():
        grant = budget.take(account, limit, len(rows), limit.reserve * reserve)
        granted += rows[: grant.granted]
        deferred = [one for call in rows[grant.granted :] for one in call.operations]
        retry_while_database_is_down(partial(defer_for_rate_limit, deferred, grant.wait, limit.refill, now))
    return granted


def _is_still_permitted(operation: Operation) -> bool:
    """A creation under the name of an existing row also needs what a change of that row would need."""
    permissions = {operation.spec.permission}
    if operation.spec.goal is Goal.EXISTS:
        permissions.add(Action.UPDATE_ENDPOINT)
    return all(may(operation.requested_by, permission, operation.endpoint) for permission in permissions)


def _reject(operation: Operation, token: TokenResult, now: datetime) -> tuple[RowUpdate, dict[str, Any]]:
    """The update of an operation that cannot be sent now, and its evidence."""
    match token:
        case NeedsSignIn():
            return park(operation, str(token), token.claims, now), {}
        case TokenUnavailable():
            return retry_later(operation, str(token), now), {}
        case Exception():
            logger.error("Operation %s could not be prepared", operation.pk, exc_info=token)
            return quarantine(operation, now), evidence_of_exception(token)
    return refuse(operation, "RoleLost", "The user who requested this no longer has the role for it.", now), {}
