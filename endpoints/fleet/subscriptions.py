"""Read the marketplace subscriptions of a workspace, after a complete list of its endpoints.

A problem with them is not one of the workspace: its endpoints may be readable where its subscriptions are not.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import transaction

from endpoints.arm.http import ArmResult
from endpoints.arm.json_fields import JsonObject
from endpoints.arm.marketplace_subscription import MarketplaceSubscriptionResource
from endpoints.engine.leases import RELEASED, lease_owner
from endpoints.fleet.leases import still_leased
from endpoints.fleet.listing import Unreadable, listing_of
from endpoints.fleet.pace import SUBSCRIPTIONS_SECONDS
from endpoints.fleet.sighting import Sighting
from endpoints.models import MarketplaceSubscription, SubscriptionsRead, WorkspaceRead
from endpoints.versions import bump

MAX_MODEL_ID, MAX_STATUS = 1024, 50


def is_due(read: WorkspaceRead, now: datetime) -> bool:
    """Whether to read the subscriptions after this read: less often than the endpoints, which change more."""
    if isinstance(read, SubscriptionsRead):
        return False
    return read.subscriptions_due_at is None or read.subscriptions_due_at <= now


def claim(read: WorkspaceRead, lease_for: timedelta, now: datetime) -> SubscriptionsRead | None:
    """Lease the workspace once more, unless another worker has claimed it meanwhile.

    The next list of endpoints stays due at its time, so nothing is lost with a worker that is killed.
    """
    rows, lease = SubscriptionsRead.objects.filter(pk=read.pk), uuid4()
    unleased = rows.filter(lease=None, subscriptions_due_at=read.subscriptions_due_at)
    if not unleased.update(lease=lease, lease_until=now + lease_for, lease_owner=lease_owner()):
        return None
    return rows.select_related("workspace").filter(lease=lease).first()


def conclude(
    read: SubscriptionsRead,
    responses: list[ArmResult] | Exception,
    next_read: Callable[[], datetime],
    sighting: Sighting,
) -> Unreadable | None:
    """Record a complete list; returns why the response was none."""
    listing = listing_of(responses, read.workspace.arm_id)
    if isinstance(listing, Unreadable):
        return listing
    began = sighting.began
    columns = {"subscriptions_at": began, "subscriptions_problem": "", "subscriptions_due_at": next_read(), **RELEASED}
    with transaction.atomic():
        if not still_leased([read]).update(**columns):
            return None
        if reconcile(read, listing.items, began) or read.subscriptions_problem or read.subscriptions_at is None:
            bump(read.workspace_id)
    return None


def fail(read: SubscriptionsRead, problem: Unreadable, now: datetime) -> None:
    """Keep the subscriptions that are known, and say why they cannot be read."""
    text, seconds = problem.problem[:500], max(problem.wait or 0.0, SUBSCRIPTIONS_SECONDS)
    due_at = now + timedelta(seconds=seconds)
    columns = {"subscriptions_problem": text, "subscriptions_due_at": due_at, **RELEASED}
    with transaction.atomic():
        if still_leased([read]).update(**columns) and text != read.subscriptions_problem:
            bump(read.workspace_id)


def reconcile(read: SubscriptionsRead, items: Iterable[JsonObject], began: datetime) -> bool:
    """Bring the rows in line with a complete list, within the caller's transaction; returns whether any changed."""
    rows = {row.name.lower(): row for row in read.workspace.subscriptions.all()}
    new, has_changed = [], False
    for name, item in _by_name(items).items():
        row = rows.pop(name, None)
        listed = _row(read, item, began)
        if row is None:
            new.append(listed)
        elif _shown(row) != _shown(listed):
            listed.pk, has_changed = row.pk, True
            listed.save()
    MarketplaceSubscription.objects.bulk_create(new)
    MarketplaceSubscription.objects.filter(pk__in=[row.pk for row in rows.values()]).delete()
    read.workspace.subscriptions.update(seen_at=began)
    return has_changed or bool(new or rows)


def _by_name(items: Iterable[JsonObject]) -> dict[str, JsonObject]:
    """Names compare without case."""
    return {item["name"].lower(): item for item in items if item.get("name") and isinstance(item["name"], str)}


def _row(read: SubscriptionsRead, item: JsonObject, began: datetime) -> MarketplaceSubscription:
    resource = MarketplaceSubscriptionResource.from_json(item)
    return MarketplaceSubscription(
        workspace=read.workspace,
        name=resource.name[:255],
        model_id=resource.model_id[:MAX_MODEL_ID],
        status=resource.status[:MAX_STATUS],
        observed=item,
        seen_at=began,
    )


def _shown(row: MarketplaceSubscription) -> tuple[object, ...]:
    return row.name, row.model_id, row.status, row.observed
