"""Read what users may see in Azure, each with their own token, and record it.

Reads that are in flight when a run ends are recorded by the next one.
"""

import logging
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.identity import write_identity
from accounts.tokens import TokenUnavailable
from endpoints.access_read import Asked, ask, record, without_token
from endpoints.arm.budget import Budget
from endpoints.arm.reads import ArmReader
from endpoints.arm.visibility import Problem, Seen, Trouble
from endpoints.arm_clients import reader
from endpoints.engine.leases import START_WITHIN
from endpoints.engine.record import retry_while_database_is_down
from endpoints.fleet.leases import claim
from endpoints.models import AccessRead

logger = logging.getLogger(__name__)

MAX_USERS = 4
READ_WITHIN_SECONDS = 30.0
TOKEN_WITHIN_SECONDS = 10.0
# A lease outlasts the longest read. Once Entra ID hangs, the tokens of the users after that fail at once.
LEASE_FOR = START_WITHIN + timedelta(seconds=2 * TOKEN_WITHIN_SECONDS + READ_WITHIN_SECONDS)
COLLECT_EVERY_SECONDS = 0.2


@dataclass(frozen=True)
class Pending:
    row: AccessRead
    asked: Asked


class AccessReader:
    """The state of one worker process between runs."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._pool = ThreadPoolExecutor(MAX_USERS, thread_name_prefix="access")
        self._in_flight: dict[Future[Seen], Pending] = {}

    def run_due(self, until: datetime | None = None) -> int:
        """Read until nothing is due, or until `until`; returns the number of reads that were started."""
        started = 0
        while True:
            time_is_up = until is not None and timezone.now() >= until
            now_started = 0 if time_is_up else self._start_due()
            started += now_started
            self._collect(0.0 if time_is_up else COLLECT_EVERY_SECONDS)
            if time_is_up or not (now_started or self._in_flight):
                return started

    def close(self) -> None:
        self._pool.shutdown(wait=False)

    def _start_due(self) -> int:
        due = AccessRead.objects.select_related("user").order_by("due_at")
        rows = retry_while_database_is_down(lambda: claim(due, MAX_USERS - len(self._in_flight), LEASE_FOR))
        for row in rows:
            self._start(row)
        return len(rows)

    def _start(self, row: AccessRead) -> None:
        asked = ask(row.user)
        try:
            arm = self._reader(row)
        except TokenUnavailable as error:
            record(asked, without_token(error), lease=row.lease)
        else:
            self._in_flight[self._pool.submit(_see, arm, asked)] = Pending(row, asked)

    def _reader(self, row: AccessRead) -> ArmReader:
        """With a new token after Azure refused one. Raises TokenUnavailable."""
        is_refused = row.problem == Trouble.SIGN_IN
        token = write_identity(row.user).token(force_refresh=is_refused, within=TOKEN_WITHIN_SECONDS)
        return reader(row.user, within=READ_WITHIN_SECONDS, token=token, budget=self._budget)

    def _collect(self, seconds: float) -> None:
        if not self._in_flight:
            return
        done, _ = wait(self._in_flight, timeout=seconds, return_when=FIRST_COMPLETED)
        for future in done:
            self._record(self._in_flight.pop(future), future)

    def _record(self, pending: Pending, future: Future[Seen]) -> None:
        """A read that raises does not stop the others."""
        try:
            seen = future.result()
        except Exception:
            logger.exception("The access of user %s could not be read", pending.row.pk)
            seen = Seen(problem=Problem(Trouble.ERROR, Trouble.ERROR))
        retry_while_database_is_down(lambda: record(pending.asked, seen, lease=pending.row.lease))


def _see(arm: ArmReader, asked: Asked) -> Seen:
    with arm:
        return arm.see(asked.question)
