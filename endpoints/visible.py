"""The workspaces that Azure shows to the users who may register them."""

from datetime import datetime

from accounts.models import User
from endpoints.arm.resources import Subscription, WorkspaceResource
from endpoints.arm.visibility import Seen
from endpoints.models import VisibleWorkspace

# What Azure may change about a workspace.
COLUMNS = ["subscription_name", "resource_group", "name", "location"]


def save_visible(user: User, seen: Seen, at: datetime) -> None:
    """Save the workspaces of the complete lists, and delete those that these no longer show."""
    known = {row.key: row for row in VisibleWorkspace.objects.filter(user=user)}
    listed = {row.key: row for row in _rows(user, seen, at)}
    new = [row for key, row in listed.items() if key not in known]
    VisibleWorkspace.objects.bulk_create(new, ignore_conflicts=True, batch_size=500)
    for key in listed.keys() & known.keys():
        listed[key].pk = known[key].pk
        listed[key].subscription_name = listed[key].subscription_name or known[key].subscription_name
    changed = [row for key, row in listed.items() if key in known and _differs(row, known[key])]
    VisibleWorkspace.objects.bulk_update(changed, COLUMNS, batch_size=100)
    hidden = [row.pk for key, row in known.items() if key not in listed and seen.is_listed(row.subscription_id)]
    VisibleWorkspace.objects.filter(user=user, pk__in=hidden).delete()


def _rows(user: User, seen: Seen, at: datetime) -> list[VisibleWorkspace]:
    rows = []
    for subscription_id, resources in seen.lists.items():
        subscription = (seen.subscriptions or {}).get(subscription_id)
        rows += [_row(user, subscription_id, subscription, resource, at) for resource in resources]
    return rows


def _row(
    user: User, subscription_id: str, subscription: Subscription | None, resource: WorkspaceResource, at: datetime
) -> VisibleWorkspace:
    """The columns hold as much of an odd id as fits, and its key shows that it is odd."""
    return VisibleWorkspace(
        user=user,
        subscription_id=subscription_id[:36],
        subscription_name=subscription.name[:200] if subscription else "",
        resource_group=resource.id.resource_group if resource.id else "",
        name=resource.id.name if resource.id else resource.name[:90],
        location=resource.location[:90],
        key=resource.key[:500],
        first_seen_at=at,
    )


def _differs(row: VisibleWorkspace, known: VisibleWorkspace) -> bool:
    return any(getattr(row, column) != getattr(known, column) for column in COLUMNS)
