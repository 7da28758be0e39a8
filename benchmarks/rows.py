"""The rows of a team with many endpoints."""

import time

from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.models import User
from endpoints.arm.serverless_endpoint import ServerlessEndpoint
from endpoints.models import Endpoint, Workspace, WorkspaceAccess
from endpoints.states import State, Urgency

# Most are at rest, some in progress, and some need a user.
STATES = [State.ONLINE] * 16 + [State.CREATING] * 2 + [State.FAILED, State.NEEDS_SIGN_IN]
OBSERVED = {"properties": {"provisioningState": "Succeeded", "endpointState": "Online"}, "tags": {"team": "search"} | {
    f"key-{number}": "x" * 40 for number in range(10)
}}  # fmt: skip


def signed_in_client() -> Client:
    """The browser of an Admin who may read ten workspaces."""
    now = timezone.now()
    user = User.objects.create(
        tid="t", oid="o", username="ada@example.com", name="Ada", roles=["Admin"], roles_checked_at=now
    )
    for number in range(10):
        workspace = Workspace.objects.create(
            subscription_id="8f2a1c66-5b0e-4d6f-9c1a-e0d35a1b0001",
            resource_group="rg",
            name=f"workspace-{number}",
            location="eastus2",
            registered_at=now,
        )
        WorkspaceAccess.objects.create(user=user, workspace=workspace, readable=True, checked_at=now)
    client = Client(headers={"host": settings.PUBLIC_HOST})
    client.force_login(user, backend="accounts.backend.EntraBackend")
    session = client.session
    session.update({"signed_in_at": time.time(), "active_at": time.time()})
    session.save()
    return client


def make_rows(first: int, end: int) -> None:
    now, owner, workspaces = timezone.now(), User.objects.get(), list(Workspace.objects.all())
    Endpoint.objects.bulk_create(
        [
            Endpoint(
                workspace=workspaces[number % 10],
                name=f"endpoint-{number:05}",
                owner=owner,
                created_at=now,
                state_since=now,
                changed_at=now,
                confirmed_at=now,
                requested=ServerlessEndpoint.from_json(OBSERVED),
                observed=ServerlessEndpoint.from_json(OBSERVED),
                model_id="azureml://registries/azureml/models/Phi-4-mini-instruct",
                inference_uri=f"https://endpoint-{number:05}.eastus2.models.ai.azure.com",
                state=STATES[number % len(STATES)],
                urgency=Urgency.of(STATES[number % len(STATES)]),
            )
            for number in range(first, end)
        ],
        batch_size=500,
    )
