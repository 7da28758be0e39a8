"""What the identity that watches may do in the registered workspaces. It should be able to read, and nothing else."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from uuid import uuid4

from django.conf import settings

from accounts.identity import Application, watcher
from accounts.tokens import TokenUnavailable
from endpoints.arm.http import ArmRequest, ArmResponse
from endpoints.arm_clients import arm_http
from endpoints.models import Workspace

PERMISSIONS_API_VERSION = "2022-04-01"
WORKSPACES = "Microsoft.MachineLearningServices/workspaces"
ENDPOINTS = f"{WORKSPACES}/serverlessEndpoints"
# Who may do one of these could create, destroy or use what watching only looks at, or give itself the right to.
TOO_MUCH = (
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


class TooPowerful(Exception):
    """The watcher could do more than look, and nobody said that this is meant."""


@dataclass(frozen=True)
class Powers:
    """What the watcher may do in a workspace beyond reading; `unknown` says why that could not be found out."""

    workspace: Workspace
    too_much: list[str]
    unknown: str = ""

    def __str__(self) -> str:
        return (
            f"The identity that watches may do {', '.join(self.too_much)} in {self.workspace}. "
            "Give it a role that can only read, or set WATCHER_MAY_WRITE=true if this is meant."
        )


def watcher_powers(workspaces: Iterable[Workspace] | None = None) -> Iterable[Powers]:
    """One for each of the workspaces, or of all. None when only people watch, or the application that writes anyway."""
    identity = watcher()
    if identity is None or (settings.ARM_WRITES_AS == "app" and identity == Application()):
        return
    for workspace in Workspace.objects.all() if workspaces is None else workspaces:
        try:
            yield _powers(workspace, identity.token())
        except TokenUnavailable as error:
            yield Powers(workspace, [], str(error))


def require_harmless_watcher() -> list[str]:
    """Raise TooPowerful for a watcher that could write or read keys; what could not be found out is returned."""
    unknown = []
    for powers in watcher_powers():
        if powers.too_much and not settings.WATCHER_MAY_WRITE:
            raise TooPowerful(str(powers))
        if powers.unknown:
            unknown.append(f"What the watcher may do in {powers.workspace} is not known: {powers.unknown}")
    return unknown


def _powers(workspace: Workspace, token: str) -> Powers:
    path = f"{workspace.arm_id}/providers/Microsoft.Authorization/permissions"
    url = arm_http().url(path, api_version=PERMISSIONS_API_VERSION)
    response = arm_http().send(ArmRequest("GET", url), token, uuid4())
    if not isinstance(response, ArmResponse):
        return Powers(workspace, [], response.reason)
    if response.status in {403, 404}:
        return Powers(workspace, [], "It may not even read the workspace.")
    granted = response.object.get("value")
    if response.status != 200 or not isinstance(granted, list) or response.object.get("nextLink"):
        return Powers(workspace, [], f"Azure answered {response.status} with something else than the whole list.")
    return Powers(workspace, [action for action in TOO_MUCH if any(_grants(one, action) for one in granted)])


def _grants(permission: Any, action: str) -> bool:
    """One role assignment: what it grants less what it leaves out; patterns have stars, and case does not matter."""
    return _matches(permission.get("actions"), action) and not _matches(permission.get("notActions"), action)


def _matches(patterns: list[str] | None, action: str) -> bool:
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns or [])
