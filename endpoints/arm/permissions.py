"""The permissions of a caller on a resource.

https://learn.microsoft.com/en-us/rest/api/authorization/permissions/list-for-resource
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Self

from endpoints.arm.json_fields import JsonObject

PERMISSIONS_API_VERSION = "2022-04-01"
PERMISSIONS_PATH = "/providers/Microsoft.Authorization/permissions"


@dataclass(frozen=True)
class Permission:
    """The actions that one role assignment allows, as patterns with `*`.

    https://learn.microsoft.com/en-us/azure/role-based-access-control/role-definitions#actions-format
    """

    actions: tuple[str, ...]
    not_actions: tuple[str, ...]

    @classmethod
    def of(cls, body: JsonObject) -> Self:
        return cls(_patterns(body.get("actions")), _patterns(body.get("notActions")))

    def allows(self, action: str) -> bool:
        return _matches(self.actions, action) and not _matches(self.not_actions, action)


def complete_list(body: JsonObject) -> list[Permission] | None:
    """The permissions in a response; None unless the response is the whole list."""
    items = body.get("value")
    if not isinstance(items, list) or body.get("nextLink"):
        return None
    return [Permission.of(item) for item in items]


def _patterns(value: Any) -> tuple[str, ...]:
    return tuple(value or ())


def _matches(patterns: tuple[str, ...], action: str) -> bool:
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)
