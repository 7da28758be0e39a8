"""The whole table of permissions, for every combination of roles."""

from itertools import combinations
from types import SimpleNamespace

import pytest

from accounts.models import User
from accounts.policy import may
from accounts.roles import RULES, Action

OTHERS, OWN = SimpleNamespace(owner_id=2), SimpleNamespace(owner_id=1)
ROLES = ["Viewer", "Operator", "Admin", "Keys"]
EVERY_COMBINATION = [set(some) for length in range(5) for some in combinations(ROLES, length)]
# The roles as docs/deploy.md describes them, independent of the code.
MAY_WITH_ANY = {
    Action.VIEW_ENDPOINTS: lambda roles: bool(roles & {"Viewer", "Operator", "Admin"}),
    Action.CREATE_ENDPOINT: lambda roles: bool(roles & {"Operator", "Admin"}),
    Action.UPDATE_ENDPOINT: lambda roles: "Admin" in roles,
    Action.DELETE_ENDPOINT: lambda roles: "Admin" in roles,
    Action.ADOPT_ENDPOINT: lambda roles: "Admin" in roles,
    Action.REVEAL_KEYS: lambda roles: "Keys" in roles and bool(roles & {"Operator", "Admin"}),
    Action.REGENERATE_KEYS: lambda roles: "Keys" in roles and bool(roles & {"Operator", "Admin"}),
    Action.REGISTER_WORKSPACE: lambda roles: "Admin" in roles,
    Action.UNREGISTER_WORKSPACE: lambda roles: "Admin" in roles,
    Action.READ_AUDIT_LOG: lambda roles: "Admin" in roles,
}
MAY_WITH_OWN = MAY_WITH_ANY | {
    Action.UPDATE_ENDPOINT: lambda roles: bool(roles & {"Operator", "Admin"}),
    Action.DELETE_ENDPOINT: lambda roles: bool(roles & {"Operator", "Admin"}),
}


def user_with(roles: set[str]) -> User:
    return User(pk=1, roles=sorted(roles))


@pytest.mark.parametrize("roles", EVERY_COMBINATION, ids=lambda roles: "+".join(sorted(roles)))
@pytest.mark.parametrize("action", Action)
def test_roles_decide(action: Action, roles: set[str]) -> None:
    assert may(user_with(roles), action, OTHERS) == MAY_WITH_ANY[action](roles)
    assert may(user_with(roles), action, OWN) == MAY_WITH_OWN[action](roles)


@pytest.mark.parametrize("action", Action)
def test_unknown_roles_allow_nothing(action: Action) -> None:
    assert not may(user_with({"Owner", "admin", "Keys", "Global Administrator"}), action, OWN)


@pytest.mark.parametrize("action", [action for action in Action if RULES[action].own])
def test_owner_dependent_action_needs_an_endpoint(action: Action) -> None:
    with pytest.raises(TypeError):
        may(user_with({"Admin"}), action)
