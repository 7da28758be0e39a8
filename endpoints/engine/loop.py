"""Take every step that is due: claim rows, send their requests concurrently, record the responses.

Completed calls come back through one queue and are recorded in groups, so that a slow call never holds up another.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F
from django.utils import timezone

from accounts.policy import may
from accounts.tokens import NeedsSignIn, TokenUnavailable
from endpoints import clock
from endpoints.arm.budget import Account, Limit, blocked_for
from endpoints.arm.http import ArmRequest, ArmResponse
from endpoints.arm_clients import arm_http, endpoint_url, list_url
from endpoints.engine.calls import Calls, Completed, PendingCall, Responses
from endpoints.engine.leases import (
    RELEASED,
    START_WITHIN,
    claim_polls,
    claim_requests,
    poll_read_timeout,
    renew,
    still_leased,
)
from endpoints.engine.rate_limit import make_budget
from endpoints.engine.record import defer_for_rate_limit, evidence_of, evidence_of_exception, record, record_unchanged
from endpoints.engine.step import conclude, park, plan, quarantine, refuse, retry_later
from endpoints.engine.tokens import TokenResult, Tokens
from endpoints.engine.update import RowUpdate, unchanged
from endpoints.engine.workspace_lister import WorkspaceLister, still_running
from endpoints.models import Endpoint, Operation
from endpoints.states import NOT_YET_ACCEPTED, Phase

logger = logging.getLogger(__name__)

T = TypeVar("T")

MAX_READS = 512
# How long responses are collected before they are recorded together.
FLUSH_EVERY_SECONDS = 0.4
# How long a sweep whose time is up waits for calls in flight before it leaves them to a thread.
LINGER_SECONDS = 1.0
# How long responses are kept in memory while the database is down.
MAX_DATABASE_OUTAGE_SECONDS = 30.0
# Users' requests keep this part of the rate limit's reserve free for pages.
REQUESTS_RESERVE = 0.3


class Worker:
    """What one worker process keeps between sweeps: tokens, lists, connections, the rate limit."""

    def __init__(self) -> None:
        self.tokens = Tokens()
        self.lister = WorkspaceLister()
        self.budget = make_budget()
        self.calls = Calls(arm_http(), concurrency=settings.ARM_CONCURRENCY, poll_read_timeout=poll_read_timeout())

    def run_due(self, only: UUID | None = None, until: datetime | None = None) -> int:
        """Take steps until nothing is due, or until `until`; returns their number."""
        return _Sweep(self, only=only).run(until)

    def run_requests(self, until: datetime) -> int:
        """Take the first steps of users' requests, one after the other in this thread."""
        return _Sweep(self, polls=False, inline=True).run(until)

    def close(self) -> None:
        self.calls.close()


