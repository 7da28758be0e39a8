"""Azure's role-based access control: roles as lists of actions, and a caller's own permissions.

https://learn.microsoft.com/en-us/azure/role-based-access-control/role-definitions
"""

from fnmatch import fnmatchcase

from django.http import HttpRequest, HttpResponse

from emulator.arm.access import roles_of
from emulator.arm.errors import Document
from emulator.arm.failures import Subject, error_of
from emulator.arm.resources import ENDPOINTS, model_of, resource_type
from emulator.arm.scopes import check_group, check_subscription, find_workspace
from emulator.arm.service import arm, json_response
from emulator.arm.tokens import Caller, needs_claims
from emulator.seed import Workspace
from emulator.state import Resource

PROVIDER = "Microsoft.MachineLearningServices"
ML = f"{PROVIDER}/workspaces"
KINDS = ("serverlessEndpoints", "marketplaceSubscriptions")
# Built-in roles as far as they matter here, and a custom one without access to keys:
# https://learn.microsoft.com/en-us/azure/role-based-access-control/built-in-roles/ai-machine-learning
ROLES: dict[str, tuple[list[str], list[str]]] = {
    "Reader": (["*/read"], []),
    "Contributor": (["*"], ["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"]),
    "Azure AI Developer": (
        [f"{ML}/*/read", f"{ML}/*/action", f"{ML}/*/delete", f"{ML}/*/write", f"{PROVIDER}/locations/*/read"],
        [f"{ML}/delete", f"{ML}/write", f"{ML}/listKeys/action"],
    ),
    "Serverless Endpoint Operator": (
        [f"{ML}/{kind}/{verb}" for kind in KINDS for verb in ("read", "write", "delete")],
        [],
    ),
}


def subject_of(
    caller: Caller, parent: Workspace, collection: str, name: str, action: str, row: Resource | None
) -> Subject:
    """The subject of errors about an action on a resource."""
    return Subject(
        name=name,
        model_id=model_of(row.document) if row else "",
        region=parent.location,
        subscription=parent.subscription_id,
        person=caller.person.upn or caller.person.oid,
        scope=f"{parent.resource_id}/{collection}/{name}",
        action=f"{resource_type(collection)}/{action}",
        state=row.document["properties"]["provisioningState"] if row else "",
    )


def require(caller: Caller, action: str, subject: Subject) -> None:
    """Raises ArmError: 403 without permission, 401 with a claims challenge if a write needs a second factor.

    https://learn.microsoft.com/en-us/entra/identity/authentication/concept-mandatory-multifactor-authentication
    """
    if not any(_allows(role, action) for role in roles_of(caller.person, subject.scope)):
        raise error_of("rights", subject)
    if caller.person.writes_need_mfa and "p1" not in caller.acrs and not action.endswith("/read"):
        raise needs_claims({"acrs": {"essential": True, "values": ["p1"]}})


def _allows(role: str, action: str) -> bool:
    actions, not_actions = ROLES[role]
    return _matches(actions, action) and not _matches(not_actions, action)


def _matches(patterns: list[str], action: str) -> bool:
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)


@arm("GET")
def permissions(
    request: HttpRequest, caller: Caller, subscription: str, group: str = "", workspace: str = "", name: str = ""
) -> HttpResponse:
    """The caller's permissions in a scope, role by role.

    https://learn.microsoft.com/en-us/rest/api/authorization/permissions
    """
    if workspace:
        scope = find_workspace(caller, subscription, group, workspace).resource_id
        scope += f"/{ENDPOINTS}/{name}" if name else ""
    elif group:
        check_group(caller, subscription, group)
        scope = f"/subscriptions/{subscription}/resourceGroups/{group}"
    else:
        scope = check_subscription(caller, subscription).resource_id
    value: list[Document] = [
        {"actions": actions, "notActions": not_actions, "dataActions": [], "notDataActions": []}
        for actions, not_actions in (ROLES[role] for role in roles_of(caller.person, scope))
    ]
    return json_response({"value": value})
