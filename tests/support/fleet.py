"""Other people's acts in Azure, and the reads that show them here."""

from datetime import timedelta
from functools import cache
from typing import Any

from django.db.models import F
from django.utils import timezone

from endpoints.arm.budget import Budget
from endpoints.fleet.reader import FleetReader, add_missing_reads
from endpoints.models import Endpoint, EndpointCheck, Workspace, WorkspaceRead
from tests.support.azure import Azure
from tests.support.creation import PHI
from tests.support.worker import shared_worker


def shared_reader() -> FleetReader:
    """The reader beside the shared worker, which is replaced when settings change."""
    return _reader_with(shared_worker().budget)


@cache
def _reader_with(budget: Budget) -> FleetReader:
    return FleetReader(budget)


def read_fleet() -> None:
    """Read every workspace, and run the checks that are due."""
    add_missing_reads()
    shared_worker().budget.reset()
    WorkspaceRead.objects.update(due_at=timezone.now())
    shared_reader().run_due()


def read_again() -> None:
    """Read once more, as if ten seconds had passed."""
    earlier = F("missing_since") - timedelta(seconds=10)
    Endpoint.objects.exclude(missing_since=None).update(missing_since=earlier)
    WorkspaceRead.objects.exclude(missing_since=None).update(missing_since=earlier)
    EndpointCheck.objects.update(due_at=timezone.now())
    read_fleet()


def read_subscriptions() -> None:
    """Read every workspace and its marketplace subscriptions, as if ten minutes had passed."""
    WorkspaceRead.objects.update(subscriptions_due_at=None)
    read_fleet()


def others(azure: Azure, method: str, resource_id: str, body: Any = None, **query: Any) -> None:
    """Act in Azure as someone else, on the resource with this id."""
    url = f"{azure.url}/emulator/resources{resource_id}"
    azure.http.request(method, url, params=query, json=body, timeout=10).raise_for_status()


def others_create(azure: Azure, workspace: Workspace, name: str, model_id: str = PHI, **query: Any) -> str:
    """Returns the id of the endpoint."""
    arm_id = f"{workspace.arm_id}/serverlessEndpoints/{name}"
    others(azure, "PUT", arm_id, {"properties": {"modelSettings": {"modelId": model_id}}}, **query)
    return arm_id


def others_replace(azure: Azure, endpoint: Endpoint, **query: Any) -> dict[str, Any] | None:
    """Delete an endpoint, and create another one under its name a minute later. Returns the other one."""
    others(azure, "DELETE", endpoint.arm_id)
    azure.advance(60)
    others_create(azure, endpoint.workspace, endpoint.name, **{"by": "pipeline", **query})
    return azure.resource(endpoint.name)
