"""The work that SQLite does for a poll and a page, in steps of its virtual machine, which no busy machine changes."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.http import QueryDict

from accounts.models import User
from endpoints import queries
from endpoints.access import access_of
from endpoints.fleet.counts import recount
from endpoints.models import Workspace
from endpoints.queries import TableQuery
from endpoints.states import State
from tests.support.tables import make_endpoints, make_reader, make_workspaces

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
PAGES = ["", "sort=-name", "sort=state", "sort=changed", "state=online", "state=online&sort=changed"]


def steps(work: Callable[[], object]) -> int:
    """In units of 100."""
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    connection.connection.set_progress_handler(count, 100)
    work()
    connection.connection.set_progress_handler(None, 0)
    return counted


def look(user: User, parameters: str) -> None:
    query, access = TableQuery.of(QueryDict(parameters)), access_of(user)
    queries.count(user, query)
    assert len(queries.page_of(user, access, query, 0)) == queries.PAGE_SIZE


def steps_of_each_page(workspaces: list[Workspace], users: list[User], numbers: range) -> list[int]:
    for workspace in workspaces:
        states = [State.ONLINE, State.ONLINE, State.FAILED]
        make_endpoints(workspace, [(f"{workspace.name}-{number:03}", states[number % 3]) for number in numbers])
    recount()
    return [steps(lambda: look(user, page)) for user in users for page in PAGES]  # noqa: B023  (called at once)


def test_page_takes_the_same_steps_with_four_times_the_endpoints() -> None:
    workspaces = make_workspaces(20)
    users = [make_reader(workspaces[:8], workspaces[8:]), make_reader(workspaces)]
    few = steps_of_each_page(workspaces, users, range(100))
    many = steps_of_each_page(workspaces, users, range(100, 400))
    assert all(after <= 1.2 * before + 5 for before, after in zip(few, many, strict=True)), (few, many)
