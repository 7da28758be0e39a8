"""Take every step that is due: claim rows, send their requests concurrently, record the responses.

Completed calls come back through one queue and are recorded in groups, so that a slow call never holds up another.
"""

import logging
import time
from collections.abc import Iterable
from datetime import datetime
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils import timezone

from endpoints import clock
from endpoints.arm.http import ArmRequest
from endpoints.arm_clients import arm_http, endpoint_url, list_url
from endpoints.engine.admission import admit, mark_sending, observe_rate_limit
from endpoints.engine.calls import Calls, Completed, PendingCall, Responses
from endpoints.engine.leases import (
    RELEASED,
    START_WITHIN,
    claim_polls,
    claim_requests,
    poll_read_timeout,
    still_leased,
)
from endpoints.engine.rate_limit import make_budget
from endpoints.engine.record import (
    evidence_of,
    evidence_of_exception,
    record_or_quarantine,
    record_unchanged,
    retry_while_database_is_down,
)
from endpoints.engine.step import conclude, plan, quarantine
from endpoints.engine.tokens import Tokens
from endpoints.engine.update import RowUpdate, unchanged
from endpoints.engine.workspace_lister import WorkspaceLister, still_running
from endpoints.models import Operation
from endpoints.states import NOT_YET_ACCEPTED

logger = logging.getLogger(__name__)

T = TypeVar("T")

MAX_READS = 512
# How long responses are collected before they are recorded together.
FLUSH_EVERY_SECONDS = 0.4
# How long a sweep whose time is up waits for calls in flight before it leaves them to a thread.
LINGER_SECONDS = 1.0
# Users' requests keep this part of the rate limit's reserve free for pages.
REQUESTS_RESERVE = 0.3


class Worker:
    """The state of one worker process between sweeps: tokens, lists, connections, the rate limit.

    `only` limits a run to one operation.
    """

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
        return retry_while_database_is_down(lambda: claim_requests(room, share, self._only))

    def _claim_polls(self) -> list[Operation]:
        room, may_list = MAX_READS - self._reading, self._worker.lister.may_list
        return retry_while_database_is_down(lambda: claim_polls(room, may_list, self._only))

    def _polling_calls(self, operations: list[Operation], now: datetime) -> list[PendingCall]:
        """A read of each operation, or one list of a workspace if that shows several."""
        lists = self._worker.lister.worth_listing(operations, now)
        listed = {one.pk for rows in lists.values() for one in rows}
        alone = [one for one in operations if one.pk not in listed]
        if early := {one for one in alone if one.next_step_at and one.next_step_at > now}:
            retry_while_database_is_down(lambda: still_leased(early).update(**RELEASED))
        calls = [
            PendingCall(rows, ArmRequest("GET", list_url(rows[0].endpoint.workspace.arm_id)), "", group)
            for group, rows in lists.items()
        ]
        return calls + _pending_calls((one for one in alone if one not in early), now)

    def _send(self, calls: list[PendingCall]) -> None:
        prepared = self._admit(calls, REQUESTS_RESERVE, for_sending=True)
        # Counted from before the leases are renewed, since the database may take its time to write that.
        start_before = time.monotonic() + START_WITHIN.total_seconds()
        send = self._worker.calls.send if self._inline else self._worker.calls.send_in_thread
        for call, token in mark_sending(prepared):
            self._sending += 1
            send(call, token, start_before, self._completed.put)

    def _read(self, calls: list[PendingCall]) -> None:
        prepared = self._admit(calls, 1.0, for_sending=False)
        self._reading += len(prepared)
        self._worker.calls.read(prepared, self._completed.put)

    def _admit(self, calls: list[PendingCall], reserve: float, *, for_sending: bool) -> list[tuple[PendingCall, str]]:
        return admit(calls, reserve, self._worker.tokens, self._worker.budget, for_sending=for_sending)

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
        observe_rate_limit(batch, self._worker.budget)
        now = clock.now()
        unchanged_rows: list[tuple[Operation, RowUpdate]] = []
        moved: list[Operation] = []
        for call, responses in batch:
            if call.group:
                running = set(self._running_in_list(call, responses))
                unchanged_rows += [(one, unchanged(one, None, now)) for one in running]
                moved += [one for one in call.operations if one not in running]
                continue
            update, evidence = _conclude(call, responses, now)
            if update.is_unchanged:
                unchanged_rows.append((call.operation, update))
            else:
                record_or_quarantine(call.operation, update, evidence, now)
        if unchanged_rows:
            retry_while_database_is_down(lambda: record_unchanged(unchanged_rows, now))
        self._read(_pending_calls(moved, now))

    def _running_in_list(self, call: PendingCall, responses: Responses) -> list[Operation]:
        """The operations that still run according to the list; the others moved, or the list could not be read."""
        if call.group is None or isinstance(responses, Exception):
            return []
        self._worker.lister.observe(call.group, responses)
        return still_running(call.operations, responses)


def _pending_calls(operations: Iterable[Operation], now: datetime) -> list[PendingCall]:
    calls = []
    for operation in operations:
        resource_url = endpoint_url(operation.endpoint.arm_id)
        try:
            calls.append(PendingCall([operation], plan(operation, resource_url, now), resource_url))
        except Exception as error:
            logger.exception("Operation %s could not be planned", operation.pk)
            record_or_quarantine(operation, quarantine(operation, now), evidence_of_exception(error), now)
    return calls


def _conclude(call: PendingCall, responses: Responses, now: datetime) -> tuple[RowUpdate, dict[str, Any]]:
    try:
        if isinstance(responses, Exception):
            raise responses
        update = conclude(call.operation, call.request, call.resource_url, responses[0], now, responses[1:])
        return update, {} if update.is_unchanged else evidence_of(call.request, responses[0])
    except Exception as error:
        logger.exception("Operation %s could not be advanced", call.operation.pk)
        return quarantine(call.operation, now), evidence_of_exception(error)
