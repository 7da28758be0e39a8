"""Keep the findings of workspaces up to date: of those whose rows have changed, and of those whose time has come.

Findings are derived from the rows alone, so a worker that is killed loses nothing.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, Q

from endpoints import clock
from endpoints.fleet.finding_rules import LOOK_AGAIN_AFTER, Found, find
from endpoints.models import Endpoint, Finding, Workspace
from endpoints.versions import bump

logger = logging.getLogger(__name__)

# One call takes this many workspaces, the next one the others.
MAX_WORKSPACES = 100


def refresh_findings(now: datetime | None = None) -> int:
    """Refresh the findings of the workspaces that need it; returns their number. One query if there are none."""
    now = now or clock.now()
    has_changed = ~Q(version=F("findings_version"))
    due = Workspace.objects.filter(has_changed | Q(findings_due_at=None) | Q(findings_due_at__lte=now))
    workspaces = list(due.order_by(F("findings_due_at").asc(nulls_first=True))[:MAX_WORKSPACES])
    for workspace in workspaces:
        try:
            refresh(workspace, now)
        except (OperationalError, InterfaceError):
            raise  # the database is down, so the next call tries again
        except Exception:
            logger.exception("The findings of %s could not be refreshed", workspace.arm_id)
            _done(workspace, False, now + LOOK_AGAIN_AFTER)
    return len(workspaces)


def refresh(workspace: Workspace, now: datetime) -> None:
    """Bring the findings of a workspace up to date.

    If its rows change meanwhile, its version shows that, and the next call comes back to it.
    """
    with transaction.atomic():
        found, due_at = find(workspace, now)
        has_changed = _save(workspace, found)
        # Another worker was faster.
        if not _done(workspace, has_changed, due_at):
            transaction.set_rollback(True)


def _save(workspace: Workspace, found: Sequence[Found]) -> bool:
    """Bring the stored findings in line, within the caller's transaction; returns whether any changed."""
    stored = {(one.kind, one.endpoint_id, one.subscription_id): one for one in workspace.findings.all()}
    new: list[Finding] = []
    touched: set[UUID | None] = set()
    for one in found:
        detail = one.detail[:500]
        row = stored.pop((one.kind, one.endpoint_id, one.subscription_id), None)
        if row is None:
            target = {"endpoint_id": one.endpoint_id, "subscription_id": one.subscription_id}
            new.append(Finding(workspace=workspace, kind=one.kind, detail=detail, since=one.since, **target))
        elif row.detail != detail:
            Finding.objects.filter(pk=row.pk).update(detail=detail)
            touched.add(row.endpoint_id)
    if not (new or touched or stored):
        return False
    touched |= {one.endpoint_id for one in (*new, *stored.values())}
    _show(pk for pk in touched if pk)
    Finding.objects.bulk_create(new, ignore_conflicts=True)
    Finding.objects.filter(pk__in=[one.pk for one in stored.values()]).delete()
    return True


def _show(endpoints: Iterable[UUID]) -> None:
    """Increment their versions. They are locked in the order in which a list of the workspace locks them."""
    rows = Endpoint.objects.filter(pk__in=list(endpoints))
    list(rows.select_for_update().order_by("name", "pk").values_list("pk"))
    rows.update(version=F("version") + 1)


def _done(workspace: Workspace, has_changed: bool, due_at: datetime) -> bool:
    """Note to which version the findings belong; False if another worker has done that."""
    seen = {"findings_version": workspace.findings_version, "findings_due_at": workspace.findings_due_at}
    rows = Workspace.objects.filter(pk=workspace.pk, **seen)
    if not rows.update(findings_version=workspace.version + has_changed, findings_due_at=due_at):
        return False
    if has_changed:
        bump(workspace.pk)
    return True
