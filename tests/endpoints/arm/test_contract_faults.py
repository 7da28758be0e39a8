"""ARM's contract for long-running operations: faults on the way, which are overcome but not for ever."""

from datetime import timedelta

import pytest

from endpoints.arm.follow import send_and_follow
from endpoints.arm.http import ArmHttp, ArmRequest
from tests.support.situations import (
    CREATING,
    DONE,
    ONLINE,
    RUNNING,
    Exchange,
    L,
    O,
    R,
    Reading,
    Situation,
    at_the_same_time,
    both_ways,
    check,
    delete,
    error,
    exchange,
    get,
    lost,
    over_a_socket,
    patch,
    post,
    put,
    succeeded,
)

TRANSIENT = [408, 429, 500, 502, 503, 504]
BROKEN = ["reset", "close", "cut off"]
AFTER_PUT = put(201, CREATING, monitor=O)
TO_THE_END = [get(O, 200, DONE), get(R, 200, ONLINE)]


def at_once(method: str, url: str, status: int) -> Exchange:
    return exchange(method, url, status, b"<html>", retry_after="0")


OVERCOME = [
    *(
        Situation(f"PUT {status}", [at_once("PUT", R, status), AFTER_PUT, *TO_THE_END], succeeded(ONLINE))
        for status in TRANSIENT
    ),
    *(
        Situation(
            f"a monitor: {status}",
            [AFTER_PUT, at_once("GET", O, status), at_once("GET", O, status), *TO_THE_END],
            succeeded(ONLINE),
        )
        for status in TRANSIENT
    ),
    *(
        Situation(
            f"the final GET: {status}",
            [AFTER_PUT, get(O, 200, DONE), at_once("GET", R, status), get(R, 200, ONLINE)],
            succeeded(ONLINE),
        )
        for status in (429, 500, 503)
    ),
    *(
        Situation(
            f"a result: {status}",
            [put(202, location=L), at_once("GET", L, status), get(L, 202), get(L, 200, ONLINE)],
            succeeded(ONLINE),
        )
        for status in TRANSIENT
    ),
    *(
        Situation(
            f"a resource: {status}",
            [put(201, CREATING), at_once("GET", R, status), get(R, 200, CREATING), get(R, 200, ONLINE)],
            succeeded(ONLINE),
        )
        for status in TRANSIENT
    ),
    Situation(
        "DELETE 500, then on its polls",
        [at_once("DELETE", R, 500), delete(202, location=L), at_once("GET", L, 500), get(L, 204)],
        succeeded(None),
    ),
    *(
        Situation(f"{first.method} 429", [at_once(first.method, R, 429), first, get(L, 200, ONLINE)], succeeded(ONLINE))
        for first in (patch(202, location=L), post(202, location=L))
    ),
    Situation(
        "five in a row, an answer, and five again",
        [AFTER_PUT, *[at_once("GET", O, 503)] * 5, get(O, 200, RUNNING), *[at_once("GET", O, 503)] * 5, *TO_THE_END],
        succeeded(ONLINE),
    ),
]

NOT_REPEATED = [
    *(
        Situation(f"{method} {status}", [at_once(method, R, status)], error(str(status)))
        for method in ("PATCH", "POST")
        for status in (408, 500, 502, 503, 504)
    ),
    *(
        Situation(f"{method}: {fault}", [lost(method, R, fault)], error("ConnectionLost"))
        for method in ("PATCH", "POST")
        for fault in BROKEN
    ),
]

