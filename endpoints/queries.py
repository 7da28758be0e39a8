"""What the table shows: filter, sort, page, counts. The number of queries does not depend on the number of rows."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, Lower
from django.http import QueryDict
from django.utils import timezone

from accounts.models import User
from endpoints.access import Readable
from endpoints.models import Endpoint
from endpoints.states import State, Urgency

PAGE_SIZE = 50
POLL_WHILE_WORKING, POLL_AT_REST = 2, 15
# What the head of a column sorts by; the first is the default: what needs a person, what works, what rests.
SORTS: dict[str, list[Any]] = {
    "": ["urgency", "name", "id"],
    "name": [Lower("name"), "id"],
    "state": ["state", "name", "id"],
    "region": ["workspace__location", "name", "id"],
    "workspace": ["workspace__name", "name", "id"],
    "owner": ["owner__username", "name", "id"],
    "changed": ["-changed_at", "id"],
}
# All that a row is drawn from; reading the rest of three tables would cost more than drawing it.
ROW = (
    "name", "model_id", "state", "reason", "inference_uri", "confirmed_at", "changed_at", "version",
    "workspace__name", "workspace__location", "owner__name", "owner__username",
)  # fmt: skip
COLUMNS = {
    "name": "Name",
    "state": "State",
    "uri": "Inference URI",
    "region": "Region",
    "workspace": "Workspace",
    "owner": "Owner",
    "changed": "Changed",
}


@dataclass(frozen=True)
class TableQuery:
    """What the address of the page asks for."""

    text: str = ""
    state: str = ""
    mine: bool = False
    sort: str = ""
    page: int = 1

    @classmethod
    def of(cls, parameters: QueryDict) -> "TableQuery":
        """Read the query string; what makes no sense in it counts as not given."""
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
        first = keys[0]
        turned = first.desc() if isinstance(first, Lower) else first[1:] if first.startswith("-") else f"-{first}"
        return [turned, *keys[1:]]

    def address(self, **changes: str) -> str:
        """The query string of this page with some things changed; the first page and defaults are left out."""
        now = {"q": self.text, "state": self.state, "mine": "1" if self.mine else "", "sort": self.sort}
        parameters = QueryDict(mutable=True)
        parameters.update({name: value for name, value in {**now, **changes}.items() if value})
        return f"?{parameters.urlencode()}"


@dataclass(frozen=True)
class Chip:
    label: str
    count: int
    url: str
    state: str
    is_current: bool


@dataclass(frozen=True)
class Column:
    key: str
    label: str
    url: str
    direction: str


@dataclass(frozen=True)
class Table:
    """The live part of the page. `tag` changes exactly when something on it does."""

    page: Page[Endpoint]
    total: int
    chips: list[Chip]
    columns: list[Column]
    query: TableQuery
    tag: str
    poll_seconds: int
    notices: list[str]
    has_workspaces: bool

    @property
    def previous_page_url(self) -> str:
        return self.query.address(page=str(self.page.previous_page_number()))

    @property
    def next_page_url(self) -> str:
        return self.query.address(page=str(self.page.next_page_number()))

    @property
    def rows(self) -> Iterable[Endpoint]:
        return self.page.object_list

    @property
    def text(self) -> str:
        return self.query.text

    @property
    def mine(self) -> bool:
        return self.query.mine

    @property
    def sort(self) -> str:
        return self.query.sort

    @property
    def state(self) -> str:
        return self.query.state

    @property
    def is_filtered(self) -> bool:
        return bool(self.text or self.mine or self.state)


@dataclass(frozen=True)
class Counts:
    """How many endpoints are in each state, and the sum of their versions, which grows with every change of any."""

    by_state: dict[str, int]
    versions: int

    @property
    def total(self) -> int:
        return sum(self.by_state.values())


def matching(user: User, readable: Readable, query: TableQuery) -> QuerySet[Endpoint]:
    """The endpoints that this person may see and that the search asks for, in every state."""
    return _searched(Endpoint.objects.filter(workspace__in=readable.ids), user, query)


def _in_order(user: User, readable: Readable, query: TableQuery) -> QuerySet[Endpoint]:
    """The same endpoints, to be read from the start of the table's order.

    A plain filter by workspace makes the planner gather and sort all rows for the first fifty. With 10,000 of them that
    is ten times as slow as walking the index of the order, which it does when it cannot see the column.
    """
    hidden = Endpoint.objects.alias(workspace_read=Coalesce("workspace", "workspace"))
    found = _searched(hidden.filter(workspace_read__in=readable.ids), user, query)
    in_state = found.filter(state=query.state) if query.state else found
    return in_state.select_related("workspace", "owner").only(*ROW).order_by(*query.order)


def _searched(found: QuerySet[Endpoint], user: User, query: TableQuery) -> QuerySet[Endpoint]:
    if query.text:
        found = found.filter(Q(name__icontains=query.text) | Q(model_id__icontains=query.text))
    return found.filter(owner=user) if query.mine else found


def count(found: QuerySet[Endpoint]) -> Counts:
    # COUNT(*) needs nothing but the index; COUNT(id) would read every row.
    rows = list(found.order_by().values_list("state").annotate(number=Count("*"), versions=Sum("version")))
    return Counts({state: number for state, number, _ in rows}, sum(versions for *_, versions in rows))


def table_tag(user: User, readable: Readable, query: TableQuery, counts: Counts) -> str:
    """A digest of all that the table is drawn from."""
    drawn_from = (user.pk, readable.ids, readable.notice, query, sorted(counts.by_state.items()), counts.versions)
    return hashlib.sha256(repr(drawn_from).encode()).hexdigest()[:20]


def table(user: User, readable: Readable, query: TableQuery, counts: Counts) -> Table:
    paginator = Paginator(_in_order(user, readable, query), PAGE_SIZE)
    # The counts are known already; without this the paginator would ask again.
    paginator.count = counts.by_state.get(query.state, 0) if query.state else counts.total
    working = any(State(state).is_working for state in counts.by_state)
    return Table(
        page=paginator.get_page(query.page),
        total=counts.total,
        chips=_chips(query, counts),
        columns=[_column(key, label, query) for key, label in COLUMNS.items()],
        query=query,
        tag=f"{table_tag(user, readable, query, counts)}.{timezone.now().timestamp():.3f}",
        poll_seconds=POLL_WHILE_WORKING if working else POLL_AT_REST,
        notices=[readable.notice] if readable.notice else [],
        has_workspaces=bool(readable.workspaces),
    )


def settled_since(readable: list[UUID], moment: datetime) -> list[Endpoint]:
    """Endpoints that came to rest after `moment`, for the announcement."""
    resting = [state for state in State if not state.is_working]
    return list(Endpoint.objects.filter(workspace__in=readable, state_since__gt=moment, state__in=resting)[:10])


def announcement(endpoints: list[Endpoint]) -> str:
    """One short sentence for people who do not see the table change."""
    if len(endpoints) > 2:
        return f"{len(endpoints)} endpoints changed."
    return " ".join(f"{endpoint.name} is {endpoint.shown_state.label.lower()}." for endpoint in endpoints)


def moment_of(tag: str) -> datetime | None:
    """When the table of this tag was drawn."""
    try:
        return datetime.fromtimestamp(float(tag.partition(".")[2]), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _chips(query: TableQuery, counts: Counts) -> list[Chip]:
    chips = [Chip("All", counts.total, query.address(state=""), "", not query.state)]
    for state in sorted(State, key=Urgency.of):
        number = counts.by_state.get(state, 0)
        if number or query.state == state:
            chips.append(Chip(state.label, number, query.address(state=state), state, query.state == state))
    return chips


def _column(key: str, label: str, query: TableQuery) -> Column:
    if key not in SORTS:
        return Column(key, label, "", "")
    current = query.sort.lstrip("-") == key
    direction = ("descending" if query.sort.startswith("-") else "ascending") if current else ""
    turned = f"-{key}" if direction == "ascending" else key
    return Column(key, label, query.address(sort=turned), direction)