class _Sweep:
    def __init__(self, worker: Worker, *, only: UUID | None = None, polls: bool = True, inline: bool = False) -> None:
        self._worker = worker
        self._only, self._polls, self._inline = only, polls, inline
        self._completed: SimpleQueue[Completed] = SimpleQueue()
        self._sending = self._reading = self._taken = 0

    def run(self, until: datetime | None) -> int:
        while True:
            time_is_up = until is not None and timezone.now() >= until
            claimed = 0 if time_is_up else self._start_due()
            collected = self._collect(LINGER_SECONDS if time_is_up else FLUSH_EVERY_SECONDS)
            if time_is_up and self._in_flight:
                Thread(target=self._finish, name="stragglers", daemon=True).start()
            if time_is_up or not (claimed or collected or self._in_flight):
                return self._taken

    @property
    def _in_flight(self) -> int:
        return self._sending + self._reading

    def _finish(self) -> None:
        """Record late responses while the next sweep continues with everything else."""
        try:
            while self._in_flight:
                self._collect(FLUSH_EVERY_SECONDS)
        except Exception:
            logger.exception("Late responses could not be recorded")
        finally:
            connection.close()

    def _start_due(self) -> int:
        """Claim as many rows as there is room for and start their calls; returns the number of rows."""
        requests = self._claim_requests()
        polls = self._claim_polls() if self._polls else []
        now = clock.now()
        self._send(_pending_calls(requests, now))
        self._read(self._polling_calls(polls, now))
        self._taken += len(requests) + len(polls)
        return len(requests) + len(polls)

    def _claim_requests(self) -> list[Operation]:
        room = 1 if self._inline else settings.ARM_CONCURRENCY - self._sending
        share = 1 + settings.ARM_CONCURRENCY // 2
        if room <= 0:
            return []
        return _retry_while_database_is_down(lambda: claim_requests(room, share, self._only))

    def _claim_polls(self) -> list[Operation]:
        room, may_list = MAX_READS - self._reading, self._worker.lister.may_list
        return _retry_while_database_is_down(lambda: claim_polls(room, may_list, self._only))

    def _polling_calls(self, operations: list[Operation], now: datetime) -> list[PendingCall]:
        """A read of each operation, or one list of a workspace if that shows several."""
        lists = self._worker.lister.worth_listing(operations, now)
        listed = {one.pk for rows in lists.values() for one in rows}
        alone = [one for one in operations if one.pk not in listed]
        if early := {one for one in alone if one.next_step_at and one.next_step_at > now}:
            _retry_while_database_is_down(lambda: still_leased(early).update(**RELEASED))
        calls = [
            PendingCall(rows, ArmRequest("GET", list_url(rows[0].endpoint.workspace.arm_id)), "", group)
            for group, rows in lists.items()
        ]
        return calls + _pending_calls((one for one in alone if one not in early), now)

    def _send(self, calls: list[PendingCall]) -> None:
        prepared = self._prepare(calls, REQUESTS_RESERVE, for_sending=True)
        # Counted from before the leases are renewed, since the database may take its time to write that.
        start_before = time.monotonic() + START_WITHIN.total_seconds()
        send = self._worker.calls.send if self._inline else self._worker.calls.send_in_thread
        for call, token in _mark_sending(prepared):
            self._sending += 1
            send(call, token, start_before, self._completed.put)

    def _read(self, calls: list[PendingCall]) -> None:
        prepared = self._prepare(calls, 1.0, for_sending=False)
        self._reading += len(prepared)
        self._worker.calls.read(prepared, self._completed.put)

    def _collect(self, seconds: float) -> int:
        """Collect the calls that complete within `seconds` and record them; returns their number."""
        give_up_at = time.monotonic() + seconds
        batch: list[Completed] = []
        while self._in_flight:
            try:
                call, responses = self._completed.get(timeout=max(0.0, give_up_at - time.monotonic()))
            except Empty:
                break
            batch.append((call, responses))
            if call.operation.phase in NOT_YET_ACCEPTED:
                self._sending -= 1
            else:
                self._reading -= 1
        if batch:
            self._record(batch)
        return len(batch)

    def _record(self, batch: list[Completed]) -> None:
        self._observe_rate_limit(batch)
        now = clock.now()
        unchanged_rows: list[tuple[Operation, RowUpdate]] = []
        moved: list[Operation] = []
        for call, responses in batch:
            if call.group:
                running = set(self._shown_running(call, responses))
                unchanged_rows += [(one, unchanged(one, None, now)) for one in running]
                moved += [one for one in call.operations if one not in running]
                continue
            update, evidence = _conclude(call, responses, now)
            if update.is_unchanged:
                unchanged_rows.append((call.operation, update))
            else:
                _write(call.operation, update, evidence, now)
        if unchanged_rows:
            _retry_while_database_is_down(lambda: record_unchanged(unchanged_rows, now))
        self._read(_pending_calls(moved, now))

    def _shown_running(self, call: PendingCall, responses: Responses) -> list[Operation]:
        """The operations that still run according to the list; the others moved, or the list could not be read."""
        if call.group is None or isinstance(responses, Exception):
            return []
        self._worker.lister.observe(call.group, responses)
        return still_running(call.operations, responses)

    def _prepare(self, calls: list[PendingCall], reserve: float, *, for_sending: bool) -> list[tuple[PendingCall, str]]:
        """The calls that may leave now, each with its token; the others are deferred, parked or refused here."""
        now = clock.now()
        calls = self._within_rate_limit(calls, reserve, now)
        operations = [call.operation for call in calls]
        tokens = _retry_while_database_is_down(lambda: self._worker.tokens.of(operations, for_sending=for_sending))
        ready: list[tuple[PendingCall, str]] = []
        for call in calls:
            token = tokens[call.operation.pk]
            if isinstance(token, str) and (not for_sending or _is_still_permitted(call.operation)):
                ready.append((call, token))
                continue
            for operation in call.operations:
                _write(operation, *_hold_back(operation, token, now), now)
        return ready

    def _within_rate_limit(self, calls: list[PendingCall], reserve: float, now: datetime) -> list[PendingCall]:
        """As many calls as ARM's rate limit has room for; the others become due when it has."""
        accounts: dict[tuple[Account, Limit], list[PendingCall]] = defaultdict(list)
        for call in calls:
            accounts[call.account, call.limit].append(call)
        granted: list[PendingCall] = []
        for (account, limit), rows in accounts.items():
            grant = self._worker.budget.take(account, limit, len(rows), limit.reserve * reserve)
            granted += rows[: grant.granted]
            deferred = [one for call in rows[grant.granted :] for one in call.operations]
            _retry_while_database_is_down(partial(defer_for_rate_limit, deferred, grant.wait, limit.refill, now))
        return granted

    def _observe_rate_limit(self, batch: list[Completed]) -> None:
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
            self._worker.budget.observe(*key, min(left[key], default=None), seconds)


