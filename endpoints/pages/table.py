"""The table of endpoints: filters, columns, pages and live updates."""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts import limits
from accounts.actor import actor_of
from accounts.http import SignedInRequest
from accounts.models import User
from accounts.policy import Action, require
from endpoints import queries
from endpoints.access import Access, Notice, access_of, notices, prepare
from endpoints.checks import AllChecked, check_all
from endpoints.models import Endpoint
from endpoints.pages.live import (
    POLL_AT_REST_SECONDS,
    POLL_WHILE_WORKING_SECONDS,
    live_response,
    not_modified,
    release,
    shown_tag,
)
from endpoints.queries import PAGE_SIZE, SORTS, Counts, TableQuery
from endpoints.states import State, Urgency

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
class Tag:
    """The tag of a table: a change of `digest` may show in it, and one of `look` does."""

    digest: str
    look: str = ""
    # In seconds since the epoch.
    drawn_at: str = ""

    @classmethod
    def of(cls, text: str) -> "Tag":
        return cls(*text.split(".", 2))

    def __str__(self) -> str:
        return f"{self.digest}.{self.look}.{self.drawn_at}"


@dataclass(frozen=True)
class Table:
    """The live part of the page."""

    rows: list[Endpoint]
    page: Page[int]
    total: int
    chips: list[Chip]
    columns: list[Column]
    query: TableQuery
    digest: str
    poll_seconds: int
    notices: list[Notice]
    has_workspaces: bool
    # Azure has confirmed every row since then.
    confirmed_at: datetime | None

    @property
    def previous_page_url(self) -> str:
        return self.query.url(page=str(self.page.previous_page_number()))

    @property
    def next_page_url(self) -> str:
        return self.query.url(page=str(self.page.next_page_number()))

    @property
    def is_filtered(self) -> bool:
        return self.query.is_narrowed or bool(self.query.state)

    @property
    def workspace_name(self) -> str:
        """The name of the workspace whose endpoints alone are shown; empty if there is none, or no endpoint in it."""
        return self.rows[0].workspace.name if self.query.workspace and self.rows else ""

    @cached_property
    def tag(self) -> Tag:
        rows = [
            (row.pk, row.version, str(row.workspace), row.workspace.location, str(row.owner), row.unconfirmed)
            for row in self.rows
        ]
        shown = (rows, self.page.number, self.chips, self.query, self.notices, self.has_workspaces)
        return Tag(
            self.digest, hashed((*shown, self.confirmed_at is None, release())), f"{timezone.now().timestamp():.3f}"
        )


@require_safe
@require(Action.VIEW_ENDPOINTS)
def table(request: SignedInRequest) -> HttpResponse:
    """The page; for htmx its live part, or 304 if the browser already shows it.

    Two gates keep a poll cheap: the versions of the workspaces, which take no look at the endpoints, then the rows.
    """
    query = TableQuery.of(request.GET)
    prepare(request.user)
    # Before the rows: a later change then costs one more look. After them, it would never be shown.
    access = access_of(request.user)
    numbers = (access.version, access.registered, access.readable, access.changes, access.confirmed_at is None)
    digest, shown = hashed((request.user.pk, numbers, query, release())), Tag.of(shown_tag(request))
    if shown.digest == digest:
        response = not_modified(shown)
    else:
        response = _changed(request, make_table(request.user, access, query, digest), shown)
    if access.confirmed_at:
        response["X-Confirmed-At"] = access.confirmed_at.isoformat()
    return response


@require_POST
@require(Action.VIEW_ENDPOINTS)
def check(request: SignedInRequest) -> HttpResponse:
    """Have every workspace read now, then show the table, which polls for the result."""
    try:
        limits.hit(limits.RateLimit.CHECKS, str(request.user.pk), actor_of(request), target=request.path)
    except limits.RateLimited as error:
        messages.warning(request, str(error))
    else:
        messages.info(request, _checking(check_all(request.user)))
    response = redirect("endpoints:table")
    response.status_code = 303
    return response


def _checking(checked: AllChecked) -> str:
    workspaces = "1 workspace" if checked.workspaces == 1 else f"{checked.workspaces} workspaces"
    limit = f" Azure's rate limit stretches that to about {checked.seconds} seconds." if checked.seconds else ""
    return f"Reading {workspaces} now.{limit}"


def make_table(user: User, access: Access, query: TableQuery, digest: str) -> Table:
    counts = queries.count(user, query)
    page = Paginator(range(counts.of(query)), PAGE_SIZE).get_page(query.page)
    working = any(State(state).is_working for state in counts.by_state)
    return Table(
        rows=queries.page_of(user, access, query, page.start_index() - 1) if page.object_list else [],
        page=page,
        total=counts.total,
        chips=_chips(query, counts),
        columns=[_column(key, label, query) for key, label in COLUMNS.items()],
        query=query,
        digest=digest,
        poll_seconds=POLL_WHILE_WORKING_SECONDS if working else POLL_AT_REST_SECONDS,
        notices=notices(user),
        has_workspaces=access.readable > 0,
        confirmed_at=access.confirmed_at,
    )


def hashed(shown: object) -> str:
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:20]


def announce(endpoints: list[Endpoint]) -> str:
    """A short text for screen readers."""
    if len(endpoints) > 2:
        return f"{len(endpoints)} endpoints changed."
    return " ".join(endpoint.announcement for endpoint in endpoints)


def drawn_at(tag: Tag) -> datetime | None:
    """When the table with this tag was rendered."""
    try:
        return datetime.fromtimestamp(float(tag.drawn_at), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _changed(request: SignedInRequest, table: Table, shown: Tag) -> HttpResponse:
    """The table, unless the change is out of its sight."""
    if shown.look == table.tag.look:
        return not_modified(replace(shown, digest=table.digest))

    def announcement() -> str:
        since = drawn_at(shown)
        return announce(queries.settled_since(request.user, since)) if since else ""

    return live_response(
        request,
        "endpoints/table.html",
        str(table.tag),
        context=lambda: {"table": table},
        announcement=announcement,
    )


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
