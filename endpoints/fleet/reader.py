"""Read workspaces and single endpoints that are due, many at a time, and record what Azure showed.

Reads that are in flight when a run ends are collected by the next one.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from queue import Empty, SimpleQueue
from uuid import UUID, uuid4

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from accounts.identity import Identity
from accounts.tokens import TokenUnavailable
from endpoints import clock
from endpoints.arm.budget import READS, Account, Budget, blocked_for
from endpoints.arm.http import ArmResponse, ArmResult
from endpoints.arm.poller import ArmPoller, Read
from endpoints.arm_clients import arm_http, endpoint_url, list_url, subscriptions_url
from endpoints.engine.leases import RELEASED, START_WITHIN, poll_read_timeout
from endpoints.engine.record import retry_while_database_is_down
from endpoints.fleet import checks, subscriptions, workspaces
from endpoints.fleet.identities import NOBODY, Identities
from endpoints.fleet.leases import claim, still_leased
from endpoints.fleet.listing import Listing, Unreadable, listing_of
from endpoints.fleet.pace import Pace, moving
from endpoints.fleet.sighting import Sighting
from endpoints.models import EndpointCheck, SubscriptionsRead, Workspace, WorkspaceRead

logger = logging.getLogger(__name__)

MAX_IN_FLIGHT = 32
FLUSH_EVERY_SECONDS = 0.2
# Regular reads leave this part of a bucket to users and polls; reads that users want leave as much as polls do.
REGULAR_RESERVE = 120.0

Due = WorkspaceRead | EndpointCheck
# The pages of a list, or the one response, or what was raised instead.
Responses = list[ArmResult] | Exception


@dataclass(frozen=True)
class Pending:
    """A read in flight, and the identities to try if Azure refuses this one."""

    row: Due
    identity: Identity
    others: list[Identity]
    began: datetime

    @property
    def workspace(self) -> Workspace:
        return self.row.workspace if isinstance(self.row, WorkspaceRead) else self.row.endpoint.workspace

    @property
    def account(self) -> Account:
        return self.identity.key, self.workspace.subscription_id.lower()


class FleetReader:
    """The state of one worker process between runs."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._identities = Identities()
        self._pace = Pace()
        self._poller = ArmPoller(arm_http(), read_timeout=poll_read_timeout(), connections=MAX_IN_FLIGHT)
        self._completed: SimpleQueue[tuple[Pending, Responses]] = SimpleQueue()
        self._in_flight = 0

    def run_due(self, until: datetime | None = None) -> int:
        """Read until nothing is due, or until `until`; returns the number of reads that were started."""
        started = 0
        while True:
            time_is_up = until is not None and timezone.now() >= until
            now_started = 0 if time_is_up else self._start_due()
            started += now_started
            collected = self._collect()
            if time_is_up or not (now_started or collected or self._in_flight):
                return started

    def close(self) -> None:
        self._poller.close()

    def _start_due(self) -> int:
        add_missing_reads()
        room, lease_for = MAX_IN_FLIGHT - self._in_flight, _lease_for()
        due = EndpointCheck.objects.select_related("endpoint__workspace").order_by("due_at")
        rows: list[Due] = list(retry_while_database_is_down(lambda: claim(due, room, lease_for)))
        reads = WorkspaceRead.objects.select_related("workspace")
        reads = reads.order_by(F("wanted_at").asc(nulls_last=True), "due_at")
        rows += retry_while_database_is_down(lambda: claim(reads, room - len(rows), lease_for))
        return self._start(rows)

    def _start(self, rows: Sequence[Due]) -> int:
        """Start the reads that have a token and room within Azure's rate limit; returns their number."""
        if not rows:
            return 0
        now = clock.now()
        readers = self._identities.readers({_workspace_id(row) for row in rows}, _read_as(rows))
        accounts: dict[tuple[Account, bool], list[tuple[Pending, str]]] = defaultdict(list)
        for row in rows:
            if ready := self._with_token(row, readers[_workspace_id(row)], now):
                accounts[ready[0].account, _is_wanted(row)].append(ready)
        return sum(self._start_within_limit(*key, calls, now) for key, calls in accounts.items())

    def _with_token(self, row: Due, identities: list[Identity], now: datetime) -> tuple[Pending, str] | None:
        """The read with the first of these identities that has a token."""
        problem = NOBODY
        for number, identity in enumerate(identities):
            try:
                token = self._identities.token(identity)
            except TokenUnavailable as error:
                problem = str(error)
            else:
                return Pending(row, identity, identities[number + 1 :], now), token
        self._fail(row, Unreadable(problem), now)
        return None

    def _start_within_limit(
        self, account: Account, is_wanted: bool, calls: list[tuple[Pending, str]], now: datetime
    ) -> int:
        grant = self._budget.take(account, READS, len(calls), READS.reserve if is_wanted else REGULAR_RESERVE)
        for pending, token in calls[: grant.granted]:
            self._read(pending, token)
        for position, (pending, _) in enumerate(calls[grant.granted :]):
            due_at = now + timedelta(seconds=grant.wait + position / READS.refill)
            still_leased([pending.row]).update(**RELEASED, due_at=due_at)
        return grant.granted

    def _read(self, pending: Pending, token: str) -> None:
        is_list = isinstance(pending.row, WorkspaceRead)
        self._in_flight += 1
        on_response = partial(self._put, pending)
        self._poller.start([Read(_url(pending.row), token, uuid4(), on_response, all_pages=is_list)])

    def _put(self, pending: Pending, responses: Responses) -> None:
        self._completed.put((pending, responses))

    def _collect(self) -> int:
        """Record the reads that complete within a moment; returns their number."""
        give_up_at = time.monotonic() + FLUSH_EVERY_SECONDS
        batch: list[tuple[Pending, Responses]] = []
        while self._in_flight:
            try:
                batch.append(self._completed.get(timeout=max(0.0, give_up_at - time.monotonic())))
            except Empty:
                break
            self._in_flight -= 1
        if batch:
            self._record(batch)
        return len(batch)

    def _record(self, batch: list[tuple[Pending, Responses]]) -> None:
        now = clock.now()
        unchanged: dict[WorkspaceRead, datetime] = {}
        follow_ups: list[Pending] = []
        is_moving = moving({pending.workspace.pk for pending, _ in batch})
        for pending, responses in batch:
            self._observe_rate_limit(pending, responses)
            if isinstance(pending.row, EndpointCheck):
                self._record_one(pending, partial(checks.conclude, pending.row, responses), now)
                continue
            if isinstance(pending.row, SubscriptionsRead):
                later = partial(self._pace.next_read_of_subscriptions, pending.account, now)
                self._record_one(pending, partial(subscriptions.conclude, pending.row, responses, later), now)
                continue
            read, listing = pending.row, listing_of(responses, pending.workspace.arm_id)
            next_read = partial(self._pace.next_read, read, pending.account, read.pk in is_moving, now)
            if isinstance(listing, Listing) and workspaces.is_unchanged(read, listing, pending.identity.key):
                unchanged[read] = next_read()
                follow_ups.append(pending)
            else:
                self._record_one(pending, partial(workspaces.conclude, read, listing, next_read), now)
        if unchanged:
            began = min(pending.began for pending, _ in batch)
            retry_while_database_is_down(lambda: workspaces.record_unchanged(unchanged, began))
        # A follow-up takes the lease that the record has released.
        for pending in follow_ups:
            self._follow_up(pending, now)

    def _record_one(self, pending: Pending, conclude: Callable[[Sighting], Unreadable | None], now: datetime) -> None:
        """A row that raises does not stop the others."""
        sighting = Sighting(pending.began, pending.identity.key, now)
        try:
            problem = retry_while_database_is_down(lambda: conclude(sighting))
            if problem is None:
                self._follow_up(pending, now)
            elif not self._retry_with_another(pending, problem, now):
                self._fail(pending.row, problem, now)
        except Exception:
            logger.exception("A read of %s could not be recorded", pending.workspace.arm_id)
            self._fail(pending.row, Unreadable("Endpoint Desk could not record Azure's response."), now)

    def _follow_up(self, pending: Pending, now: datetime) -> None:
        """After a list of endpoints, read the marketplace subscriptions with the same token, if that is due."""
        read = pending.row
        if not isinstance(read, WorkspaceRead) or not subscriptions.is_due(read, now):
            return
        try:
            token = self._identities.token(pending.identity)
        except TokenUnavailable:
            return
        if not self._budget.take(pending.account, READS, 1, REGULAR_RESERVE).granted:
            return
        if row := retry_while_database_is_down(lambda: subscriptions.claim(read, _lease_for(), now)):
            self._read(replace(pending, row=row, began=now), token)

    def _retry_with_another(self, pending: Pending, problem: Unreadable, now: datetime) -> bool:
        """One user's lack of access is not another's: read again with the next one's token."""
        if not problem.is_refused:
            return False
        if problem.error and problem.error["status"] == 401:
            self._identities.drop(pending.identity)
        if not pending.others:
            return False
        if ready := self._with_token(pending.row, pending.others, now):
            self._read(*ready)
        return True

    def _fail(self, row: Due, problem: Unreadable, now: datetime) -> None:
        fail: Callable[..., None] = workspaces.fail
        if isinstance(row, EndpointCheck):
            fail = checks.fail
        elif isinstance(row, SubscriptionsRead):
            fail = subscriptions.fail
        retry_while_database_is_down(lambda: fail(row, problem, now))

    def _observe_rate_limit(self, pending: Pending, responses: Responses) -> None:
        for response in responses if isinstance(responses, list) else []:
            if isinstance(response, ArmResponse):
                self._budget.observe(pending.account, READS, READS.remaining(response), blocked_for(response))


