"""Every effect in docs/permissions.md: how a user causes it, and what it changed."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.actor import Actor
from accounts.models import AuditEntry, User
from accounts.policy import Action, may, refuse
from emulator.seed import FIRST_WORKSPACES
from endpoints import services
from endpoints.arm.serverless_endpoint import ServerlessEndpoint
from endpoints.models import Endpoint, EndpointCheck, Event, Operation, Workspace, WorkspaceAccess, WorkspaceRead
from tests.support.azure import Azure
from tests.support.creation import filled_in, one_step
from tests.support.fleet import others, others_create, read_fleet, shared_reader
from tests.support.processes import ROOT

DOCUMENT = ROOT / "docs" / "permissions.md"
PEOPLE = {
    "Viewer": ("vera", ["Viewer"]),
    "Operator, own": ("oscar", ["Operator"]),
    "Operator, others'": ("oscar", ["Operator"]),
    "Operator, no one's": ("oscar", ["Operator"]),
    "Admin": ("ada", ["Admin"]),
    "Keys alone": ("nora", ["Keys"]),
}
# Parts of the rows that an effect may change. Their versions also grow with reads.
ROWS: dict[str, Callable[[], QuerySet[Any, Any]]] = {
    "endpoint": lambda: Endpoint.objects.values_list("pk", "state", "owner", "requested", "drift"),
    "event": lambda: Event.objects.values_list("pk", "text"),
    "operation": lambda: Operation.objects.values_list("pk", "phase"),
    "check": lambda: EndpointCheck.objects.values_list("pk"),
    "read": lambda: WorkspaceRead.objects.values_list("pk", "wanted_at"),
    "workspace": lambda: Workspace.objects.values_list("pk"),
}


@dataclass(frozen=True)
class Effect:
    """A row of the table."""

    cells: dict[str, str]

    def __str__(self) -> str:
        return self.cells["effect"]

    def listed(self, column: str) -> set[str]:
        return set(re.findall(r"[\w-]+", self.cells[column].replace("–", "")))


@dataclass
class Scene:
    """A user, and the endpoint that the effect is about."""

    azure: Azure
    client: Client
    user: User
    workspace: Workspace
    endpoint: Endpoint

    def post(self, name: str, **form: Any) -> int:
        return self.client.post(reverse(f"endpoints:{name}", args=[self.endpoint.pk]), form).status_code


@dataclass
class Changes:
    """What has changed since it was made."""

    azure: Azure
    first: int = 0
    rows: dict[str, list[Any]] = field(default_factory=dict)
    entries: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.first = max((row["number"] for row in self.azure.requests()), default=0)
        self.rows = {name: rows_of(name) for name in ROWS}
        self.entries = set(AuditEntry.objects.values_list("pk", flat=True))

    def changed_rows(self) -> set[str]:
        return {name for name in ROWS if rows_of(name) != self.rows[name]}

    def audited(self) -> set[str]:
        return set(AuditEntry.objects.exclude(pk__in=self.entries).values_list("action", flat=True))

    def requests(self) -> list[dict[str, Any]]:
        """The requests about endpoints that have reached Azure."""
        return [
            row
            for row in self.azure.requests()
            if row["number"] > self.first and "/serverlessendpoints" in row["path"].lower()
        ]

    def methods(self) -> set[str]:
        return {row["method"] for row in self.requests()}


def rows_of(name: str) -> list[Any]:
    return list(ROWS[name]().order_by("pk"))


def effects() -> list[Effect]:
    lines = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    head, body = rows[0], [row for row in rows[2:] if len(row) == len(rows[0])]
    return [Effect(dict(zip(head, row, strict=True))) for row in body]


def found_endpoint(azure: Azure, workspace: Workspace) -> Endpoint:
    """An endpoint that a list has shown. It needs a signed-in user who reads the workspace."""
    others_create(azure, workspace, "chat")
    read_fleet()
    Endpoint.objects.update(created_at=timezone.now() - timedelta(hours=1))
    return Endpoint.objects.get(name="chat")


def let_workers_work(azure: Azure) -> None:
    shared_reader().run_due()
    for _ in range(4):
        one_step(azure, 35)


def make_failed(scene: Scene) -> None:
    """The row of a creation that failed."""
    others(scene.azure, "DELETE", scene.endpoint.arm_id)
    Endpoint.objects.update(state="failed", observed=None, observed_at=None, observed_hash="", listed_as="")


def make_drift(scene: Scene) -> None:
    """Azure holds another tag than was requested."""
    observed = scene.endpoint.observed or ServerlessEndpoint()
    Endpoint.objects.update(requested=replace(observed, tags={"team": "search"}))
    others(scene.azure, "PATCH", scene.endpoint.arm_id, {"tags": {"team": "ads"}})
    read_fleet()


def make_unconfirmed(scene: Scene) -> None:
    Endpoint.objects.update(confirmed_at=timezone.now() - timedelta(minutes=1))


def make_hidden(scene: Scene) -> None:
    """Azure no longer lets anyone read the workspace, and that is known."""
    scene.azure.fault("error", where="workspace", status=403, code="AuthorizationFailed")
    WorkspaceAccess.objects.filter(user=scene.user).update(readable=False)


def make_unregistered(scene: Scene) -> None:
    Workspace.objects.exclude(pk=scene.workspace.pk).delete()


PREPARE: dict[str, Callable[[Scene], None]] = {
    "see an endpoint that Azure hides from the user": make_hidden,
    "create a failed endpoint again": make_failed,
    "send the request again": make_drift,
    "accept what Azure holds": make_drift,
    "check an endpoint": make_unconfirmed,
    "register a workspace": make_unregistered,
}


def see(scene: Scene) -> int:
    return scene.client.get(scene.endpoint.get_absolute_url()).status_code


def create(scene: Scene, name: str) -> int:
    return scene.client.post("/endpoints/new", filled_in(scene.workspace, name)).status_code


def send_again(scene: Scene) -> int:
    return scene.post("send_again", seen=scene.endpoint.observed_hash, submission_id=str(uuid4()))


def by_policy(scene: Scene, action: Action) -> int:
    """The policy of an effect that has no page yet."""
    if may(scene.user, action, scene.endpoint):
        return 200
    try:
        refuse(Actor(scene.user), action, scene.endpoint.arm_id)
    except PermissionDenied:
        return 403


def regenerate_key(scene: Scene) -> int:
    status = by_policy(scene, Action.REGENERATE_KEYS)
    if status == 200:
        services.regenerate_key(scene.endpoint, "Primary", uuid4(), Actor(scene.user, str(uuid4())))
    return status


def register(scene: Scene) -> int:
    form = {"resource_id": FIRST_WORKSPACES[1].resource_id}
    return scene.client.post(reverse("endpoints:register_workspace"), form).status_code


def on_workspace(scene: Scene, name: str) -> int:
    form = {"typed_name": scene.workspace.name}
    return scene.client.post(reverse(f"endpoints:{name}", args=[scene.workspace.pk]), form).status_code


ACTS: dict[str, Callable[[Scene], int]] = {
    "see an endpoint": see,
    "see an endpoint that Azure hides from the user": see,
    "preview a request": lambda scene: (
        scene.client.post(reverse("endpoints:preview"), filled_in(scene.workspace)).status_code
    ),
    "create an endpoint": lambda scene: create(scene, "new-one"),
    "create a failed endpoint again": lambda scene: create(scene, "chat"),
    "send the request again": send_again,
    "accept what Azure holds": lambda scene: scene.post("accept_drift", seen=scene.endpoint.observed_hash),
    "delete an endpoint": lambda scene: scene.post(
        "delete", submission_id=str(uuid4()), typed_name=scene.endpoint.name
    ),
    "give an endpoint an owner": lambda scene: scene.post("adopt", owner=str(scene.user.pk)),
    "regenerate a key": regenerate_key,
    "read keys": lambda scene: by_policy(scene, Action.REVEAL_KEYS),
    "check an endpoint": lambda scene: scene.post("check"),
    "sign in again for an operation": lambda scene: scene.post("sign_in_again"),
    "check all workspaces": lambda scene: scene.client.post(reverse("endpoints:check_all")).status_code,
    "check a workspace": lambda scene: on_workspace(scene, "read_workspace"),
    "find workspaces": lambda scene: scene.client.post(reverse("endpoints:find_workspaces")).status_code,
    "register a workspace": register,
    "unregister a workspace": lambda scene: on_workspace(scene, "unregister_workspace"),
    "read the audit log": lambda scene: scene.client.get("/auth/audit-log").status_code,
    "export the audit log": lambda scene: scene.client.get("/auth/audit-log?format=csv").status_code,
    "sign out": lambda scene: scene.client.post("/auth/sign-out").status_code,
}
