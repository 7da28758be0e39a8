"""One list of a workspace instead of many single reads.

Where several operations of one workspace run, a list tells which of them have moved; only those are then read by their
own monitors. A single operation, one whose monitor was not read for a while, and one that a list cannot tell about are
read by themselves.
"""

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from endpoints.arm.http import ArmResponse, ArmResult
from endpoints.arm.operations import TERMINAL
from endpoints.engine.leases import Group
from endpoints.engine.observe import provisioning_state
from endpoints.engine.tokens import poll_identity_key
from endpoints.engine.update import is_overdue
from endpoints.models import Operation
from endpoints.states import Phase

# Whatever lists say, a monitor is read at least every so many times: it may know of an end that no resource shows.
FULL_READ_EVERY = 8
# How long a workspace is not listed after a list of it could not be read.
NOT_LISTED_FOR_SECONDS = 600.0


@dataclass
class WorkspaceLister:
    """What this process remembers of the lists it has read: how many pages they have, and which cannot be read."""

    pages: dict[Group, int] = field(default_factory=dict)
    blocked_until: dict[Group, float] = field(default_factory=dict)

    def may_list(self, group: Group) -> bool:
        return self.blocked_until.get(group, 0.0) < time.monotonic()

    def worth_listing(self, operations: Iterable[Operation], now: datetime) -> dict[Group, list[Operation]]:
        """The operations for which one list, with all its pages, costs fewer reads than one read each."""
        groups: dict[Group, list[Operation]] = defaultdict(list)
        for operation in operations:
            group = poll_identity_key(operation.requested_by_id), operation.endpoint.workspace_id
            if _can_be_listed(operation, now) and self.may_list(group):
                groups[group].append(operation)
        return {group: rows for group, rows in groups.items() if len(rows) > self.pages.get(group, 1)}

    def observe(self, group: Group, responses: list[ArmResult]) -> None:
        self.pages[group] = len(responses)
        refused = [
            one for one in responses if isinstance(one, ArmResponse) and 400 <= one.status < 500 and one.status != 429
        ]
        if refused:
            self.blocked_until[group] = time.monotonic() + NOT_LISTED_FOR_SECONDS


def still_running(operations: list[Operation], responses: list[ArmResult]) -> list[Operation]:
    """Those of the operations on which, as the list shows, Azure still works; about the others it tells nothing."""
    statuses: dict[str, str] = {}
    for response in responses:
        items = response.object.get("value") if isinstance(response, ArmResponse) and response.status == 200 else None
        for item in items if isinstance(items, list) else []:
            if isinstance(item, dict) and isinstance(item.get("name"), str):
                statuses[item["name"].lower()] = provisioning_state(item)
    return [one for one in operations if _works(statuses.get(one.endpoint.name.lower(), ""))]


def _works(status: str) -> bool:
    return status != "" and status.lower() not in TERMINAL


def _can_be_listed(operation: Operation, now: datetime) -> bool:
    # What was parked or set aside is read by itself first, and thereby shown as running again.
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
        and not is_overdue(operation, now)
    )
