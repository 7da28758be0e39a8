"""The table of endpoints: filters, columns, pages and live updates."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.core.paginator import Page, Paginator
from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.http import SignedInRequest
from accounts.policy import Action, require
from endpoints import queries
from endpoints.access import Readable, readable_workspaces
from endpoints.models import Endpoint
from endpoints.pages.live import POLL_AT_REST_SECONDS, POLL_WHILE_WORKING_SECONDS, live_response, shown_tag
from endpoints.queries import SORTS, Counts, TableQuery
from endpoints.states import State, Urgency

PAGE_SIZE = 50
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
    """The live part of the page."""

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
        return self.query.url(page=str(self.page.previous_page_number()))

    @property
    def next_page_url(self) -> str:
        return self.query.url(page=str(self.page.next_page_number()))

    @property
    def rows(self) -> Iterable[Endpoint]:
        return self.page.object_list

    @property
    def is_filtered(self) -> bool:
        return bool(self.query.text or self.query.mine or self.query.state)


@require_safe
@require(Action.VIEW_ENDPOINTS)
def table(request: SignedInRequest) -> HttpResponse:
    """The page; for htmx its live part, or 304 if the browser already shows it."""
    query = TableQuery.of(request.GET)
    readable = readable_workspaces(request.user)
    counts = queries.count(queries.matching(request.user, readable, query))
    tag = f"{queries.digest(request.user, readable, query, counts)}.{timezone.now().timestamp():.3f}"

    def announcement() -> str:
        since = drawn_at(shown_tag(request))
        return announce(queries.settled_since(readable.ids, since)) if since else ""

    return live_response(
        request,
        "endpoints/table.html",
        tag,
        context=lambda: {"table": make_table(request, readable, query, counts, tag)},
        announcement=announcement,
    )


def make_table(request: SignedInRequest, readable: Readable, query: TableQuery, counts: Counts, tag: str) -> Table:
    paginator = Paginator(queries.in_order(request.user, readable, query), PAGE_SIZE)
    # Set the cached property, or the paginator would count again:
    # https://docs.djangoproject.com/en/5.2/ref/paginator/#django.core.paginator.Paginator.count
    paginator.count = counts.of(query)
    working = any(State(state).is_working for state in counts.by_state)
    return Table(
        page=paginator.get_page(query.page),
        total=counts.total,
        chips=_chips(query, counts),
        columns=[_column(key, label, query) for key, label in COLUMNS.items()],
        query=query,
        tag=tag,
        poll_seconds=POLL_WHILE_WORKING_SECONDS if working else POLL_AT_REST_SECONDS,
        notices=[readable.notice] if readable.notice else [],
        has_workspaces=bool(readable.workspaces),
    )


def announce(endpoints: list[Endpoint]) -> str:
    """A short text for screen readers."""
    if len(endpoints) > 2:
        return f"{len(endpoints)} endpoints changed."
    return " ".join(endpoint.announcement for endpoint in endpoints)


def drawn_at(tag: str) -> datetime | None:
    """When the table with this tag was rendered."""
    try:
        return datetime.fromtimestamp(float(tag.partition(".")[2]), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _chips(query: TableQuery, counts: Counts) -> list[Chip]:
    chips = [Chip("All", counts.total, query.url(state=""), "", not query.state)]
    # By urgency, as in the table.
    for state in sorted(State, key=Urgency.of):
        number = counts.by_state.get(state, 0)
        if number or query.state == state:
            chips.append(Chip(state.label, number, query.url(state=state), state, query.state == state))
    return chips


def _column(key: str, label: str, query: TableQuery) -> Column:
    if key not in SORTS:
        return Column(key, label, "", "")
    is_current = query.sort.lstrip("-") == key
    direction = ("descending" if query.sort.startswith("-") else "ascending") if is_current else ""
    next_sort = f"-{key}" if direction == "ascending" else key
    return Column(key, label, query.url(sort=next_sort), direction)
