"""How often a workspace is read: often if something moves, within Azure's limits always."""

import random
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Sum

from endpoints.arm.budget import READS, Account
from endpoints.models import Endpoint, WorkspaceRead
from endpoints.states import Urgency

MIN_SECONDS, MAX_SECONDS = 30.0, 600.0
MOVING_SECONDS = 10.0
# A workspace without a change for this long is quiet, and if there are many, it is read less often.
QUIET_AFTER = timedelta(hours=1)
QUIET_SECONDS, MANY = 170.0, 60
# The parts of an account's refill that the regular lists of endpoints and of marketplace subscriptions may use.
SHARE, SUBSCRIPTIONS_SHARE = 0.15, 0.05
SUBSCRIPTIONS_SECONDS = 600.0
SIZES_TTL_SECONDS = 30.0


@dataclass
class Pace:
    """Remembers for half a minute how much each account has to read."""

    _sizes: dict[Account, tuple[int, int]] = field(default_factory=dict)
    _measured: float = float("-inf")

    def next_read(self, read: WorkspaceRead, account: Account, is_moving: bool, now: datetime) -> datetime:
        """When to read the workspace again after a complete list; `is_moving` if something works in it."""
        pages, number = self._size(account)
        least = max(MIN_SECONDS, pages / (SHARE * READS.refill))
        seconds = least
        if is_moving:
            seconds = max(MOVING_SECONDS, pages / READS.refill)
        elif number > MANY and (read.changed_at is None or now - read.changed_at > QUIET_AFTER):
            seconds = max(least, QUIET_SECONDS)
        return now + timedelta(seconds=min(seconds, MAX_SECONDS) * random.uniform(0.9, 1.1))  # noqa: S311  (jitter)

    def next_read_of_subscriptions(self, account: Account, now: datetime) -> datetime:
        """When to read the marketplace subscriptions of a workspace again."""
        _, number = self._size(account)
        seconds = max(SUBSCRIPTIONS_SECONDS, number / (SUBSCRIPTIONS_SHARE * READS.refill))
        return now + timedelta(seconds=seconds * random.uniform(0.9, 1.1))  # noqa: S311  (jitter)

    def _size(self, account: Account) -> tuple[int, int]:
        """The pages and the workspaces that the account reads."""
        if time.monotonic() - self._measured > SIZES_TTL_SECONDS:
            rows = WorkspaceRead.objects.order_by().values_list("read_as", "workspace__subscription_id")
            self._sizes = {
                (read_as, subscription.lower()): (pages, number)
                for read_as, subscription, pages, number in rows.annotate(pages_=Sum("pages"), number=Count("pk"))
            }
            self._measured = time.monotonic()
        return self._sizes.get(account, (1, 1))


def after_failure(faults: int, wait: float | None, now: datetime) -> datetime:
    """When to read again after a read that said nothing: later each time, but not before Azure's Retry-After."""
    seconds = max(wait or 0.0, min(MAX_SECONDS, 5.0 * 2 ** min(faults, 10)))
    return now + timedelta(seconds=seconds * random.uniform(1, 1.1))  # noqa: S311  (jitter)


def moving(workspaces: Collection[UUID]) -> set[UUID]:
    """Those of these workspaces in which an endpoint works."""
    working = Endpoint.objects.filter(workspace__in=workspaces, urgency=Urgency.WORKING)
    return set(working.values_list("workspace", flat=True))
