"""The rows of an organisation with 750 workspaces."""

import time
from collections.abc import Iterable
from itertools import islice
from random import Random

from django.conf import settings
from django.db import connection
from django.db.models import F
from django.test import Client
from django.utils import timezone

from accounts.models import User
from endpoints.arm.serverless_endpoint import ServerlessEndpoint
from endpoints.fleet.counts import recount
from endpoints.models import AccessRead, Endpoint, Workspace, WorkspaceAccess, WorkspaceRead
from endpoints.states import State, Urgency

WORKSPACES, OWNERS, MODELS = 750, 200, 40
REGIONS = (
    "australiaeast", "brazilsouth", "canadacentral", "eastus", "eastus2", "francecentral",
    "japaneast", "northcentralus", "southcentralus", "swedencentral", "westus", "westus3",
)  # fmt: skip
# Most are at rest, some in progress, and some need a user.
STATES = [State.ONLINE] * 16 + [State.CREATING] * 2 + [State.FAILED, State.NEEDS_SIGN_IN]
OBSERVED = {"properties": {"provisioningState": "Succeeded", "endpointState": "Online"}, "tags": {"team": "search"} | {
    f"key-{number}": "x" * 40 for number in range(10)
}}  # fmt: skip
RESOURCE = ServerlessEndpoint.from_json(OBSERVED)
BATCH = 1_000


def make_workspaces() -> None:
    """Each team has three: for development, tests and production."""
    now = timezone.now()
    workspaces = [
        Workspace(
            subscription_id=f"8f2a1c66-5b0e-4d6f-9c1a-{number // 38:012d}",
            resource_group=f"rg-{team_of(number)}",
            name=f"{team_of(number)}-{('dev', 'test', 'prod')[number % 3]}",
            location=REGIONS[number % len(REGIONS)],
            registered_at=now,
        )
        for number in range(WORKSPACES)
    ]
    Workspace.objects.bulk_create(workspaces)
    WorkspaceRead.objects.bulk_create(WorkspaceRead(workspace=one, due_at=now, complete_at=now) for one in workspaces)
    User.objects.bulk_create(_user(f"owner-{number}") for number in range(OWNERS))


def team_of(workspace: int) -> str:
    return f"team{workspace // 3:03}"


def make_reader(number: int) -> User:
    """A user who may read this many of the workspaces, spread evenly."""
    now, user = timezone.now(), _user(f"reads-{number}")
    user.save()
    workspaces = Workspace.objects.order_by("name").values_list("pk", flat=True)
    WorkspaceAccess.objects.bulk_create(
        WorkspaceAccess(
            user=user,
            workspace_id=pk,
            readable=number * (index + 1) // WORKSPACES > number * index // WORKSPACES,
            checked_at=now,
        )
        for index, pk in enumerate(workspaces)
    )
    AccessRead.objects.create(user=user, complete_at=now)
    return user


def signed_in(user: User) -> Client:
    client = Client(headers={"host": settings.PUBLIC_HOST})
    client.force_login(user, backend="accounts.backend.EntraBackend")
    session = client.session
    session.update({"signed_in_at": time.time(), "active_at": time.time()})
    session.save()
    return client


def make_endpoints(first: int, end: int) -> None:
    """Rows with these numbers. Their names begin with the team of their workspace."""
    owners = list(User.objects.filter(username__startswith="owner-"))
    rows = _endpoints(range(first, end), list(Workspace.objects.order_by("name")), owners)
    while batch := list(islice(rows, BATCH)):
        Endpoint.objects.bulk_create(batch)
    # In one statement, because the models take their time to write JSON.
    Endpoint.objects.filter(observed=None).update(requested=RESOURCE, observed=RESOURCE)
    Workspace.objects.update(version=F("version") + 1)
    while recount():
        pass
    if connection.vendor == "postgresql":
        # As autovacuum does some minutes later.
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")


def _endpoints(numbers: range, workspaces: list[Workspace], owners: list[User]) -> Iterable[Endpoint]:
    now, chance = timezone.now(), Random(numbers.start)
    for number in numbers:
        workspace, state = workspaces[number % WORKSPACES], chance.choice(STATES)
        name = f"{workspace.name}-{number:07}"
        yield Endpoint(
            workspace=workspace,
            name=name,
            owner=owners[number % OWNERS],
            created_at=now,
            state_since=now,
            changed_at=now,
            confirmed_at=now,
            model_id=f"azureml://registries/azureml/models/Phi-4-{number % MODELS}",
            inference_uri=f"https://{name}.{workspace.location}.models.ai.azure.com",
            state=state,
            urgency=Urgency.of(state),
        )


def _user(name: str) -> User:
    return User(
        tid="t", oid=name, username=f"{name}@example.com", name=name, roles=["Admin"], roles_checked_at=timezone.now()
    )
