"""One list of a workspace instead of many single reads.

If several operations run in one workspace, a list shows which of them have moved, and only those are read by their own
monitors. A single operation, one whose monitor was not read for a while, and one that a list cannot show are read by
themselves.
"""

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from endpoints.arm.http import ArmResponse, ArmResult
from endpoints.arm.operations import TERMINAL
from endpoints.arm.serverless_endpoint import provisioning_states_in
from endpoints.engine.leases import Group
from endpoints.engine.tokens import poll_identity_key
from endpoints.engine.update import is_past_deadline
from endpoints.models import Operation
from endpoints.states import Phase

# The monitor itself is read at least every so many times: it may report an end that no resource shows.
FULL_READ_EVERY = 8
# How long a workspace is not listed after Azure refused a list of it.
BLOCKED_SECONDS = 600.0


@dataclass
class WorkspaceLister:
    """The memory of the lists that this process has read: how many pages each has, and which are refused."""

    pages: dict[Group, int] = field(default_factory=dict)
    blocked_until: dict[Group, float] = field(default_factory=dict)

    def may_list(self, group: Group) -> bool:
        return self.blocked_until.get(group, 0.0) < time.monotonic()

    def worth_listing(self, operations: Iterable[Operation], now: datetime) -> dict[Group, list[Operation]]:
        """The operations for which one list, with all its pages, costs fewer reads than a read of each."""
        groups: dict[Group, list[Operation]] = defaultdict(list)
        for operation in operations:
            group = poll_identity_key(operation.requested_by_id), operation.endpoint.workspace_id
            if _can_be_listed(operation, now) and self.may_list(group):
                groups[group].append(operation)
        return {group: rows for group, rows in groups.items() if len(rows) > self.pages.get(group, 1)}

    def observe(self, group: Group, pages: list[ArmResult]) -> None:
        self.pages[group] = len(pages)
        if any(isinstance(page, ArmResponse) and 400 <= page.status < 500 and page.status != 429 for page in pages):
            self.blocked_until[group] = time.monotonic() + BLOCKED_SECONDS


def still_running(operations: list[Operation], pages: list[ArmResult]) -> list[Operation]:
    """The operations on which, as the list shows, Azure still works; it says nothing about the others."""
    statuses: dict[str, str] = {}
    for page in pages:
        if isinstance(page, ArmResponse) and page.status == 200:
            statuses |= provisioning_states_in(page.object)
    return [one for one in operations if _is_working(statuses.get(one.endpoint.name.lower(), ""))]


def _is_working(status: str) -> bool:
    return status != "" and status.lower() not in TERMINAL


def _can_be_listed(operation: Operation, now: datetime) -> bool:
    # An operation that was parked or quarantined is first read by itself, and thereby shown as running again.
    shown = operation.endpoint
    return (
        operation.phase == Phase.FOLLOWING
        and operation.spec.reads_resource
        and shown.shown_state.is_working
        and not shown.reason
        and not operation.faults
        and not operation.unreadable
        and not operation.force_token_refresh
        and operation.polls % FULL_READ_EVERY != FULL_READ_EVERY - 1
        and not is_past_deadline(operation, now)
    )
