"""Count the endpoints of each workspace by state, for the filters of the table."""

from collections import defaultdict
from uuid import UUID

from django.db.models import Count, F

from endpoints.models import Endpoint, Workspace

# How many workspaces are counted in one go.
BATCH = 100


def recount() -> int:
    """Count in workspaces that have changed since they were last counted; returns their number.

    The version is read before the endpoints: if they change in between, the counts are newer than their version, and
    the workspace is counted again. So workers may do this at the same time, or be killed.
    """
    changed = Workspace.objects.exclude(version=F("counted_version")).order_by()
    versions = dict(changed.values_list("pk", "version")[:BATCH])
    if not versions:
        return 0
    counts: dict[UUID, dict[str, int]] = defaultdict(dict)
    endpoints = Endpoint.objects.filter(workspace__in=versions).order_by()
    for workspace, state, number in endpoints.values_list("workspace", "state").annotate(number=Count("*")):
        counts[workspace][state] = number
    # One statement each: together they would hold locks that another worker, in another order, waits for.
    for workspace, version in versions.items():
        Workspace.objects.filter(pk=workspace).update(counts=counts[workspace], counted_version=version)
    return len(versions)
