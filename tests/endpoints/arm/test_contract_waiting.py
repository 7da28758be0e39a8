"""ARM's contract for long-running operations: how long to wait, when to stop, and as whom to ask."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from endpoints.arm.follow import put_and_follow, send_and_follow
from endpoints.arm.http import ArmHttp, ArmRequest
from endpoints.arm.operations import Done
from tests.support.scripted_server import Arrived, Scripted, Wire, scripted
from tests.support.situations import (
    CREATING,
    DONE,
    ONLINE,
    OWN_PAUSE,
    RUNNING,
    L,
    O,
    R,
    Reading,
    Situation,
    at_the_same_time,
    check,
    get,
    put,
    read_alone,
    succeeded,
)

AFTER_PUT = put(201, CREATING, monitor=O)

TOLD = [
    Situation(
        "the first answer",
        [put(201, CREATING, monitor=O, retry_after="3"), get(O, 200, DONE, after=3), get(R, 200, ONLINE, after=0)],
        succeeded(ONLINE),
    ),
    Situation(
        "a monitor",
        [
            put(201, CREATING, monitor=O, retry_after="0"),
            get(O, 200, RUNNING, after=0, retry_after="3"),
            get(O, 200, DONE, after=3),
            get(R, 200, ONLINE, after=0),
        ],
        succeeded(ONLINE),
    ),
    Situation(
        "a result URL",
        [
            put(202, location=L, retry_after="0"),
            get(L, 202, after=0, retry_after="3"),
            get(L, 200, ONLINE, after=3),
        ],
        succeeded(ONLINE),
    ),
    Situation(
        "a resource",
        [
            put(201, CREATING, retry_after="3"),
            get(R, 200, CREATING, after=3, retry_after="0"),
            get(R, 200, {}, after=0),
        ],
        succeeded({}),
    ),
    Situation(
        "a date ahead",
        [put(201, CREATING, monitor=O, retry_after=timedelta(seconds=4)), get(O, 200, DONE, after=3), get(R, 200, {})],
        succeeded({}),
    ),
    *(
        Situation(
            f"at once: {name}",
            [put(201, CREATING, monitor=O, retry_after=value), get(O, 200, DONE, after=0), get(R, 200, {})],
            succeeded({}),
        )
        for name, value in {"zero": "0", "below zero": "-5", "a date in the past": timedelta(days=-1)}.items()
    ),
]

NOT_TOLD = [
    Situation(
        f"{value!r}",
        [put(201, CREATING, monitor=O, retry_after=value), get(O, 200, DONE, after=OWN_PAUSE), get(R, 200, {})],
        succeeded({}),
    )
    for value in ["", "soon", "/bar", "1.5", "2, 3", "Tue, 99 Nov 2026 12:00:00 GMT", "-", "²"]
]


@pytest.mark.parametrize("situation", TOLD, ids=str)
def test_what_an_answer_says_about_waiting_is_read(situation: Situation) -> None:
    check(situation, read_alone(situation))


@at_the_same_time(TOLD, pause_seconds=OWN_PAUSE)
def test_the_wait_is_what_the_answer_says(situation: Situation, read: Reading) -> None:
    check(situation, read(situation))


@at_the_same_time(NOT_TOLD, pause_seconds=OWN_PAUSE)
def test_the_wait_is_our_own_when_the_answer_says_nothing_readable(situation: Situation, read: Reading) -> None:
    check(situation, read(situation))


def follow_it(server: Scripted, token: Callable[[bool], str] = lambda _: "a-token", **options: Any) -> Done:
    arm = ArmHttp(server.home, connect_timeout=5, trust_env=False)
    return put_and_follow(arm, f"{server.home}/e?api-version=1", {}, token, **{"pause_seconds": 0.05, **options})


def code_of(end: Done) -> str:
    return end.error.code if end.error else ""


def accepted(**headers: str) -> Wire:
    written = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Wire(201, (("Azure-AsyncOperation", "/status?s=1"), *written))


RUNNING_WIRE = Wire(200, (), b'{"status": "InProgress"}')
NEVER_ENDING = {
    "an operation that never ends": (accepted(), RUNNING_WIRE),
    "a poll that hangs": (accepted(), Wire(200, fault="hang")),
    "a poll that drips": (accepted(), Wire(200, (), b" " * 100, "drip")),
    "a PUT that hangs": (Wire(200, fault="hang"), RUNNING_WIRE),
    "a wait of a day": (accepted(Retry_After="86400"), RUNNING_WIRE),
    "a fault that says to wait for a day": (Wire(503, (("Retry-After", "86400"),)), RUNNING_WIRE),
    "a result that is never there": (Wire(202, (("Location", "/status?s=1"),)), Wire(202)),
}


def answering(answers: tuple[Wire, Wire]) -> Callable[[Arrived], Wire]:
    return lambda arrived: answers[0] if arrived.method == "PUT" else answers[1]


def silent_from_now_on(server: Scripted) -> bool:
    count = len(server.arrived)
    time.sleep(0.3)
    return len(server.arrived) == count and {one.method for one in server.arrived} <= {"PUT", "GET"}


@pytest.mark.parametrize("name", NEVER_ENDING)
def test_the_limit_covers_everything_and_nothing_is_sent_after_it(name: str) -> None:
    with scripted(answering(NEVER_ENDING[name])) as server:
        started = time.monotonic()
        end = follow_it(server, limit=timedelta(seconds=0.7))
        assert 0.6 < time.monotonic() - started < 2.5
        assert (end.outcome, code_of(end), end.outcome_unknown) == ("error", "NotFollowed", True)
        assert silent_from_now_on(server)


@pytest.mark.parametrize("name", [name for name in NEVER_ENDING if name[-5:] not in {"hangs", "drips"}])
def test_a_caller_can_stop_at_any_time(name: str) -> None:
    stop = threading.Event()
    with scripted(answering(NEVER_ENDING[name])) as server:
        threading.Timer(0.3, stop.set).start()
        started = time.monotonic()
        end = follow_it(server, stop=stop)
        assert time.monotonic() - started < 2
        assert (end.outcome, code_of(end)) == ("error", "NotFollowed")
        assert silent_from_now_on(server)


@pytest.mark.parametrize("options", [{"limit": timedelta(0)}, {"stop": "now"}])
def test_what_is_over_before_it_begins_sends_nothing(options: dict[str, Any]) -> None:
    stop = threading.Event()
    if options.pop("stop", ""):
        stop.set()
    with scripted(lambda _: RUNNING_WIRE) as server:
        end = follow_it(server, stop=stop, **options)
        assert (code_of(end), end.outcome_unknown, server.arrived) == ("NotFollowed", False, [])


def test_arm_may_set_the_limit() -> None:
    answers = accepted(x_ms_async_operation_timeout="PT1S"), RUNNING_WIRE
    with scripted(answering(answers)) as server:
        assert code_of(follow_it(server)) == "NotFollowed"


def test_the_callers_limit_goes_before_arms() -> None:
    answers = iter(
        [accepted(x_ms_async_operation_timeout="PT1S"), *[RUNNING_WIRE] * 3, Wire(200, (), b'{"status": "Failed"}')]
    )
    with scripted(lambda _: next(answers)) as server:
        assert follow_it(server, limit=timedelta(seconds=30), pause_seconds=0.5).outcome == "failed"


def test_many_operations_do_not_wait_for_each_other() -> None:
    with scripted(lambda one: Wire(200, fault="hang" if "slow" in one.target else "")) as server:
        arm = ArmHttp(server.home, trust_env=False)

        def send(number: int) -> str:
            call = ArmRequest("PUT", f"{server.home}/{'slow' if number < 10 else 'fast'}", {})
            return send_and_follow(arm, call, lambda _: "t", limit=timedelta(seconds=2)).outcome

        with ThreadPoolExecutor(20) as pool:
            assert list(pool.map(send, range(20))) == ["error"] * 10 + ["succeeded"] * 10


def test_a_token_that_changes_is_used_from_then_on() -> None:
    tokens = iter(["first", "second", "third"])
    answers = iter([accepted(), Wire(200, (), b'{"status": "Succeeded"}'), Wire(200, (), b"{}")])
    with scripted(lambda _: next(answers)) as server:
        assert follow_it(server, lambda _: next(tokens)).outcome == "succeeded"
        sent = [one.headers["Authorization"] for one in server.arrived]
        assert sent == ["Bearer first", "Bearer second", "Bearer third"]


@pytest.mark.parametrize("at", [0, 1, 2])
def test_one_401_is_overcome_with_a_fresh_token(at: int) -> None:
    answers = [accepted(), Wire(200, (), b'{"status": "Succeeded"}'), Wire(200, (), b"{}")]
    answers.insert(at, Wire(401))
    left, asked = iter(answers), list[bool]()

    def token(fresh: bool) -> str:
        asked.append(fresh)
        return "fresh" if fresh else "old"

    with scripted(lambda _: next(left)) as server:
        assert follow_it(server, token).outcome == "succeeded"
        assert [place for place, fresh in enumerate(asked) if fresh] == [at + 1]
        assert server.arrived[at].line == server.arrived[at + 1].line
        assert server.arrived[at + 1].headers["Authorization"] == "Bearer fresh"


@pytest.mark.parametrize(
    "first",
    [Wire(401), accepted(), Wire(202, (("Location", "/result"),)), Wire(201)],
    ids=["PUT", "monitor", "result", "resource"],
)
def test_a_second_401_is_an_error(first: Wire) -> None:
    with scripted(lambda one: first if one.method == "PUT" else Wire(401)) as server:
        end = follow_it(server)
        assert (end.outcome, code_of(end)) == ("error", "401")
        assert len(server.arrived) == (2 if first.status == 401 else 3)


@pytest.mark.parametrize("given", [None, uuid4()])
def test_all_requests_of_an_operation_carry_one_id(given: UUID | None) -> None:
    answers = iter([accepted(), RUNNING_WIRE, Wire(200, (), b'{"status": "Succeeded"}'), Wire(200, (), b"{}")])
    with scripted(lambda _: next(answers)) as server:
        assert follow_it(server, correlation_id=given).outcome == "succeeded"
        ids = {one.headers["x-ms-client-request-id"] for one in server.arrived}
        assert len(server.arrived) == 4
        assert ids == {str(given)} if given else len(ids) == 1 and UUID(ids.pop())
