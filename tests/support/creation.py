"""Create endpoints, and let time pass until they are settled."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.test import Client
from django.utils import timezone

from endpoints.models import Endpoint, Operation, Workspace
from tests.support.azure import Azure
from tests.support.worker import run_due, shared_worker

# Calls a service for one endpoint in a user's name.
Act = Callable[..., Operation]
PHI = "azureml://registries/azureml/models/Phi-4-mini-instruct"


def filled_in(workspace: Workspace, name: str = "chat", **changes: Any) -> dict[str, Any]:
    """The form as most users send it."""
    form = {
        "submission_id": str(uuid4()),
        "workspace": str(workspace.pk),
        "name": name,
        "model_id": PHI,
        "auth_mode": "Key",
        "sku_name": "Consumption",
    }
    return {**form, **changes}


def submit(client: Client, workspace: Workspace, name: str = "chat", **changes: Any) -> Endpoint:
    response = client.post("/endpoints/new", filled_in(workspace, name, **changes))
    assert response.status_code == 303, response.content.decode()
    return Endpoint.objects.get(workspace=workspace, name__iexact=name)


def one_step(azure: Azure, seconds: float = 0) -> None:
    """Make every operation due, and take one step of each."""
    azure.advance(seconds)
    shared_worker().budget.reset()
    for operation in Operation.objects.filter(settled_at=None, needs_sign_in=False):
        Operation.objects.filter(pk=operation.pk).update(next_step_at=timezone.now())
        run_due(only=operation.pk)


def settle(azure: Azure, endpoint: Endpoint, rounds: int = 15) -> Endpoint:
    """Let half a minute pass at a time until the endpoint has no running operation."""
    for _ in range(rounds):
        one_step(azure, 35)
        if not endpoint.operations.filter(settled_at=None, needs_sign_in=False).exists():
            break
    endpoint.refresh_from_db()
    return endpoint


def texts(endpoint: Endpoint) -> list[str]:
    return [event.text for event in endpoint.events.order_by("id")]
