"""Check now: reads of Azure that users ask for. They take no operation slot, withdraw nothing and confer nothing."""

from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from django.db import transaction
from django.db.models import F, Sum

from accounts.models import User
from endpoints import clock
from endpoints.access import readable_ids
from endpoints.arm.budget import READS
from endpoints.models import Endpoint, EndpointCheck, Operation, WorkspaceRead
from endpoints.states import NOT_YET_ACCEPTED
from endpoints.versions import bump
from endpoints.wake import wake_reader_on_commit, wake_worker_on_commit

# Clicks of all users within this time are one read.
ONE_READ_WITHIN = timedelta(seconds=5)


def check_endpoint(endpoint: Endpoint, user: User) -> None:
    """Have the endpoint read once, and what runs on it polled now. Its state stays until Azure has answered."""
    now = clock.now()
    if endpoint.confirmed_at and now - endpoint.confirmed_at < ONE_READ_WITHIN:
        return
    with transaction.atomic():
        running = Operation.objects.filter(endpoint=endpoint, settled_at=None, needs_sign_in=False)
        if running.exists():
            _poll_now(endpoint)
            return
        _, is_new = EndpointCheck.objects.get_or_create(
            endpoint=endpoint, defaults={"requested_by": user, "requested_at": now, "due_at": now}
        )
        if is_new:
            Endpoint.objects.filter(pk=endpoint.pk).update(version=F("version") + 1)
            bump(endpoint.workspace_id)
            wake_reader_on_commit()


@dataclass(frozen=True)
class AllChecked:
    """The number of workspaces that are read now, and the seconds for which Azure's rate limit stretches that."""

    workspaces: int
    seconds: int


def check_all(user: User) -> AllChecked:
    """Have every workspace that the user may read read now. Many clicks are one read."""
    now = clock.now()
    reads = WorkspaceRead.objects.filter(workspace__in=readable_ids(user), workspace__gone_at=None)
    with transaction.atomic():
        reads.filter(wanted_at=None).update(wanted_at=now, due_at=now)
        wake_reader_on_commit()
    by_subscription = reads.order_by().values_list("workspace__subscription_id").annotate(pages=Sum("pages"))
    pages = [pages for _, pages in by_subscription]
    at_once = READS.bucket - READS.reserve
    return AllChecked(reads.count(), ceil(max(0.0, max(pages, default=0) - at_once) / READS.refill))


def _poll_now(endpoint: Endpoint) -> None:
    """Poll the running operation, or resume it from quarantine; never before Azure's Retry-After."""
    waiting = Operation.objects.filter(endpoint=endpoint, settled_at=None, needs_sign_in=False, lease=None)
    polls = waiting.exclude(phase__in=NOT_YET_ACCEPTED).filter(has_retry_after=False)
    if polls.update(next_step_at=clock.now()) or (
        endpoint.state == "unknown" and waiting.update(next_step_at=clock.now())
    ):
        wake_worker_on_commit()
