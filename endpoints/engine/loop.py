"""Take every step that is due: claim rows, send their calls concurrently, record what comes back.

Requests go through a pool of threads, reads through an event loop; responses of both come back through one queue and
are recorded in groups, so that no slow call holds up another.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
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
from endpoints.arm.budget import LIMITS, Account, Limit, blocked_for
from endpoints.arm.http import ArmRequest, ArmResponse, ArmResult, NoResponse
from endpoints.arm.poller import ArmPoller, Read
from endpoints.arm_clients import arm_http, endpoint_url, list_url
from endpoints.engine.leases import (
    RELEASED,
    START_WITHIN,
    Group,
    claim_polls,
    claim_starts,
    poll_read_timeout,
    renew,
    still_leased,
)
from endpoints.engine.rate_limit import budget
from endpoints.engine.record import defer_for_rate_limit, evidence_of, evidence_of_exception, record, record_unchanged
from endpoints.engine.step import conclude, park, plan, quarantine, refuse, retry_later
from endpoints.engine.tokens import Token, Tokens, identity_key
from endpoints.engine.update import RowUpdate, unchanged
from endpoints.engine.workspace_lister import WorkspaceLister, still_running
from endpoints.models import Endpoint, Operation
from endpoints.states import NOT_YET_ACCEPTED, Phase

logger = logging.getLogger(__name__)

T = TypeVar("T")

MAX_READS = 512
# How long responses are collected before they are recorded together.
FLUSH_EVERY_SECONDS = 0.4
# How long a sweep whose time is up waits for what is under way, before it leaves the rest to a thread.
LINGER_SECONDS = 1.0
# How long what Azure answered is kept in memory for a database that is away.
MAX_DATABASE_OUTAGE_SECONDS = 30.0
# The part of the reserve of the request budget that people's own requests leave to their pages.
REQUESTS_RESERVE = 0.3

_tokens = Tokens()
_lister = WorkspaceLister()


@dataclass(frozen=True)
class PendingCall:
    """One call to ARM for an operation, or one list of its workspace that stands for a read of several."""

    operations: list[Operation]
    request: ArmRequest
    resource_url: str
    group: Group | None = None

    @property
    def operation(self) -> Operation:
        return self.operations[0]

    @property
    def account(self) -> Account:
        """ARM counts by identity and subscription."""
        return identity_key(self.operation), self.operation.endpoint.workspace.subscription_id.lower()

    @property
    def limit(self) -> Limit:
        return LIMITS[self.request.method]


Responses = list[ArmResult] | Exception


def run_due(only: UUID | None = None, until: datetime | None = None) -> int:
    """Take steps until nothing is due, or until `until`; returns how many were taken."""
    return _Sweep(only=only).run(until)


def run_requests(until: datetime) -> int:
    """Take the first steps of what people asked for, one after the other in this thread, each in its turn."""
    return _Sweep(polls=False, inline=True).run(until)


class _Sweep:
    def __init__(self, *, only: UUID | None = None, polls: bool = True, inline: bool = False) -> None:
        self._only, self._polls, self._inline = only, polls, inline
        self._replies: SimpleQueue[tuple[PendingCall, Responses]] = SimpleQueue()
        self._sending = self._reading = self._taken = 0

    def run(self, until: datetime | None) -> int:
        while True:
            time_is_up = until is not None and timezone.now() >= until
            claimed = 0 if time_is_up else self._begin()
            came_back = self._take(LINGER_SECONDS if time_is_up else FLUSH_EVERY_SECONDS)
            if time_is_up and self._under_way:
                Thread(target=self._finish, name="stragglers", daemon=True).start()
            if time_is_up or not (claimed or came_back or self._under_way):
                return self._taken

    @property
    def _under_way(self) -> int:
        return self._sending + self._reading

    def _finish(self) -> None:
        """Record what comes late, while the next sweep goes on with everything else."""
        try:
            while self._under_way:
                self._take(FLUSH_EVERY_SECONDS)
        except Exception:
            logger.exception("What came late could not be recorded")
        finally:
            connection.close()

    def _begin(self) -> int:
        """Claim what there is room for and send it off; returns how many rows were claimed."""
        room = 1 if self._inline else settings.ARM_CONCURRENCY - self._sending
        share = 1 + settings.ARM_CONCURRENCY // 2
        starts = _retry_while_database_is_down(lambda: claim_starts(room, share, self._only)) if room > 0 else []
        polls = (
            _retry_while_database_is_down(lambda: claim_polls(MAX_READS - self._reading, _lister.may_list, self._only))
            if self._polls
            else []
        )
        now = clock.now()
        self._start(_pending_calls(starts, now))
        self._read(_reads(polls, now))
        self._taken += len(starts) + len(polls)
        return len(starts) + len(polls)

    def _start(self, steps: list[PendingCall]) -> None:
        """Send the requests that people wait for."""
        prepared = _prepare(steps, REQUESTS_RESERVE, for_sending=True)
        # Counted from before their leases begin anew: the database may take its time to write that.
        start_before = time.monotonic() + START_WITHIN.total_seconds()
        for step, token in _mark_sending(prepared):
            self._sending += 1
            send = partial(_send, step, token, start_before, self._replies.put)
            if self._inline:
                send()
            else:
                _pool().submit(send)

    def _read(self, steps: list[PendingCall]) -> None:
        reads = []
        for step, token in _prepare(steps, 1.0, for_sending=False):
            on_response = partial(_put_back, self._replies.put, step)
            reads.append(Read(step.request.url, token, step.operation.correlation_id, on_response, bool(step.group)))
        if reads:
            self._reading += len(reads)
            _poller().start(reads)

    def _take(self, seconds: float) -> int:
        """Collect what comes back within `seconds`, and record it; returns how much it was."""
        give_up_at = time.monotonic() + seconds
        batch: list[tuple[PendingCall, Responses]] = []
        while self._under_way:
            try:
                step, responses = self._replies.get(timeout=max(0.0, give_up_at - time.monotonic()))
            except Empty:
                break
            batch.append((step, responses))
            if step.operation.phase in NOT_YET_ACCEPTED:
                self._sending -= 1
            else:
                self._reading -= 1
        if batch:
            self._record(batch)
        return len(batch)

    def _record(self, batch: list[tuple[PendingCall, Responses]]) -> None:
        _observe(batch)
        now = clock.now()
        unchanged_rows: list[tuple[Operation, RowUpdate]] = []
        moved: list[Operation] = []
        for step, responses in batch:
            if step.group:
                running = set(_told_by_list(step, responses))
                unchanged_rows += [(one, unchanged(one, None, now)) for one in running]
                moved += [one for one in step.operations if one not in running]
                continue
            change, evidence = _conclude(step, responses, now)
            if change.is_unchanged:
                unchanged_rows.append((step.operation, change))
            else:
                _write(step.operation, change, evidence, now)
        if unchanged_rows:
            _retry_while_database_is_down(lambda: record_unchanged(unchanged_rows, now))
        self._read(_pending_calls(moved, now))


def _pending_calls(operations: Iterable[Operation], now: datetime) -> list[PendingCall]:
    steps = []
    for operation in operations:
        resource_url = endpoint_url(operation.endpoint.arm_id)
        try:
            steps.append(PendingCall([operation], plan(operation, resource_url, now), resource_url))
        except Exception as error:
            logger.exception("Operation %s could not be planned", operation.pk)
            _write(operation, quarantine(operation, now), evidence_of_exception(error), now)
    return steps


def _reads(operations: list[Operation], now: datetime) -> list[PendingCall]:
    """A read for each operation, or one list of a workspace where that tells of several."""
    lists = _lister.worth_listing(operations, now)
    listed = {one.pk for rows in lists.values() for one in rows}
    alone = [one for one in operations if one.pk not in listed]
    if early := {one for one in alone if one.next_step_at and one.next_step_at > now}:
        _retry_while_database_is_down(lambda: still_leased(early).update(**RELEASED))
    steps = [
        PendingCall(rows, ArmRequest("GET", list_url(rows[0].endpoint.workspace.arm_id)), "", group)
        for group, rows in lists.items()
    ]
    return steps + _pending_calls((one for one in alone if one not in early), now)


def _prepare(steps: list[PendingCall], reserve: float, *, for_sending: bool) -> list[tuple[PendingCall, str]]:
    """The steps that may go, each with its token; what gets none is sent away, parked, postponed or refused here."""
    now = clock.now()
    steps = _affordable(steps, reserve, now)
    tokens = _retry_while_database_is_down(
        lambda: _tokens.of([step.operation for step in steps], for_sending=for_sending)
    )
    ready: list[tuple[PendingCall, str]] = []
    for step in steps:
        token = tokens[step.operation.pk]
        if isinstance(token, str) and (not for_sending or _may(step.operation)):
            ready.append((step, token))
            continue
        for one in step.operations:
            _write(one, *_held_back(one, token, now), now)
    return ready


def _may(operation: Operation) -> bool:
    return may(operation.requested_by, operation.spec.permission, operation.endpoint)


def _held_back(operation: Operation, token: Token, now: datetime) -> tuple[RowUpdate, dict[str, Any]]:
    """What becomes of an operation that cannot go on as it is."""
    match token:
        case NeedsSignIn():
            return park(operation, str(token), token.claims, now), {}
        case TokenUnavailable():
            return retry_later(operation, str(token), now), {}
        case Exception():
            logger.error("Operation %s could not be prepared", operation.pk, exc_info=token)
            return quarantine(operation, now), evidence_of_exception(token)
    return refuse(operation, "RoleLost", "The person who asked for this may not do it any more.", now), {}


def _affordable(steps: list[PendingCall], reserve: float, now: datetime) -> list[PendingCall]:
    """As many as ARM's budget has room for; the rest comes back when it has."""
    accounts: dict[tuple[Account, Limit], list[PendingCall]] = defaultdict(list)
    for step in steps:
        accounts[step.account, step.limit].append(step)
    granted: list[PendingCall] = []
    for (account, limit), rows in accounts.items():
        grant = budget().take(account, limit, len(rows), limit.reserve * reserve)
        granted += rows[: grant.granted]
        away = [one for step in rows[grant.granted :] for one in step.operations]
        _retry_while_database_is_down(partial(defer_for_rate_limit, away, grant.wait, limit.refill, now))
    return granted


