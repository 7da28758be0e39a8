"""The app roles of the registration in Entra ID, and what each of them allows.

https://learn.microsoft.com/entra/identity-platform/howto-add-app-roles-in-apps
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Values of the `roles` claim. `KEYS` adds to another role."""

    VIEWER = "Viewer"
    OPERATOR = "Operator"
    ADMIN = "Admin"
    KEYS = "Keys"


class Action(StrEnum):
    VIEW_ENDPOINTS = "see endpoints"
    CREATE_ENDPOINT = "create endpoints"
    UPDATE_ENDPOINT = "change endpoints"
    DELETE_ENDPOINT = "delete endpoints"
    ADOPT_ENDPOINT = "give endpoints an owner"
    REVEAL_KEYS = "read keys"
    REGENERATE_KEYS = "regenerate keys"
    REGISTER_WORKSPACE = "register workspaces"
    UNREGISTER_WORKSPACE = "unregister workspaces"
    READ_AUDIT_LOG = "read the audit log"


@dataclass(frozen=True)
class Rule:
    """One of `roles` is required, or for the user's own endpoints one of `own`; in both cases `besides` as well."""

    roles: frozenset[Role]
    own: frozenset[Role] = frozenset()
    besides: Role | None = None

    def __str__(self) -> str:
        names = sorted(role.value for role in self.roles | self.own)
        roles = (
            f"the role {names[0]}" if len(names) == 1 else f"one of the roles {', '.join(names[:-1])} or {names[-1]}"
        )
        return f"{roles}, and the role {self.besides.value} as well" if self.besides else roles


ANY = frozenset({Role.VIEWER, Role.OPERATOR, Role.ADMIN})
OPERATORS = frozenset({Role.OPERATOR, Role.ADMIN})
ADMINS = frozenset({Role.ADMIN})
RULES = {
    Action.VIEW_ENDPOINTS: Rule(ANY),
    Action.CREATE_ENDPOINT: Rule(OPERATORS),
    Action.UPDATE_ENDPOINT: Rule(ADMINS, own=OPERATORS),
    Action.DELETE_ENDPOINT: Rule(ADMINS, own=OPERATORS),
    Action.ADOPT_ENDPOINT: Rule(ADMINS),
    Action.REVEAL_KEYS: Rule(OPERATORS, besides=Role.KEYS),
    Action.REGENERATE_KEYS: Rule(OPERATORS, besides=Role.KEYS),
    Action.REGISTER_WORKSPACE: Rule(ADMINS),
    Action.UNREGISTER_WORKSPACE: Rule(ADMINS),
    Action.READ_AUDIT_LOG: Rule(ADMINS),
}


def known(values: Iterable[str]) -> list[str]:
    """The roles among these values, in order. Unknown values grant nothing."""
    granted = set(values)
    return [role.value for role in Role if role in granted]


def allow(roles: Iterable[str], action: Action, *, own: bool) -> bool:
    """Whether these roles allow the action, on the user's own endpoint or on another user's."""
    rule, granted = RULES[action], set(roles)
    enough = rule.roles | rule.own if own else rule.roles
    return bool(enough & granted) and (rule.besides is None or rule.besides in granted)
