"""Filter, sort and count endpoints. The number of queries does not depend on the number of rows."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, Lower
from django.http import QueryDict

from accounts.models import User
from endpoints.access import Readable
from endpoints.models import Endpoint
from endpoints.states import State

# The sort keys by column. The default is urgency: endpoints that need a user come first, then busy ones.
SORTS: dict[str, list[Any]] = {
    "": ["urgency", "name", "id"],
    "name": [Lower("name"), "id"],
    "state": ["state", "name", "id"],
    "region": ["workspace__location", "name", "id"],
    "workspace": ["workspace__name", "name", "id"],
    "owner": ["owner__username", "name", "id"],
    "changed": ["-changed_at", "id"],
}
# The columns that a row shows. Loading all columns of the three tables costs more than rendering the row.
ROW = (
    "name", "model_id", "state", "reason", "inference_uri", "confirmed_at", "changed_at", "version",
    "workspace__name", "workspace__location", "owner__name", "owner__username",
)  # fmt: skip


@dataclass(frozen=True)
class TableQuery:
    """The filters, sort and page in the URL of the table."""

    text: str = ""
    state: str = ""
    mine: bool = False
    sort: str = ""
    page: int = 1

    @classmethod
    def of(cls, parameters: QueryDict) -> "TableQuery":
        """Invalid parameters count as missing."""
        sort, page = parameters.get("sort", ""), parameters.get("page", "")
        state = parameters.get("state", "")
        return cls(
            text=parameters.get("q", "").strip()[:100],
            state=state if state in State else "",
            mine=parameters.get("mine") == "1",
            sort=sort if sort.lstrip("-") in SORTS and sort != "-" else "",
            page=int(page) if page.isascii() and page.isdigit() and len(page) < 9 else 1,
        )

    @property
    def order(self) -> list[Any]:
        keys = SORTS[self.sort.lstrip("-")]
        if not self.sort.startswith("-"):
            return list(keys)
        return [_reversed(keys[0]), *keys[1:]]

    def url(self, **changes: str) -> str:
        """The query string of this page with changes; the first page and defaults are left out."""
        current = {"q": self.text, "state": self.state, "mine": "1" if self.mine else "", "sort": self.sort}
        parameters = QueryDict(mutable=True)
        parameters.update({name: value for name, value in {**current, **changes}.items() if value})
        return f"?{parameters.urlencode()}"


@dataclass(frozen=True)
class Counts:
    """The number of endpoints in each state, and the sum of their versions, which grows with every change."""

    by_state: dict[str, int]
    versions: int

    @property
    def total(self) -> int:
        return sum(self.by_state.values())

    def of(self, query: TableQuery) -> int:
        return self.by_state.get(query.state, 0) if query.state else self.total


def matching(user: User, readable: Readable, query: TableQuery) -> QuerySet[Endpoint]:
    """The endpoints in any state that the user may read and the search matches."""
    return _searched(Endpoint.objects.filter(workspace__in=readable.ids), user, query)


def in_order(user: User, readable: Readable, query: TableQuery) -> QuerySet[Endpoint]:
    """The matching endpoints in the query's state and order.

    Coalesce hides the workspace column from PostgreSQL's planner, which otherwise filters by it, then sorts all rows to
    return fifty. With 10,000 rows that takes ten times as long as walking the index `endpoint_table_order`.
    """
    hidden_column = Endpoint.objects.alias(workspace_read=Coalesce("workspace", "workspace"))
    endpoints = _searched(hidden_column.filter(workspace_read__in=readable.ids), user, query)
    in_state = endpoints.filter(state=query.state) if query.state else endpoints
    return in_state.select_related("workspace", "owner").only(*ROW).order_by(*query.order)


def count(endpoints: QuerySet[Endpoint]) -> Counts:
    # COUNT(*) reads only the index; COUNT(id) would read every row.
    rows = list(endpoints.order_by().values_list("state").annotate(number=Count("*"), versions=Sum("version")))
    return Counts({state: number for state, number, _ in rows}, sum(versions for *_, versions in rows))


def digest(user: User, readable: Readable, query: TableQuery, counts: Counts) -> str:
    """A hash that changes whenever the table does."""
    shown = (user.pk, readable.ids, readable.notice, query, sorted(counts.by_state.items()), counts.versions)
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:20]


def settled_since(readable: list[UUID], moment: datetime) -> list[Endpoint]:
    """Up to ten endpoints whose operation settled after `moment`."""
    settled = [state for state in State if not state.is_working]
    return list(Endpoint.objects.filter(workspace__in=readable, state_since__gt=moment, state__in=settled)[:10])


def _searched(endpoints: QuerySet[Endpoint], user: User, query: TableQuery) -> QuerySet[Endpoint]:
    if query.text:
        endpoints = endpoints.filter(Q(name__icontains=query.text) | Q(model_id__icontains=query.text))
    return endpoints.filter(owner=user) if query.mine else endpoints


def _reversed(key: Any) -> Any:
    if isinstance(key, Lower):
        return key.desc()
    return key[1:] if key.startswith("-") else f"-{key}"