def _mark_sending(steps: list[tuple[PendingCall, str]]) -> list[tuple[PendingCall, str]]:
    """Write that requests are leaving before they leave: after a crash the row says that Azure may hold something.

    Returns the steps whose rows are still ours: getting their tokens may have taken longer than the lease.
    """
    if not steps:
        return []
    now, operations = clock.now(), [step.operation for step, _ in steps]

    def write() -> set[UUID]:
        with transaction.atomic():
            ours = renew(operations)
            leaving = [
                step.operation.pk for step, _ in steps if step.request.method != "GET" and step.operation.pk in ours
            ]
            Operation.objects.filter(pk__in=leaving).update(phase=Phase.SENDING, sends=F("sends") + 1)
            Endpoint.objects.filter(operations__in=leaving, sent_at=None).update(sent_at=now)
            return ours

    ours = _retry_while_database_is_down(write)
    return [(step, token) for step, token in steps if step.operation.pk in ours]


def _send(
    step: PendingCall, token: str, start_before: float, put: Callable[[tuple[PendingCall, Responses]], None]
) -> None:
    try:
        if time.monotonic() > start_before:
            response: ArmResult = NoResponse("Other calls to Azure took too long.", False, 0)
        else:
            # No longer than the lease: a read timeout alone begins anew with every byte.
            arm = arm_http()
            response = arm.send(step.request, token, step.operation.correlation_id, within=sum(arm.timeout))
    except Exception as error:
        put((step, error))
    else:
        put((step, [response]))


