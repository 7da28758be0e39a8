"""Filter, sort and count endpoints. The number of queries does not depend on the number of rows."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Count, F, OrderBy, Q, QuerySet
from django.db.models.functions import Lower
from django.http import QueryDict

from accounts.models import User
from endpoints.access import Access, readable_ids
from endpoints.heads import Walk
from endpoints.models import Endpoint
from endpoints.states import State

PAGE_SIZE = 50
# How many changes are searched for operations that settled.
LATEST_CHANGES = 100
# The sort keys by column. The default is urgency: endpoints that need a user come first, then busy ones.
SORTS: dict[str, tuple[str, ...]] = {
    "": ("urgency", "name", "id"),
    "name": ("name", "id"),
    "state": ("state", "name", "id"),
    "region": ("workspace__location", "name", "id"),
    "workspace": ("workspace__name", "name", "id"),
    "owner": ("owner__username", "name", "id"),
    "changed": ("changed_at", "id"),
}
# Those with indexes for `endpoints.heads`, also in one state.
INDEXED = {"", "name", "state", "changed"}
# The columns that a row shows. Loading all columns of the three tables costs more than rendering the row.
ROW = (
    "name", "model_id", "state", "reason", "inference_uri", "confirmed_at", "changed_at", "version",
    "workspace__name", "workspace__location", "owner__name", "owner__username", "problem", "problem_since",
    "workspace__read__problem", "workspace__read__problem_since", "check_due__due_at",
)  # fmt: skip

# The stored counts of each readable workspace, and its id if they are out of date. In one statement: with two, a
# workspace that is counted in between would be in neither.
COUNTS = """
    SELECT CASE WHEN version <> counted_version THEN id END, counts
    FROM (SELECT workspace_id FROM endpoints_workspaceaccess WHERE user_id = %s AND readable) access
    JOIN endpoints_workspace ON id = workspace_id
"""


@dataclass(frozen=True)
class TableQuery:
    """The filters, sort and page in the URL of the table."""

    text: str = ""
    state: str = ""
    mine: bool = False
    workspace: UUID | None = None
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
            workspace=_uuid(parameters.get("workspace", "")),
            sort=sort if sort.lstrip("-") in SORTS and sort != "-" else "",
            page=int(page) if page.isascii() and page.isdigit() and len(page) < 9 else 1,
        )

    @property
    def keys(self) -> tuple[str, ...]:
        """The sort keys that differ between the endpoints."""
        keys = SORTS[self.sort.lstrip("-")]
        return tuple(key for key in keys if key not in {"state", "urgency"}) if self.state else keys

    @property
    def is_descending(self) -> bool:
        """All keys together, so that one index serves both directions. Changes are listed newest first."""
        return self.sort.startswith("-") != (self.sort.lstrip("-") == "changed")

    @property
    def order(self) -> list[OrderBy]:
        return [OrderBy(Lower("name") if key == "name" else F(key), descending=self.is_descending) for key in self.keys]

    @property
    def is_narrowed(self) -> bool:
        """Whether the stored counts of the workspaces do not apply."""
        return bool(self.text or self.mine or self.workspace)

    @property
    def walk(self) -> Walk | None:
        """The walk along an index to the first page; None if no index has the endpoints in this order."""
        key = self.sort.lstrip("-")
        if self.is_narrowed or key not in INDEXED:
            return None
        return Walk(self.keys, self.is_descending, self.state, PAGE_SIZE)

    def url(self, **changes: str) -> str:
        """The query string of this page with changes; the first page and defaults are left out."""
        current = {
            "q": self.text,
            "state": self.state,
            "mine": "1" if self.mine else "",
            "workspace": str(self.workspace or ""),
            "sort": self.sort,
        }
        parameters = QueryDict(mutable=True)
        parameters.update({name: value for name, value in {**current, **changes}.items() if value})
        return f"?{parameters.urlencode()}"


@dataclass(frozen=True)
class Counts:
    """The number of endpoints in each state."""

    by_state: Counter[str]

    @property
    def total(self) -> int:
        return self.by_state.total()

    def of(self, query: TableQuery) -> int:
        return self.by_state[query.state] if query.state else self.total


def count(user: User, query: TableQuery) -> Counts:
    """The endpoints in any state that the user may read and the search matches."""
    if query.is_narrowed:
        return Counts(_counted(_matching(user, query)))
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, [user.pk])
        rows = cursor.fetchall()
    uncounted = [workspace for workspace, _ in rows if workspace]
    by_state = _counted(Endpoint.objects.filter(workspace__in=uncounted)) if uncounted else Counter[str]()
    for counts in json.loads(f"[{','.join(counts for workspace, counts in rows if not workspace)}]"):
        by_state.update(counts)
    return Counts(by_state)


def page_of(user: User, access: Access, query: TableQuery, offset: int) -> list[Endpoint]:
    """The rows of one page. Whatever finds their ids, only those that the user may read are returned."""
    if walk := None if offset else query.walk:
        ids = walk.of_all() if access.is_complete else walk.of_readable(user)
    else:
        # Without the filter by workspace, an index may have the order.
        matching = _searched(Endpoint.objects.all(), user, query) if access.is_complete else _matching(user, query)
        in_state = matching.filter(state=query.state) if query.state else matching
        ids = list(in_state.order_by(*query.order).values_list("pk", flat=True)[offset : offset + PAGE_SIZE])
    rows = Endpoint.objects.filter(pk__in=ids, workspace__in=readable_ids(user))
    related = rows.select_related("workspace__read", "owner", "check_due")
    return list(related.only(*ROW).order_by(*query.order))


def settled_since(user: User, moment: datetime) -> list[Endpoint]:
    """Up to ten endpoints whose operation settled after `moment`, among the latest changes."""
    changed = Endpoint.objects.filter(workspace__in=readable_ids(user), changed_at__gt=moment)
    # The state is left to Python, or SQLite would read all endpoints in these states.
    latest = changed.only("name", "state", "state_since").order_by("-changed_at")[:LATEST_CHANGES]
    return [one for one in latest if one.state_since > moment and not one.shown_state.is_working][:10]


def _matching(user: User, query: TableQuery) -> QuerySet[Endpoint]:
    return _searched(Endpoint.objects.filter(workspace__in=readable_ids(user)), user, query)


def _searched(endpoints: QuerySet[Endpoint], user: User, query: TableQuery) -> QuerySet[Endpoint]:
    if query.text:
        endpoints = endpoints.filter(Q(name__icontains=query.text) | Q(model_id__icontains=query.text))
    if query.workspace:
        endpoints = endpoints.filter(workspace=query.workspace)
    return endpoints.filter(owner=user) if query.mine else endpoints


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _counted(endpoints: QuerySet[Endpoint]) -> Counter[str]:
    # COUNT(*) reads only the index; COUNT(id) would read every row.
    return Counter(dict(endpoints.order_by().values_list("state").annotate(number=Count("*"))))
