"""The lists of workspaces: the registered ones, and those that Azure shows to a user who may register them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import Count, F
from django.http import QueryDict
from django.utils import timezone

from accounts.models import User
from endpoints.access import readable_ids
from endpoints.arm.resources import WorkspaceId, key_of
from endpoints.models import AccessRead, Endpoint, VisibleWorkspace, Workspace
from endpoints.states import State, Urgency

PAGE_SIZE = 100
NEW_FOR = timedelta(days=7)


@dataclass(frozen=True)
class StateCount:
    state: State
    number: int


@dataclass(frozen=True)
class RegisteredRow:
    workspace: Workspace
    counts: list[StateCount]
    subscription: str


@dataclass(frozen=True)
class Listing:
    """A page of rows that match a search."""

    page: Page[Any]
    text: str

    @property
    def previous_page_url(self) -> str:
        return self._url(self.page.previous_page_number())

    @property
    def next_page_url(self) -> str:
        return self._url(self.page.next_page_number())

    def _url(self, number: int) -> str:
        parameters = QueryDict(mutable=True)
        parameters.update({"q": self.text, "page": str(number)} if self.text else {"page": str(number)})
        return f"?{parameters.urlencode()}"


@dataclass(frozen=True)
class Registered(Listing):
    rows: list[RegisteredRow]
    total: int

    @classmethod
    def of(cls, user: User, parameters: QueryDict) -> Self:
        names = subscription_names(user)
        workspaces = Workspace.objects.filter(pk__in=readable_ids(user)).select_related("read")
        everything = list(workspaces.annotate(finding_count=Count("findings")).order_by("name", "resource_group"))
        text = _text_of(parameters)
        page = Paginator([one for one in everything if _matches(one, names, text)], PAGE_SIZE).get_page(
            parameters.get("page")
        )
        counts = counts_of(page.object_list)
        rows = [RegisteredRow(one, counts[one.pk], _subscription(one, names)) for one in page.object_list]
        return cls(page, text, rows, len(everything))


@dataclass(frozen=True)
class Candidate:
    """A workspace that Azure shows."""

    row: VisibleWorkspace
    is_registered: bool
    is_new: bool

    @property
    def arm_id(self) -> str:
        return str(WorkspaceId(self.row.subscription_id, self.row.resource_group, self.row.name))

    @property
    def order(self) -> tuple[object, ...]:
        """New ones first, registered ones last."""
        return self.is_registered, not self.is_new, self.row.name.casefold(), self.row.key

    @property
    def can_be_registered(self) -> bool:
        """Not if its resource id fits no pattern of Azure's documentation, so that no request can be sent to it."""
        return WorkspaceId.try_parse(self.arm_id) is not None and key_of(self.arm_id) == self.row.key


@dataclass(frozen=True)
class Candidates(Listing):
    rows: list[Candidate]
    total: int
    all_are_chosen: bool
    read: AccessRead | None

    @classmethod
    def of(cls, user: User, parameters: QueryDict) -> Self:
        candidates, text = _candidates(user), _text_of(parameters)
        matching = sorted((one for one in candidates if _matches(one.row, {}, text)), key=lambda one: one.order)
        page = Paginator(matching, PAGE_SIZE).get_page(parameters.get("page"))
        read = AccessRead.objects.filter(user=user).first()
        return cls(page, text, list(page.object_list), len(candidates), "all" in parameters, read)

    @property
    def number_to_choose(self) -> int:
        return len([one for one in self.rows if one.can_be_registered and not one.is_registered])

    @property
    def all_url(self) -> str:
        return f"{self._url(self.page.number)}&all=1"


@dataclass(frozen=True)
class NewWorkspaces:
    """For a user who may register them: how many Azure shows, and which have appeared lately."""

    unregistered: int
    names: list[str]
    since: datetime | None

    @classmethod
    def of(cls, user: User) -> Self:
        left = [one for one in _candidates(user) if not one.is_registered]
        new = [one.row for one in left if one.is_new]
        since = min((row.first_seen_at for row in new), default=None)
        return cls(len(left), sorted(row.name for row in new), since)

    @property
    def text(self) -> str:
        shown = ", ".join(self.names[:2])
        return f"{shown} and {len(self.names) - 2} more" if len(self.names) > 2 else " and ".join(self.names)


def subscription_names(user: User) -> dict[str, str]:
    rows = VisibleWorkspace.objects.filter(user=user).exclude(subscription_name="")
    return {one.lower(): name for one, name in rows.values_list("subscription_id", "subscription_name").distinct()}


def counts_of(workspaces: Iterable[Workspace]) -> dict[UUID, list[StateCount]]:
    """The endpoints of each workspace by state, most urgent first. Those that changed since the count count again."""
    counts = {one.pk: one.counts for one in workspaces}
    changed = [one.pk for one in workspaces if one.counted_version != one.version]
    fresh: dict[UUID, dict[str, int]] = defaultdict(dict)
    endpoints = Endpoint.objects.filter(workspace__in=changed).order_by()
    for pk, state, number in endpoints.values_list("workspace", "state").annotate(number=Count("*")):
        fresh[pk][state] = number
    counts |= {pk: fresh[pk] for pk in changed}
    return {pk: _in_order(numbers) for pk, numbers in counts.items()}


def _in_order(numbers: dict[str, int]) -> list[StateCount]:
    counted = [StateCount(State(state), number) for state, number in numbers.items() if number]
    return sorted(counted, key=lambda one: (Urgency.of(one.state), one.state))


def _candidates(user: User) -> list[Candidate]:
    registered = {key_of(workspace.arm_id) for workspace in Workspace.objects.all()}
    rows = list(VisibleWorkspace.objects.filter(user=user).order_by(F("name")))
    # What the first read showed is not news.
    first, recently = min((row.first_seen_at for row in rows), default=None), timezone.now() - NEW_FOR
    return [
        Candidate(row, row.key in registered, row.first_seen_at != first and row.first_seen_at > recently)
        for row in rows
    ]


def _subscription(row: Workspace, names: dict[str, str]) -> str:
    return names.get(row.subscription_id.lower(), "")


def _matches(row: Workspace | VisibleWorkspace, names: dict[str, str], text: str) -> bool:
    title = row.subscription_name if isinstance(row, VisibleWorkspace) else _subscription(row, names)
    columns = (row.name, row.resource_group, row.location, row.subscription_id, title)
    return any(text.casefold() in column.casefold() for column in columns)


def _text_of(parameters: QueryDict) -> str:
    return parameters.get("q", "").strip()[:100]
