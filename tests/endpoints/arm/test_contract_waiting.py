"""ARM's contract for long-running operations: waits, time limits, tokens and correlation ids.

https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/async-operations#url-to-monitor-status
https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
"""

import json
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
from tests.support.scripted_server import OK, ReceivedRequest, ScriptedResponse, ScriptedServer, scripted_server
from tests.support.situations import (
    CREATING,
    DEFAULT_PAUSE,
    DONE,
    MONITOR,
    ONLINE,
    RESOURCE,
    RESULT,
    RUNNING,
    Runner,
    Situation,
    check,
    concurrently,
    get,
    put,
    succeeded,
    without_network,
)

AFTER_PUT = put(201, CREATING, monitor=MONITOR)

WITH_RETRY_AFTER = [
    Situation(
        "the first response",
        [
            put(201, CREATING, monitor=MONITOR, retry_after="3"),
            get(MONITOR, 200, DONE, after=3),
            get(RESOURCE, 200, ONLINE, after=0),
        ],
        succeeded(ONLINE),
    ),
    Situation(
        "a monitor",
        [
            put(201, CREATING, monitor=MONITOR, retry_after="0"),
            get(MONITOR, 200, RUNNING, after=0, retry_after="3"),
            get(MONITOR, 200, DONE, after=3),
            get(RESOURCE, 200, ONLINE, after=0),
        ],
        succeeded(ONLINE),
    ),
    Situation(
        "a result URL",
        [
            put(202, location=RESULT, retry_after="0"),
            get(RESULT, 202, after=0, retry_after="3"),
            get(RESULT, 200, ONLINE, after=3),
        ],
        succeeded(ONLINE),
    ),
    Situation(
        "a resource",
        [
            put(201, CREATING, retry_after="3"),
            get(RESOURCE, 200, CREATING, after=3, retry_after="0"),
            get(RESOURCE, 200, {}, after=0),
        ],
        succeeded({}),
    ),
    Situation(
        "a date ahead",
        [
            put(201, CREATING, monitor=MONITOR, retry_after=timedelta(seconds=4)),
            get(MONITOR, 200, DONE, after=3),
            get(RESOURCE, 200, {}),
        ],
        succeeded({}),
    ),
    *(
        Situation(
            f"at once: {name}",
            [
                put(201, CREATING, monitor=MONITOR, retry_after=value),
                get(MONITOR, 200, DONE, after=0),
                get(RESOURCE, 200, {}),
            ],
            succeeded({}),
        )
        for name, value in {"zero": "0", "below zero": "-5", "a date in the past": timedelta(days=-1)}.items()
    ),
]

WITHOUT_RETRY_AFTER = [
    Situation(
        f"{value!r}",
        [
            put(201, CREATING, monitor=MONITOR, retry_after=value),
            get(MONITOR, 200, DONE, after=DEFAULT_PAUSE),
            get(RESOURCE, 200, {}),
        ],
        succeeded({}),
    )
    for value in ["", "soon", "/bar", "1.5", "2, 3", "Tue, 99 Nov 2026 12:00:00 GMT", "-", "²"]
]


@pytest.mark.parametrize("situation", WITH_RETRY_AFTER, ids=str)
def test_retry_after_is_read(situation: Situation) -> None:
    check(situation, without_network(situation))


@concurrently(WITH_RETRY_AFTER, pause_seconds=DEFAULT_PAUSE)
def test_retry_after_determines_the_wait(situation: Situation, run: Runner) -> None:
    check(situation, run(situation))


@concurrently(WITHOUT_RETRY_AFTER, pause_seconds=DEFAULT_PAUSE)
def test_unreadable_retry_after_leaves_the_default_wait(situation: Situation, run: Runner) -> None:
    check(situation, run(situation))


def follow_put(server: ScriptedServer, token: Callable[[bool], str] = lambda _: "a-token", **options: Any) -> Done:
    arm = ArmHttp(server.origin, connect_timeout=5, trust_env=False)
    return put_and_follow(arm, f"{server.origin}/e?api-version=1", {}, token, **{"pause_seconds": 0.05, **options})


def error_code(result: Done) -> str:
    return result.error.code if result.error else ""


def accepted(**headers: str) -> ScriptedResponse:
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return ScriptedResponse(201, (("Azure-AsyncOperation", "/status?s=1"), *named))


IN_PROGRESS, SUCCEEDED, FAILED = (
    ScriptedResponse(200, content=json.dumps({"status": status}).encode())
    for status in ("InProgress", "Succeeded", "Failed")
)
# The responses to the PUT and to every poll.
NEVER_ENDING = {
    "an operation that never ends": (accepted(), IN_PROGRESS),
    "a poll that hangs": (accepted(), ScriptedResponse(200, fault="hang")),
    "a poll that drips": (accepted(), ScriptedResponse(200, (), b" " * 100, "drip")),
    "a PUT that hangs": (ScriptedResponse(200, fault="hang"), IN_PROGRESS),
    "a wait of a day": (accepted(Retry_After="86400"), IN_PROGRESS),
    "a fault with a wait of a day": (ScriptedResponse(503, (("Retry-After", "86400"),)), IN_PROGRESS),
    "a result that never arrives": (ScriptedResponse(202, (("Location", "/status?s=1"),)), ScriptedResponse(202)),
}


def put_and_polls(
    responses: tuple[ScriptedResponse, ScriptedResponse],
) -> Callable[[ReceivedRequest], ScriptedResponse]:
    return lambda request: responses[0] if request.method == "PUT" else responses[1]


