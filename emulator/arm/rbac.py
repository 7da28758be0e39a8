"""What a caller may do: Azure's roles as lists of actions, and the answer to who asks for them."""

from fnmatch import fnmatchcase

from django.http import HttpRequest, HttpResponse

from emulator.arm.errors import Document
from emulator.arm.failures import Subject, error_of
from emulator.arm.resources import model_of, resource_type
from emulator.arm.scopes import check_group, check_subscription, find_workspace
from emulator.arm.service import answer, arm
from emulator.arm.tokens import Caller, needs_claims
from emulator.seed import Workspace
from emulator.state import Resource

PROVIDER = "Microsoft.MachineLearningServices"
ML = f"{PROVIDER}/workspaces"
KINDS = ("serverlessEndpoints", "marketplaceSubscriptions")
# The built-in ones as far as they matter here, and one that somebody made to keep keys apart.
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
    caller: Caller, here: Workspace, collection: str, name: str, action: str, row: Resource | None
) -> Subject:
    """What errors about an action on a resource speak of."""
    return Subject(
        name=name,
        model_id=model_of(row.document) if row else "",
        region=here.location,
        subscription=here.subscription_id,
        person=caller.person.upn or caller.person.oid,
        scope=f"{here.resource_id}/{collection}/{name}",
        action=f"{resource_type(collection)}/{action}",
        state=row.document["properties"]["provisioningState"] if row else "",
    )


def require(caller: Caller, action: str, subject: Subject) -> None:
    """Raises ArmError: 403 without the right, 401 with a claims challenge where a write needs a second factor."""
    if not any(_allows(role, action) for role in caller.person.azure_roles):
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
    """Everything that the caller may do there, role by role."""
    if workspace:
        find_workspace(caller, subscription, group, workspace)
    elif group:
        check_group(caller, subscription, group)
    else:
        check_subscription(caller, subscription)
    value: list[Document] = [
        {"actions": actions, "notActions": not_actions, "dataActions": [], "notDataActions": []}
        for actions, not_actions in (ROLES[role] for role in caller.person.azure_roles)
    ]
    return answer({"value": value})