# These wait for a second or more, so all of them wait at the same time.
BACKING_OFF = [
    *(
        Situation(
            f"the final GET: {fault}",
            [AFTER_PUT, get(O, 200, DONE), lost("GET", R, fault), get(R, 200, ONLINE, after=1)],
            succeeded(ONLINE),
        )
        for fault in BROKEN
    ),
    *(
        Situation(
            f"a monitor: {fault}",
            [AFTER_PUT, lost("GET", O, fault), get(O, 200, DONE, after=1), get(R, 200, ONLINE)],
            succeeded(ONLINE),
        )
        for fault in BROKEN
    ),
    Situation(
        "a result: close",
        [put(202, location=L), lost("GET", L, "close"), get(L, 200, ONLINE, after=1)],
        succeeded(ONLINE),
    ),
    Situation(
        "a resource: reset",
        [put(201, CREATING), lost("GET", R, "reset"), get(R, 200, ONLINE, after=1)],
        succeeded(ONLINE),
    ),
    Situation("PUT: reset", [lost("PUT", R, "reset"), exchange("PUT", R, 200, ONLINE, after=1)], succeeded(ONLINE)),
    Situation("DELETE: close", [lost("DELETE", R, "close"), exchange("DELETE", R, 204, after=1)], succeeded(None)),
    Situation(
        "twice as long each time",
        [AFTER_PUT, get(O, 429), get(O, 500, after=1), get(O, 200, DONE, after=2), get(R, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation(
        "PUT 429 that says how long",
        [put(429, retry_after="1"), exchange("PUT", R, 200, ONLINE, after=1)],
        succeeded(ONLINE),
    ),
    Situation(
        "503 on a poll that says how long",
        [AFTER_PUT, get(O, 503, retry_after="2"), get(O, 200, DONE, after=2), get(R, 200, ONLINE)],
        succeeded(ONLINE),
    ),
]

ENDLESS = [
    Situation("PUT always 500", [put(500, {"error": {"code": "Down"}}, retry_after="0")], error("Down"), most=12),
    Situation("DELETE always 503", [at_once("DELETE", R, 503)], error("503"), most=12),
    Situation("POST always 429", [at_once("POST", R, 429)], error("429"), most=12),
    Situation("a monitor always 500", [AFTER_PUT, at_once("GET", O, 500)], error("500"), most=12),
    Situation(
        "the final GET always 503", [AFTER_PUT, get(O, 200, DONE), at_once("GET", R, 503)], error("503"), most=12
    ),
    Situation("a result always 429", [put(202, location=L), at_once("GET", L, 429)], error("429"), most=12),
    Situation("a resource always 504", [put(201, CREATING), at_once("GET", R, 504)], error("504"), most=12),
]

TIRING = [
    Situation("PUT always 500", [put(500)], error("NotFollowed"), most=12),
    Situation("PUT always reset", [lost("PUT", R, "reset")], error("NotFollowed"), most=12),
    Situation("a monitor always 500", [AFTER_PUT, get(O, 500)], error("NotFollowed"), most=30),
    Situation("a monitor always reset", [AFTER_PUT, lost("GET", O, "reset")], error("NotFollowed"), most=30),
]


@both_ways(OVERCOME)
def test_a_transient_fault_is_overcome(situation: Situation, read: Reading) -> None:
    check(situation, read(situation))


@both_ways(NOT_REPEATED)
def test_what_may_have_been_carried_out_is_not_repeated_blindly(situation: Situation, read: Reading) -> None:
    run = read(situation)
    check(situation, run)
    assert run.settled.outcome_unknown


@at_the_same_time(BACKING_OFF)
def test_a_repetition_waits(situation: Situation, read: Reading) -> None:
    check(situation, read(situation))


@pytest.mark.parametrize("situation", ENDLESS, ids=str)
def test_a_fault_that_stays_ends_in_an_error(situation: Situation) -> None:
    check(situation, over_a_socket(situation))


@at_the_same_time(TIRING, limit=timedelta(seconds=4))
def test_a_fault_that_stays_ends_with_the_limit_too(situation: Situation, read: Reading) -> None:
    check(situation, read(situation))


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST"])
def test_a_request_that_was_never_received_is_repeated_whatever_it_is(method: str) -> None:
    arm = ArmHttp("http://127.0.0.1:9", trust_env=False)
    end = send_and_follow(arm, ArmRequest(method, "http://127.0.0.1:9/x"), lambda _: "t", limit=timedelta(seconds=0.2))
    assert end.error is not None
    assert end.error.code == "NotFollowed"
