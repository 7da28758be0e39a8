"""Versions, which tell pages and workers what has changed.

Every change of an endpoint that the table shows increments its version and that of its workspace, in the transaction of
the change. A poll sums the versions of the workspaces that its user reads, so it costs the same for any number of
endpoints.

The workspace comes last in its transaction, and a transaction changes endpoints of one workspace only: so no two of
them wait for each other.
"""

from uuid import UUID

from django.db.models import F

from endpoints.models import Workspace


def bump(workspace_id: UUID) -> None:
    """Note that the table shows something new about the workspace or its endpoints."""
    Workspace.objects.filter(pk=workspace_id).update(version=F("version") + 1)
