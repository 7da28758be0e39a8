"""Actions of users in an installation, and its rows. Runs in a Django process of its own on the same database."""

from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db.models import Count
from django.test import Client
from django.utils import timezone

from accounts.actor import Actor
from accounts.models import AuditEntry, User
from emulator.seed import FIRST_WORKSPACES
from endpoints import services
from endpoints.arm.serverless_endpoint import EndpointUpdate
from endpoints.fleet.reader import add_missing_reads
from endpoints.models import Endpoint, Workspace, WorkspaceRead
from endpoints.tasks import send_requested, sweep
from endpoints.workspaces import unregister_workspace
from tests.support.azure import Azure
from tests.support.creation import submit


@dataclass(frozen=True)
class Row:
    """An endpoint and its latest operation."""

    state: str
    reason: str
    inference_uri: str
    kind: str
    phase: str
    outcome: str
    code: str
    lease_owner: str
    history: list[str]
    audited: list[str]


def register_workspaces() -> None:
    """Register ml-production and ml-research."""
    for seed in FIRST_WORKSPACES:
        Workspace.objects.create(
            subscription_id=seed.subscription_id,
            resource_group=seed.resource_group,
            name=seed.name,
            location=seed.location,
            registered_at=timezone.now(),
        )


def create(person: str, name: str, workspace: str = "ml-production") -> None:
    submit(_browser(person), Workspace.objects.get(name=workspace), name)


def delete(person: str, name: str) -> None:
    services.delete_endpoint(_endpoint(name), uuid4(), _actor(person))


def update(person: str, name: str, changes: dict[str, Any]) -> None:
    services.update_endpoint(_endpoint(name), EndpointUpdate.from_json(changes), uuid4(), _actor(person))


def regenerate_key(person: str, name: str) -> None:
    services.regenerate_key(_endpoint(name), "Primary", uuid4(), _actor(person))


def unregister(person: str, workspace: str) -> None:
    unregister_workspace(Workspace.objects.get(name=workspace), _actor(person))


def workspaces() -> list[str]:
    """The registered ones."""
    return list(Workspace.objects.values_list("name", flat=True))


def row(name: str) -> Row:
    endpoint = _endpoint(name)
    latest = endpoint.operations.order_by("-requested_at")[0]
    return Row(
        endpoint.state,
        endpoint.reason,
        endpoint.inference_uri,
        latest.kind,
        latest.phase,
        latest.outcome,
        (latest.error or {}).get("code", ""),
        latest.lease_owner if latest.lease else "",
        [event.text for event in endpoint.events.order_by("id")],
        list(
            AuditEntry.objects.filter(target=endpoint.arm_id, action=latest.spec.audit_action)
            .order_by("id")
            .values_list("outcome", flat=True)
        ),
    )


def read_all() -> None:
    """Have every workspace read now."""
    add_missing_reads()
    now = timezone.now()
    WorkspaceRead.objects.update(due_at=now, wanted_at=now, body_hash="")


def readers() -> list[str]:
    """The processes that are reading a workspace."""
    return list(WorkspaceRead.objects.exclude(lease=None).values_list("lease_owner", flat=True))


def found() -> dict[str, int]:
    """The endpoints that were made elsewhere, and how often that was reported."""
    rows = Endpoint.objects.filter(owner=None)
    return dict(rows.annotate(reports=Count("events")).values_list("name", "reports"))


def publish_messages(times: int) -> None:
    """Publish the messages of a click and of beat this many times."""
    for _ in range(times):
        send_requested.delay()
        sweep.delay()


@cache
def _browser(person: str) -> Client:
    """The browser of a user who signed in through the real flow."""
    client = Client(headers={"host": settings.PUBLIC_HOST})
    back = Azure(settings.EMULATOR_URL).pick(client.get("/auth/start")["Location"], person)
    response = client.get(back.removeprefix(settings.PUBLIC_BASE_URL))
    assert response.status_code == 302, response.content.decode()
    return client


def _actor(person: str) -> Actor:
    _browser(person)
    return Actor(User.objects.get(username=f"{person}@emulator.test"), str(uuid4()))


def _endpoint(name: str) -> Endpoint:
    return Endpoint.objects.select_related("workspace").get(name=name)
