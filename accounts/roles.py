"""The app roles of the registration in Entra ID, and what each of them allows."""

from collections.abc import Iterable
from enum import StrEnum


class Role(StrEnum):
    """Values of the `roles` claim. `KEYS` comes on top of another role."""

    VIEWER = "Viewer"
    OPERATOR = "Operator"
    ADMIN = "Admin"
    KEYS = "Keys"


class Action(StrEnum):
    VIEW_ENDPOINTS = "see endpoints"
    CREATE_ENDPOINT = "create endpoints"
    REGISTER_WORKSPACE = "register workspaces"
    READ_AUDIT_LOG = "read the audit log"


ALLOWED_TO = {
    Action.VIEW_ENDPOINTS: {Role.VIEWER, Role.OPERATOR, Role.ADMIN},
    Action.CREATE_ENDPOINT: {Role.OPERATOR, Role.ADMIN},
    Action.REGISTER_WORKSPACE: {Role.ADMIN},
    Action.READ_AUDIT_LOG: {Role.ADMIN},
}


def known(values: Iterable[str]) -> list[str]:
    """The roles among these values, in order; what this program does not know gives nobody anything."""
    given = set(values)
    return [role.value for role in Role if role in given]


def allow(roles: Iterable[str], action: Action) -> bool:
    return bool(ALLOWED_TO[action] & set(roles))
