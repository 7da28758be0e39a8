"""Role assignments: those of a caller apply everywhere, except where others were made for a scope.

https://learn.microsoft.com/en-us/azure/role-based-access-control/scope-overview
"""

from collections.abc import Sequence

from emulator import state
from emulator.arm.errors import ArmError
from emulator.directory import Person
from emulator.seed import SUBSCRIPTIONS


def roles_of(person: Person, resource_id: str) -> tuple[str, ...]:
    """The roles of a caller on a resource: those of the narrowest scope that has an assignment."""
    assigned, scope = state.state().access.get(person.oid, {}), resource_id.casefold()
    while assigned and scope:
        if scope in assigned:
            return tuple(assigned[scope])
        scope = scope.rpartition("/")[0]
    return person.azure_roles if _has_usual_roles(person, resource_id) else ()


def sees(person: Person, resource_id: str) -> bool:
    """Whether a caller has a role on a resource or on anything in it, and so finds it in lists."""
    if roles_of(person, resource_id):
        return True
    inside = f"{resource_id.casefold()}/"
    return any(roles and scope.startswith(inside) for scope, roles in state.state().access.get(person.oid, {}).items())


def denied(person: Person, action: str, scope: str) -> ArmError:
    """https://learn.microsoft.com/en-us/azure/role-based-access-control/troubleshooting"""
    text = (
        f"The client '{person.upn or person.oid}' with object id '{person.oid}' does not have authorization to perform "
        f"action '{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please "
        "refresh your credentials."
    )
    return ArmError(403, "AuthorizationFailed", text)


def assign(person: Person, scope: str, roles: Sequence[str]) -> None:
    """Give a caller these roles on a scope, and no others."""
    with state.lock:
        state.state().access.setdefault(person.oid, {})[scope.rstrip("/").casefold()] = [*roles]
    state.changed()


def withdraw() -> None:
    """Remove all assignments that were made."""
    with state.lock:
        state.state().access.clear()
    state.changed()


def _has_usual_roles(person: Person, resource_id: str) -> bool:
    if person.arm_subscriptions is None:
        return True
    home = f"{resource_id.casefold()}/"
    return any(home.startswith(f"{SUBSCRIPTIONS[number].resource_id}/") for number in person.arm_subscriptions)