def stays_silent(server: ScriptedServer) -> bool:
    count = len(server.received)
    time.sleep(0.3)
    return len(server.received) == count and {request.method for request in server.received} <= {"PUT", "GET"}


@pytest.mark.parametrize("name", NEVER_ENDING)
def test_nothing_is_sent_after_the_time_limit(name: str) -> None:
    with scripted_server(put_and_polls(NEVER_ENDING[name])) as server:
        started = time.monotonic()
        result = follow_put(server, limit=timedelta(seconds=0.7))
        assert 0.6 < time.monotonic() - started < 2.5
        assert (result.outcome, error_code(result), result.outcome_unknown) == ("error", "NotFollowed", True)
        assert stays_silent(server)


@pytest.mark.parametrize("name", [name for name in NEVER_ENDING if name[-5:] not in {"hangs", "drips"}])
def test_caller_can_stop_at_any_time(name: str) -> None:
    stop = threading.Event()
    with scripted_server(put_and_polls(NEVER_ENDING[name])) as server:
        threading.Timer(0.3, stop.set).start()
        started = time.monotonic()
        result = follow_put(server, stop=stop)
        assert time.monotonic() - started < 2
        assert (result.outcome, error_code(result)) == ("error", "NotFollowed")
        assert stays_silent(server)


@pytest.mark.parametrize("options", [{"limit": timedelta(0)}, {"stop": "now"}])
def test_nothing_is_sent_after_a_stop_before_the_start(options: dict[str, Any]) -> None:
    stop = threading.Event()
    if "stop" in options:
        stop.set()
    with scripted_server(lambda _: IN_PROGRESS) as server:
        result = follow_put(server, **{**options, "stop": stop})
        assert (error_code(result), result.outcome_unknown, server.received) == ("NotFollowed", False, [])


def test_arm_may_set_the_time_limit() -> None:
    responses = accepted(x_ms_async_operation_timeout="PT1S"), IN_PROGRESS
    with scripted_server(put_and_polls(responses)) as server:
        assert error_code(follow_put(server)) == "NotFollowed"


def test_limit_of_the_caller_overrides_that_of_arm() -> None:
    responses = iter([accepted(x_ms_async_operation_timeout="PT1S"), *[IN_PROGRESS] * 3, FAILED])
    with scripted_server(lambda _: next(responses)) as server:
        assert follow_put(server, limit=timedelta(seconds=30), pause_seconds=0.5).outcome == "failed"


def test_operations_do_not_wait_for_each_other() -> None:
    hanging = ScriptedResponse(200, fault="hang")
    with scripted_server(lambda request: hanging if "slow" in request.target else ScriptedResponse(200)) as server:
        arm = ArmHttp(server.origin, trust_env=False)

        def send(number: int) -> str:
            request = ArmRequest("PUT", f"{server.origin}/{'slow' if number < 10 else 'fast'}", {})
            return send_and_follow(arm, request, lambda _: "t", limit=timedelta(seconds=2)).outcome

        with ThreadPoolExecutor(20) as pool:
            assert list(pool.map(send, range(20))) == ["error"] * 10 + ["succeeded"] * 10


def test_every_request_gets_a_current_token() -> None:
    tokens = iter(["first", "second", "third"])
    responses = iter([accepted(), SUCCEEDED, OK])
    with scripted_server(lambda _: next(responses)) as server:
        assert follow_put(server, lambda _: next(tokens)).outcome == "succeeded"
        sent = [request.headers["Authorization"] for request in server.received]
        assert sent == ["Bearer first", "Bearer second", "Bearer third"]


@pytest.mark.parametrize("at", [0, 1, 2])
def test_first_401_is_retried_with_a_new_token(at: int) -> None:
    responses = [accepted(), SUCCEEDED, OK]
    responses.insert(at, ScriptedResponse(401))
    remaining, refreshes = iter(responses), list[bool]()

    def token(force_refresh: bool) -> str:
        refreshes.append(force_refresh)
        return "new" if force_refresh else "old"

    with scripted_server(lambda _: next(remaining)) as server:
        assert follow_put(server, token).outcome == "succeeded"
        assert [place for place, force_refresh in enumerate(refreshes) if force_refresh] == [at + 1]
        assert server.received[at].line == server.received[at + 1].line
        assert server.received[at + 1].headers["Authorization"] == "Bearer new"


@pytest.mark.parametrize(
    "first",
    [ScriptedResponse(401), accepted(), ScriptedResponse(202, (("Location", "/result"),)), ScriptedResponse(201)],
    ids=["PUT", "monitor", "result", "resource"],
)
def test_second_401_is_an_error(first: ScriptedResponse) -> None:
    with scripted_server(put_and_polls((first, ScriptedResponse(401)))) as server:
        result = follow_put(server)
        assert (result.outcome, error_code(result)) == ("error", "401")
        assert len(server.received) == (2 if first.status == 401 else 3)


@pytest.mark.parametrize("given", [None, uuid4()])
def test_requests_of_an_operation_share_a_correlation_id(given: UUID | None) -> None:
    responses = iter([accepted(), IN_PROGRESS, SUCCEEDED, OK])
    with scripted_server(lambda _: next(responses)) as server:
        assert follow_put(server, correlation_id=given).outcome == "succeeded"
        ids = {request.headers["x-ms-client-request-id"] for request in server.received}
        assert len(server.received) == 4
        assert ids == {str(given)} if given else len(ids) == 1 and UUID(ids.pop())