def _put_back(put: Callable[[tuple[PendingCall, Responses]], None], step: PendingCall, responses: Responses) -> None:
    put((step, responses))


def _observe(batch: list[tuple[PendingCall, Responses]]) -> None:
    """Tell the budget once for each account what the answers say is left."""
    left: dict[tuple[Account, Limit], list[float]] = defaultdict(list)
    closed: dict[tuple[Account, Limit], float] = defaultdict(float)
    for step, responses in batch:
        for response in responses if isinstance(responses, list) else []:
            if isinstance(response, ArmResponse):
                key = step.account, step.limit
                closed[key] = max(closed[key], blocked_for(response))
                if (remaining := step.limit.remaining(response)) is not None:
                    left[key].append(remaining)
    for key, seconds in closed.items():
        budget().observe(*key, min(left[key], default=None), seconds)


def _told_by_list(step: PendingCall, responses: Responses) -> list[Operation]:
    """The operations that still run as the list shows; the others have moved, or it could not be read."""
    if step.group is None or isinstance(responses, Exception):
        return []
    _lister.observe(step.group, responses)
    return still_running(step.operations, responses)


def _conclude(step: PendingCall, responses: Responses, now: datetime) -> tuple[RowUpdate, dict[str, Any]]:
    try:
        if isinstance(responses, Exception):
            raise responses
        change = conclude(step.operation, step.request, step.resource_url, responses[0], now)
        return change, {} if change.is_unchanged else evidence_of(step.request, responses[0])
    except Exception as error:
        logger.exception("Operation %s could not be advanced", step.operation.pk)
        return quarantine(step.operation, now), evidence_of_exception(error)


def _write(operation: Operation, change: RowUpdate, evidence: dict[str, Any], now: datetime) -> None:
    """Record a change; a row that cannot be recorded is set aside, so that it does not stop the others."""
    try:
        _retry_while_database_is_down(partial(record, operation, change, evidence, now))
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        logger.exception("Operation %s could not be recorded", operation.pk)
        aside = quarantine(operation, now)
        _retry_while_database_is_down(partial(record, operation, aside, evidence_of_exception(error), now))


def _retry_while_database_is_down(write: Callable[[], T]) -> T:
    """Keep at it while the database is away: an answer of Azure's, once read, is worth a wait."""
    give_up_at = time.monotonic() + MAX_DATABASE_OUTAGE_SECONDS
    while True:
        try:
            return write()
        except (OperationalError, InterfaceError):
            if time.monotonic() > give_up_at:
                raise
            connection.close()
            time.sleep(0.5)


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings.ARM_CONCURRENCY, thread_name_prefix="arm")


@lru_cache(maxsize=1)
def _poller() -> ArmPoller:
    return ArmPoller(arm_http(), read_timeout=poll_read_timeout(), connections=settings.ARM_CONCURRENCY * 4)
