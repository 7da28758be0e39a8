"""The first page and the counts, on both databases, compared with what plain statements find."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from django.db import connection, transaction
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django.plugin import DjangoDbBlocker

from accounts.models import User
from endpoints import queries
from endpoints.access import access_of
from endpoints.fleet.counts import recount
from endpoints.models import Endpoint, Workspace
from endpoints.queries import PAGE_SIZE, SORTS, TableQuery
from endpoints.states import State
from endpoints.versions import bump
from tests.support.databases import on_postgresql
from tests.support.tables import make_endpoints, make_reader, make_workspaces

STATES = [State.ONLINE, State.CREATING, State.FAILED]
NAMES = st.text("aAbB1-", min_size=1, max_size=3)
ENDPOINTS = st.lists(st.tuples(NAMES, st.sampled_from(STATES)), max_size=60, unique_by=lambda row: row[0].lower())
QUICKLY = hypothesis_settings(
    max_examples=8,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
SORTED = [f"{direction}{key}" for key in SORTS for direction in ("", "-") if direction + key != "-"]
FILTERED = [f"sort={sort}&state={state}" for sort in SORTED for state in ("", "online", "deleted")]


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("database")]


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    if request.param == "sqlite":
        yield
        return
    with ExitStack() as stack:
        with django_db_blocker.unblock():
            stack.enter_context(on_postgresql())
        yield


def page(user: User, parameters: str, offset: int = 0) -> list[Endpoint]:
    return queries.page_of(user, access_of(user), TableQuery.of(QueryDict(parameters)), offset)


def counts(user: User, parameters: str = "") -> dict[str, int]:
    return dict(queries.count(user, TableQuery.of(QueryDict(parameters))).by_state)


def by_statement(readable: list[Workspace]) -> dict[str, int]:
    return dict(Counter(Endpoint.objects.filter(workspace__in=readable).values_list("state", flat=True)))


@given(fleet=st.lists(ENDPOINTS, min_size=1, max_size=5), readable=st.sets(st.integers(0, 4)))
@QUICKLY
def test_first_page_equals_a_plain_sort(fleet: list[list[tuple[str, State]]], readable: set[int]) -> None:
    with transaction.atomic():
        workspaces = make_workspaces(len(fleet))
        for workspace, rows in zip(workspaces, fleet, strict=True):
            make_endpoints(workspace, rows)
        seen = [workspace for index, workspace in enumerate(workspaces) if index in readable]
        user = make_reader(seen, hidden=set(workspaces) - set(seen))
        for parameters in FILTERED:
            query = TableQuery.of(QueryDict(parameters))
            plain = Endpoint.objects.filter(workspace__in=seen).order_by(*query.order)
            expected = list(plain.filter(state=query.state) if query.state else plain)
            assert page(user, parameters) == expected[:PAGE_SIZE], parameters
            assert page(user, parameters, 50) == expected[PAGE_SIZE : 2 * PAGE_SIZE], parameters
        transaction.set_rollback(True)


@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("make"), st.integers(0, 2), st.sampled_from(STATES)),
            st.tuples(st.just("move"), st.integers(0, 2), st.sampled_from(STATES)),
            st.tuples(st.just("recount"), st.just(0), st.sampled_from(STATES)),
        ),
        max_size=12,
    )
)
@QUICKLY
def test_counts_are_right_after_any_changes(steps: list[tuple[str, int, State]]) -> None:
    with transaction.atomic():
        workspaces = make_workspaces(3)
        user = make_reader(workspaces[:2], hidden=workspaces[2:])
        for number, (step, index, state) in enumerate(steps):
            if step == "make":
                make_endpoints(workspaces[index], [(f"e{number}", state), (f"f{number}", State.ONLINE)])
            elif step == "move":
                workspaces[index].endpoints.update(state=state)
                bump(workspaces[index].pk)
            else:
                recount()
            assert counts(user) == by_statement(workspaces[:2])
        recount()
        assert recount() == 0
        assert counts(user) == by_statement(workspaces[:2])
        transaction.set_rollback(True)


def test_counts_of_a_search_are_of_its_matches() -> None:
    workspaces = make_workspaces(1)
    make_endpoints(workspaces[0], [("chat", State.ONLINE), ("embed", State.FAILED)])
    recount()
    assert counts(make_reader(workspaces), "q=CHA") == {"online": 1}


def test_change_during_a_recount_is_counted_again() -> None:
    [workspace] = make_workspaces(1)
    make_endpoints(workspace, [("chat", State.ONLINE)])
    version = Workspace.objects.get().version
    recount()
    # As if the second endpoint had been committed between the two reads of the recount.
    make_endpoints(workspace, [("embed", State.ONLINE)])
    Workspace.objects.update(counts={"online": 2}, counted_version=version)
    assert counts(make_reader([workspace])) == {"online": 2}
    assert recount() == 1


def test_access_sums_up_only_readable_workspaces() -> None:
    workspaces = make_workspaces(3)
    user = make_reader(workspaces[:2], hidden=workspaces[2:])
    before = access_of(user)
    assert (before.registered, before.readable, before.changes, before.confirmed_at) == (3, 2, 2, None)
    bump(workspaces[2].pk)
    assert access_of(user) == before
    bump(workspaces[0].pk)
    assert access_of(user).changes == 3


def test_user_who_reads_nothing_sees_nothing() -> None:
    workspaces = make_workspaces(1)
    make_endpoints(workspaces[0], [("chat", State.ONLINE)])
    user = make_reader([])
    assert not access_of(user).is_complete
    assert page(user, "") == []
    assert counts(user) == {}


@pytest.mark.slow
def test_page_and_poll_read_no_whole_table() -> None:
    workspaces = make_workspaces(100)
    for index, workspace in enumerate(workspaces):
        make_endpoints(workspace, [(f"e{index}-{number}", STATES[number % 7 % 3]) for number in range(100)])
    if connection.vendor == "postgresql":
        connection.cursor().execute("ANALYZE")
    while recount():
        pass
    walked = [parameters for parameters in FILTERED if TableQuery.of(QueryDict(parameters)).walk]
    for user in (make_reader(workspaces[::20], workspaces[1::20]), make_reader(workspaces)):
        with CaptureQueriesContext(connection) as captured:
            access_of(user)
            counts(user)
            for parameters in walked:
                assert len(page(user, parameters)) in {0, PAGE_SIZE}
        for query in captured.captured_queries:
            plan = explain(query["sql"])
            assert not re.search(r"Seq Scan on endpoints_endpoint\b|SCAN endpoints_endpoint(?! USING)", plan), plan


def explain(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {'' if connection.vendor == 'postgresql' else 'QUERY PLAN'} {sql}".replace("%", "%%"))
        return "\n".join(str(row[-1]) for row in cursor.fetchall())
