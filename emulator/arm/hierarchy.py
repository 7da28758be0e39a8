"""The subscriptions, resource groups and workspaces that exist now, by their names without regard to case.

https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/resource-name-rules
"""

from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

from emulator import fleet, state
from emulator.seed import RESOURCE_GROUPS, SUBSCRIPTIONS, WORKSPACES, ResourceGroup, Subscription, Workspace

Scope = Subscription | ResourceGroup | Workspace
KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in (Subscription, ResourceGroup, Workspace)}


@dataclass
class _Contents:
    """A subscription and everything in it."""

    subscription: Subscription
    groups: dict[str, ResourceGroup] = field(default_factory=dict)
    workspaces: dict[tuple[str, str], Workspace] = field(default_factory=dict)


@cache
def _index() -> dict[str, _Contents]:
    """What exists from the start, and then what was created or deleted since."""
    index: dict[str, _Contents] = {}
    scopes: list[Scope] = [*SUBSCRIPTIONS, *fleet.subscriptions(), *RESOURCE_GROUPS, *fleet.resource_groups()]
    for scope in (*scopes, *WORKSPACES, *fleet.workspaces()):
        _insert(index, scope)
    for resource_id, created in state.state().scopes.items():
        if created:
            _insert(index, KINDS[created["kind"]](**created["fields"]))
        else:
            _delete(index, resource_id)
    return index


def forget() -> None:
    """Read the state again, after it was cleared."""
    _index.cache_clear()


def subscriptions() -> list[Subscription]:
    return [contents.subscription for contents in _index().values()]


def subscription(subscription_id: str) -> Subscription | None:
    contents = _index().get(subscription_id.casefold())
    return contents.subscription if contents else None


def groups(subscription_id: str) -> list[ResourceGroup]:
    return [*_contents(subscription_id).groups.values()]


def group(subscription_id: str, name: str) -> ResourceGroup | None:
    return _contents(subscription_id).groups.get(name.casefold())


def workspaces(subscription_id: str, group_name: str = "") -> list[Workspace]:
    """The workspaces of a subscription, or of one resource group in it."""
    found, key = _contents(subscription_id).workspaces, group_name.casefold()
    return [workspace for (group_key, _), workspace in found.items() if not key or group_key == key]


def workspace(subscription_id: str, group_name: str, name: str) -> Workspace | None:
    return _contents(subscription_id).workspaces.get((group_name.casefold(), name.casefold()))


def add(scope: Scope) -> None:
    """Create a subscription, resource group or workspace, whose parents exist."""
    with state.lock:
        _insert(_index(), scope)
        if isinstance(scope, Workspace):
            state.state().endpoints.setdefault(scope.resource_id.lower(), {})
        _remember(scope.resource_id, {"kind": type(scope).__name__, "fields": asdict(scope)})


def remove(resource_id: str) -> None:
    """Delete a subscription, resource group or workspace, with everything in it."""
    prefix = resource_id.casefold()
    with state.lock:
        _delete(_index(), resource_id)
        for table in (state.state().endpoints, state.state().marketplace):
            for key in [key for key in table if f"{key.casefold()}/".startswith(f"{prefix}/")]:
                del table[key]
        _remember(resource_id, None)


def _remember(resource_id: str, created: state.Document | None) -> None:
    scopes, key = state.state().scopes, resource_id.casefold()
    scopes.pop(key, None)  # so that the order is that of the changes
    scopes[key] = created
    state.changed()


def _contents(subscription_id: str) -> _Contents:
    return _index().get(subscription_id.casefold()) or _Contents(Subscription(subscription_id, ""))


def _insert(index: dict[str, _Contents], scope: Scope) -> None:
    if isinstance(scope, Subscription):
        index.setdefault(scope.subscription_id.casefold(), _Contents(scope)).subscription = scope
        return
    contents = index.get(scope.subscription_id.casefold())
    if contents is None:
        return  # the state file is from a start with more --subscriptions
    if isinstance(scope, ResourceGroup):
        contents.groups[scope.name.casefold()] = scope
    else:
        contents.workspaces[scope.resource_group.casefold(), scope.name.casefold()] = scope


def _delete(index: dict[str, _Contents], resource_id: str) -> None:
    parts = resource_id.casefold().strip("/").split("/")[1::2]
    contents = index.get(parts[0])
    if contents is None:
        return
    match parts[1:]:
        case []:
            del index[parts[0]]
        case [group_key]:
            contents.groups.pop(group_key, None)
            for key in [key for key in contents.workspaces if key[0] == group_key]:
                del contents.workspaces[key]
        case [group_key, _, name, *_]:
            contents.workspaces.pop((group_key, name), None)
