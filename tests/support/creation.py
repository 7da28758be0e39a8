"""Asking for endpoints and letting time pass, for the tests of what becomes of them."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.test import Client
from django.utils import timezone

from endpoints.models import Endpoint, Operation, Workspace
from tests.support.azure import Azure
from tests.support.worker import run_due, shared_worker

Ask = Callable[..., Operation]
PHI = "azureml://registries/azureml/models/Phi-4-mini-instruct"


def filled_in(workspace: Workspace, name: str = "chat", **changes: Any) -> dict[str, Any]:
    """The form as most people send it."""
    typed = {
        "submission_id": str(uuid4()),
        "workspace": str(workspace.pk),
        "name": name,
        "model_id": PHI,
        "auth_mode": "Key",
        "sku_name": "Consumption",
    }
    return {**typed, **changes}


def submit(client: Client, workspace: Workspace, name: str = "chat", **changes: Any) -> Endpoint:
    answer = client.post("/endpoints/new", filled_in(workspace, name, **changes))
    assert answer.status_code == 303, answer.content.decode()
    return Endpoint.objects.get(workspace=workspace, name__iexact=name)


def one_step(azure: Azure, seconds: float = 0) -> None:
    """Everything that waits becomes due, and what is due is done once."""
    azure.advance(seconds)
    shared_worker().budget.reset()
    for operation in Operation.objects.filter(settled_at=None, needs_sign_in=False):
        Operation.objects.filter(pk=operation.pk).update(next_step_at=timezone.now())
        run_due(only=operation.pk)


def settle(azure: Azure, endpoint: Endpoint, rounds: int = 15) -> Endpoint:
    """Let half a minute pass again and again until the endpoint rests."""
    for _ in range(rounds):
        one_step(azure, 35)
        if not endpoint.operations.filter(settled_at=None, needs_sign_in=False).exists():
            break
    endpoint.refresh_from_db()
    return endpoint


def texts(endpoint: Endpoint) -> list[str]:
    return [event.text for event in endpoint.events.order_by("id")]