def _pending_calls(operations: Iterable[Operation], now: datetime) -> list[PendingCall]:
    calls = []
    for operation in operations:
        resource_url = endpoint_url(operation.endpoint.arm_id)
        try:
            calls.append(PendingCall([operation], plan(operation, resource_url, now), resource_url))
        except Exception as error:
            logger.exception("Operation %s could not be planned", operation.pk)
            _write(operation, quarantine(operation, now), evidence_of_exception(error), now)
    return calls


def _is_still_permitted(operation: Operation) -> bool:
    return may(operation.requested_by, operation.spec.permission, operation.endpoint)


def _hold_back(operation: Operation, token: TokenResult, now: datetime) -> tuple[RowUpdate, dict[str, Any]]:
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


def _mark_sending(calls: list[tuple[PendingCall, str]]) -> list[tuple[PendingCall, str]]:
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
            Endpoint.objects.filter(operations__in=leaving, sent_at=None).update(sent_at=now)
            return ours

    ours = _retry_while_database_is_down(write)
    return [(call, token) for call, token in calls if call.operation.pk in ours]


def _conclude(call: PendingCall, responses: Responses, now: datetime) -> tuple[RowUpdate, dict[str, Any]]:
    try:
        if isinstance(responses, Exception):
            raise responses
        update = conclude(call.operation, call.request, call.resource_url, responses[0], now)
        return update, {} if update.is_unchanged else evidence_of(call.request, responses[0])
    except Exception as error:
        logger.exception("Operation %s could not be advanced", call.operation.pk)
        return quarantine(call.operation, now), evidence_of_exception(error)


def _write(operation: Operation, update: RowUpdate, evidence: dict[str, Any], now: datetime) -> None:
    """Record an update; a row that cannot be recorded is quarantined, so that it does not stop the others."""
    try:
        _retry_while_database_is_down(partial(record, operation, update, evidence, now))
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        logger.exception("Operation %s could not be recorded", operation.pk)
        quarantined = quarantine(operation, now)
        _retry_while_database_is_down(partial(record, operation, quarantined, evidence_of_exception(error), now))


def _retry_while_database_is_down(query: Callable[[], T]) -> T:
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
