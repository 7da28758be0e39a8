"""Workspaces with endpoints, and users who may read some of them."""

from collections.abc import Iterable

from django.utils import timezone

from accounts.models import User
from endpoints.models import AccessRead, Endpoint, Workspace, WorkspaceAccess
from endpoints.states import State, Urgency
from endpoints.versions import bump


def make_workspaces(number: int) -> list[Workspace]:
    return Workspace.objects.bulk_create(
        Workspace(
            subscription_id="8f2a1c66-5b0e-4d6f-9c1a-e0d35a1b0001",
            resource_group="rg",
            name=f"w{index}",
            location=f"region{index % 3}",
            registered_at=timezone.now(),
        )
        for index in range(number)
    )


def make_reader(readable: Iterable[Workspace], hidden: Iterable[Workspace] = ()) -> User:
    user = User.objects.create(tid="t", oid=str(User.objects.count()), username="reader@example.com", name="Reader")
    for workspaces, may_read in ((readable, True), (hidden, False)):
        WorkspaceAccess.objects.bulk_create(
            WorkspaceAccess(user=user, workspace=workspace, readable=may_read, checked_at=timezone.now())
            for workspace in workspaces
        )
    AccessRead.objects.create(user=user, complete_at=timezone.now())
    return user


def make_endpoints(workspace: Workspace, rows: Iterable[tuple[str, State]]) -> None:
    """Endpoints with these names, in these states; each has changed after the one before."""
    now = timezone.now()
    Endpoint.objects.bulk_create(
        Endpoint(
            workspace=workspace,
            name=name,
            created_at=now,
            state_since=now,
            changed_at=timezone.now(),
            model_id="azureml://registries/azureml/models/Phi-4",
            state=state,
            urgency=Urgency.of(state),
        )
        for name, state in rows
    )
    bump(workspace.pk)