def add_missing_reads() -> None:
    """Every registered workspace is read, however it was registered."""
    missing = Workspace.objects.filter(read=None).values_list("pk", flat=True)
    if ids := list(missing):
        now = clock.now()
        reads = [WorkspaceRead(workspace_id=pk, due_at=now, wanted_at=now) for pk in ids]
        WorkspaceRead.objects.bulk_create(reads, ignore_conflicts=True)


def _workspace_id(row: Due) -> UUID:
    return row.workspace_id if isinstance(row, WorkspaceRead) else row.endpoint.workspace_id


def _url(row: Due) -> str:
    if isinstance(row, EndpointCheck):
        return endpoint_url(row.endpoint.arm_id)
    url = subscriptions_url if isinstance(row, SubscriptionsRead) else list_url
    return url(row.workspace.arm_id)


def _read_as(rows: Sequence[Due]) -> dict[UUID, str]:
    keys = {_workspace_id(row): row.endpoint.listed_as for row in rows if isinstance(row, EndpointCheck)}
    return keys | {row.workspace_id: row.read_as for row in rows if isinstance(row, WorkspaceRead)}


def _is_wanted(row: Due) -> bool:
    return isinstance(row, EndpointCheck) or row.wanted_at is not None


def _lease_for() -> timedelta:
    """A lease outlasts the longest read: a list takes no longer than the time of two requests."""
    return START_WITHIN + 2 * timedelta(seconds=settings.ARM_CONNECT_TIMEOUT_SECONDS + poll_read_timeout())
