"""Claim what is due: a worker leases a row for as long as its read may take.

The rules are those of operations, `endpoints.engine.leases`: a worker that lost its lease writes nothing.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeVar
from uuid import uuid4

from django.db import connection, transaction
from django.db.models import Model, Q, QuerySet

from endpoints import clock
from endpoints.engine.leases import RELEASED, dead_owners, lease_owner
from endpoints.models import AccessRead, EndpointCheck, WorkspaceRead
from endpoints.models.leased import Leased

L = TypeVar("L", bound=Leased)

LEASED_MODELS: tuple[type[Leased], ...] = (WorkspaceRead, EndpointCheck, AccessRead)


def claim(rows: QuerySet[L], room: int, lease_for: timedelta) -> list[L]:
    """Claim up to `room` of these rows that are due, in their order. An idle claim takes no lock."""
    now = clock.now()
    unleased = Q(lease=None) | Q(lease_until__lte=now)
    due = rows.filter(unleased, due_at__lte=now)
    if room <= 0 or not due.exists():
        return []
    lease = uuid4()
    with transaction.atomic():
        locked = due
        if connection.features.has_select_for_update_skip_locked:
            locked = due.select_for_update(skip_locked=True, of=("self",))
        ids = list(locked.values_list("pk", flat=True)[:room])
        claimed = rows.model._default_manager.filter(unleased, pk__in=ids, due_at__lte=now)
        claimed.update(lease=lease, lease_until=now + lease_for, lease_owner=lease_owner())
    return list(rows.filter(lease=lease))


def still_leased(rows: Sequence[Leased]) -> QuerySet[Any]:
    """Those of these rows, all of one model, that still have the lease with which they were claimed."""
    model: type[Model] = type(rows[0])
    return model._default_manager.filter(pk__in=[row.pk for row in rows], lease__in={row.lease for row in rows})


def reclaim_orphaned() -> int:
    """Release what dead processes on this host had claimed."""
    number = 0
    for model in LEASED_MODELS:
        leased = model._default_manager.filter(lease__isnull=False)
        dead = dead_owners(leased.values_list("lease_owner", flat=True))
        number += leased.filter(lease_owner__in=dead).update(**RELEASED) if dead else 0
    return number
