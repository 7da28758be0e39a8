"""The first rows of the table, at a cost that does not grow with the number of endpoints.

The index in the order of the table has them for a reader of every workspace. For other readers, the first n rows lie
in the n workspaces whose own first rows come first: so look up the first row of each readable workspace, then n rows of
each of these workspaces. That takes a few seeks in an index per workspace.
"""

# ruff: noqa: S608  (the statements are put together from the constants below, and values are parameters)
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from accounts.models import User

# Keys of the sort in SQL. For each order there is an index, and one that begins with the workspace.
COLUMNS = {"urgency": "urgency", "state": "state", "name": "LOWER(name)", "changed_at": "changed_at", "id": "id"}
# SQLite has no lateral joins, so it compares these instead of several columns. The separator sorts below all letters.
SEPARATOR = " || char(1) || "


@dataclass(frozen=True)
class Walk:
    """The first `limit` endpoints by `keys`, which all ascend or all descend; of one state, if that is not empty."""

    keys: tuple[str, ...]
    descending: bool
    state: str
    limit: int

    def of_all(self) -> list[Any]:
        """The ids of the first endpoints of all workspaces."""
        return [row[0] for row in _fetch(self._rows("id"), self._state)]

    def of_readable(self, user: User) -> list[Any]:
        """The ids of the first endpoints in the workspaces that the user may read."""
        rows = self._by_lateral_joins(user) if connection.vendor == "postgresql" else self._by_union(user)
        return [row[0] for row in rows]

    def _by_lateral_joins(self, user: User) -> list[tuple[Any, ...]]:
        columns = ", ".join(f"{COLUMNS[key]} AS key_{key}" for key in self.keys)
        order = self._order(f"key_{key}" for key in self.keys)
        first = self._rows(columns, "access.workspace_id", limit=1)
        rows = self._rows(columns, "head.workspace_id")
        return _fetch(
            f"""
            SELECT key_id FROM (
                SELECT access.workspace_id FROM endpoints_workspaceaccess access CROSS JOIN LATERAL ({first}) first
                WHERE access.user_id = %s AND access.readable ORDER BY {order} LIMIT {self.limit}
            ) head CROSS JOIN LATERAL ({rows}) endpoint ORDER BY {order} LIMIT {self.limit}
            """,
            [*self._state, user.pk, *self._state],
        )

    def _by_union(self, user: User) -> list[tuple[Any, ...]]:
        first = self._rows(SEPARATOR.join(COLUMNS[key] for key in self.keys), "access.workspace_id", limit=1)
        heads = _fetch(
            f"""
            SELECT workspace_id, ({first}) AS first FROM endpoints_workspaceaccess access
            WHERE user_id = %s AND readable ORDER BY {self._order(["first"])} NULLS LAST LIMIT {self.limit}
            """,
            [*self._state, user.pk],
        )
        workspaces = [workspace for workspace, first in heads if first is not None]
        if not workspaces:
            return []
        columns = ", ".join(["id", *(COLUMNS[key] for key in self.keys)])
        union = " UNION ALL ".join(f"SELECT * FROM ({self._rows(columns, '%s')})" for _ in workspaces)
        order = self._order(str(2 + index) for index in range(len(self.keys)))
        parameters = [value for workspace in workspaces for value in (workspace, *self._state)]
        return _fetch(f"{union} ORDER BY {order} LIMIT {self.limit}", parameters)

    @property
    def _state(self) -> list[str]:
        return [self.state] if self.state else []

    def _rows(self, columns: str, workspace: str = "", limit: int = 0) -> str:
        conditions = [f"workspace_id = {workspace}"] * bool(workspace) + ["state = %s"] * bool(self.state)
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        order = self._order(COLUMNS[key] for key in self.keys)
        return f"SELECT {columns} FROM endpoints_endpoint {where} ORDER BY {order} LIMIT {limit or self.limit}"

    def _order(self, columns: Iterable[str]) -> str:
        return ", ".join(f"{column} DESC" if self.descending else column for column in columns)


def _fetch(sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
