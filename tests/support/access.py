"""Read what users may see in Azure, as a worker does."""

from django.utils import timezone

from accounts.models import User
from endpoints.arm.budget import MemoryBudget
from endpoints.fleet.access import AccessReader
from endpoints.models import AccessRead, WorkspaceAccess


def read_access(user: User) -> AccessRead:
    """Read it now; returns what came of it."""
    AccessRead.objects.update_or_create(user=user, defaults={"due_at": timezone.now()})
    reader = AccessReader(MemoryBudget())
    assert reader.run_due() == 1
    reader.close()
    return AccessRead.objects.get(user=user)


def readable(user: User) -> list[str]:
    rows = WorkspaceAccess.objects.filter(user=user, readable=True)
    return sorted(rows.values_list("workspace__name", flat=True))
