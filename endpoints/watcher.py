"""The permissions of the watcher, the identity that polls Azure. It should be able to read and nothing else."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import uuid4

from django.conf import settings

from accounts.identity import Application, watcher
from accounts.tokens import TokenUnavailable
from endpoints.arm.http import ArmRequest, ArmResponse
from endpoints.arm.permissions import PERMISSIONS_API_VERSION, PERMISSIONS_PATH, complete_list
from endpoints.arm.resources import PROVIDER
from endpoints.arm_clients import arm_http
from endpoints.models import Workspace

WORKSPACES = f"{PROVIDER}/workspaces"
ENDPOINTS = f"{WORKSPACES}/serverlessEndpoints"
# Each of these lets the watcher do more than read: change or use endpoints, or grant itself a role that can.
# https://learn.microsoft.com/en-us/azure/role-based-access-control/permissions/ai-machine-learning
EXCESS_ACTIONS = (
    f"{ENDPOINTS}/write",
    f"{ENDPOINTS}/delete",
    f"{ENDPOINTS}/listKeys/action",
    f"{ENDPOINTS}/regenerateKeys/action",
    f"{WORKSPACES}/marketplaceSubscriptions/write",
    f"{WORKSPACES}/marketplaceSubscriptions/delete",
    f"{WORKSPACES}/write",
    f"{WORKSPACES}/delete",
    f"{WORKSPACES}/listKeys/action",
    "Microsoft.Authorization/roleAssignments/write",
)


MAX_PARALLEL = 16


class TooPowerful(Exception):
    """The watcher may do more than read, and WATCHER_MAY_WRITE does not allow that."""


@dataclass(frozen=True)
class Powers:
    """The actions beyond reading that the watcher may take in a workspace; `unknown` is why Azure did not list them."""

    workspace: Workspace
    too_much: list[str]
    unknown: str = ""

    def __str__(self) -> str:
        return (
            f"The watcher has more than read access to {self.workspace}: {', '.join(self.too_much)}. "
            "Give it a role that can only read, or set WATCHER_MAY_WRITE=true to allow this."
        )


def watcher_powers(workspaces: Iterable[Workspace] | None = None) -> Iterable[Powers]:
    """The watcher's powers in each of the workspaces, by default in all.

    Yields nothing if users' tokens read from Azure, or those of the application that also writes.
    """
    identity = watcher()
    if identity is None or (settings.ARM_WRITES_AS == "app" and identity == Application()):
        return
    rows = list(Workspace.objects.all() if workspaces is None else workspaces)
    try:
        token = identity.token() if rows else ""
    except TokenUnavailable as error:
        yield from (Powers(workspace, [], str(error)) for workspace in rows)
        return
    # One after the other, a thousand workspaces would delay the start of a worker by minutes.
    with ThreadPoolExecutor(MAX_PARALLEL) as pool:
        yield from pool.map(lambda workspace: _powers(workspace, token), rows)


def require_harmless_watcher() -> list[str]:
    """Raise TooPowerful if the watcher may write or read keys; return a sentence for each unknown workspace."""
    sentences = []
    for powers in watcher_powers():
        if powers.too_much and not settings.WATCHER_MAY_WRITE:
            raise TooPowerful(str(powers))
        if powers.unknown:
            sentences.append(f"The watcher's permissions in {powers.workspace} are unknown: {powers.unknown}")
    return sentences


def _powers(workspace: Workspace, token: str) -> Powers:
    url = arm_http().url(f"{workspace.arm_id}{PERMISSIONS_PATH}", api_version=PERMISSIONS_API_VERSION)
    response = arm_http().send(ArmRequest("GET", url), token, uuid4())
    if not isinstance(response, ArmResponse):
        return Powers(workspace, [], response.reason)
    if response.status in {403, 404}:
        return Powers(workspace, [], "The watcher cannot even read the workspace.")
    permissions = complete_list(response.object) if response.status == 200 else None
    if permissions is None:
        return Powers(workspace, [], f"Azure returned {response.status} without a complete list of permissions.")
    granted = [action for action in EXCESS_ACTIONS if any(permission.allows(action) for permission in permissions)]
    return Powers(workspace, granted)
