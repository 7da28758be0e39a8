"""ARM's contract for long-running operations: transient faults are retried, within limits.

https://learn.microsoft.com/en-us/azure/architecture/best-practices/retry-service-specific#general-rest-and-retry-guidelines
"""

from datetime import timedelta

import pytest

from endpoints.arm.follow import send_and_follow
from endpoints.arm.http import ArmHttp, ArmRequest
from tests.support.situations import (
    CREATING,
    DONE,
    MONITOR,
    ONLINE,
    RESOURCE,
    RESULT,
    RUNNING,
    Exchange,
    Runner,
    Situation,
    both_ways,
    broken,
    check,
    concurrently,
    delete,
    error,
    exchange,
    get,
    over_socket,
    patch,
    post,
    put,
    succeeded,
)

TRANSIENT = [408, 429, 500, 502, 503, 504]
CONNECTION_FAULTS = ["reset", "close", "cut off"]
AFTER_PUT = put(201, CREATING, monitor=MONITOR)
THEN_SUCCESS = [get(MONITOR, 200, DONE), get(RESOURCE, 200, ONLINE)]


def retry_now(method: str, url: str, status: int) -> Exchange:
    return exchange(method, url, status, b"<html>", retry_after="0")


RECOVERED = [
    *(
        Situation(f"PUT {status}", [retry_now("PUT", RESOURCE, status), AFTER_PUT, *THEN_SUCCESS], succeeded(ONLINE))
        for status in TRANSIENT
    ),
    *(
        Situation(
            f"a monitor: {status}",
            [AFTER_PUT, retry_now("GET", MONITOR, status), retry_now("GET", MONITOR, status), *THEN_SUCCESS],
            succeeded(ONLINE),
        )
        for status in TRANSIENT
    ),
    *(
        Situation(
            f"the final GET: {status}",
            [AFTER_PUT, get(MONITOR, 200, DONE), retry_now("GET", RESOURCE, status), get(RESOURCE, 200, ONLINE)],
            succeeded(ONLINE),
        )
        for status in (429, 500, 503)
    ),
    *(
        Situation(
            f"a result: {status}",
            [put(202, location=RESULT), retry_now("GET", RESULT, status), get(RESULT, 202), get(RESULT, 200, ONLINE)],
            succeeded(ONLINE),
        )
        for status in TRANSIENT
    ),
    *(
        Situation(
            f"a resource: {status}",
            [
                put(201, CREATING),
                retry_now("GET", RESOURCE, status),
                get(RESOURCE, 200, CREATING),
                get(RESOURCE, 200, ONLINE),
            ],
            succeeded(ONLINE),
        )
        for status in TRANSIENT
    ),
    Situation(
        "DELETE 500, then on its polls",
        [
            retry_now("DELETE", RESOURCE, 500),
            delete(202, location=RESULT),
            retry_now("GET", RESULT, 500),
            get(RESULT, 204),
        ],
        succeeded(None),
    ),
    *(
        Situation(
            f"{first.method} 429",
            [retry_now(first.method, RESOURCE, 429), first, get(RESULT, 200, ONLINE)],
            succeeded(ONLINE),
        )
        for first in (patch(202, location=RESULT), post(202, location=RESULT))
    ),
    Situation(
        "five in a row, a good response, and five again",
        [
            AFTER_PUT,
            *[retry_now("GET", MONITOR, 503)] * 5,
            get(MONITOR, 200, RUNNING),
            *[retry_now("GET", MONITOR, 503)] * 5,
            *THEN_SUCCESS,
        ],
        succeeded(ONLINE),
    ),
]

NOT_RETRIED = [
    *(
        Situation(f"{method} {status}", [retry_now(method, RESOURCE, status)], error(str(status)))
        for method in ("PATCH", "POST")
        for status in (408, 500, 502, 503, 504)
    ),
    *(
        Situation(f"{method}: {fault}", [broken(method, RESOURCE, fault)], error("ConnectionLost"))
        for method in ("PATCH", "POST")
        for fault in CONNECTION_FAULTS
    ),
]

# These wait for a second or more, so they run concurrently.
BACKING_OFF = [
    *(
        Situation(
            f"the final GET: {fault}",
            [AFTER_PUT, get(MONITOR, 200, DONE), broken("GET", RESOURCE, fault), get(RESOURCE, 200, ONLINE, after=1)],
            succeeded(ONLINE),
        )
        for fault in CONNECTION_FAULTS
    ),
    *(
        Situation(
            f"a monitor: {fault}",
            [AFTER_PUT, broken("GET", MONITOR, fault), get(MONITOR, 200, DONE, after=1), get(RESOURCE, 200, ONLINE)],
            succeeded(ONLINE),
        )
        for fault in CONNECTION_FAULTS
    ),
    Situation(
        "a result: close",
        [put(202, location=RESULT), broken("GET", RESULT, "close"), get(RESULT, 200, ONLINE, after=1)],
        succeeded(ONLINE),
    ),
    Situation(
        "a resource: reset",
        [put(201, CREATING), broken("GET", RESOURCE, "reset"), get(RESOURCE, 200, ONLINE, after=1)],
        succeeded(ONLINE),
    ),
    Situation(
        "PUT: reset",
        [broken("PUT", RESOURCE, "reset"), exchange("PUT", RESOURCE, 200, ONLINE, after=1)],
        succeeded(ONLINE),
    ),
    Situation(
        "DELETE: close",
        [broken("DELETE", RESOURCE, "close"), exchange("DELETE", RESOURCE, 204, after=1)],
        succeeded(None),
    ),
    Situation(
        "twice as long each time",
        [
            AFTER_PUT,
            get(MONITOR, 429),
            get(MONITOR, 500, after=1),
            get(MONITOR, 200, DONE, after=2),
            get(RESOURCE, 200, ONLINE),
        ],
        succeeded(ONLINE),
    ),
    Situation(
        "PUT 429 with Retry-After",
        [put(429, retry_after="1"), exchange("PUT", RESOURCE, 200, ONLINE, after=1)],
        succeeded(ONLINE),
    ),
    Situation(
        "a poll 503 with Retry-After",
        [AFTER_PUT, get(MONITOR, 503, retry_after="2"), get(MONITOR, 200, DONE, after=2), get(RESOURCE, 200, ONLINE)],
        succeeded(ONLINE),
    ),
]

PERSISTENT = [
    Situation(
        "PUT always 500", [put(500, {"error": {"code": "Down"}}, retry_after="0")], error("Down"), max_requests=12
    ),
    Situation("DELETE always 503", [retry_now("DELETE", RESOURCE, 503)], error("503"), max_requests=12),
    Situation("POST always 429", [retry_now("POST", RESOURCE, 429)], error("429"), max_requests=12),
    Situation("a monitor always 500", [AFTER_PUT, retry_now("GET", MONITOR, 500)], error("500"), max_requests=12),
    Situation(
        "the final GET always 503",
        [AFTER_PUT, get(MONITOR, 200, DONE), retry_now("GET", RESOURCE, 503)],
        error("503"),
        max_requests=12,
    ),
    Situation(
        "a result always 429", [put(202, location=RESULT), retry_now("GET", RESULT, 429)], error("429"), max_requests=12
    ),
    Situation(
        "a resource always 504", [put(201, CREATING), retry_now("GET", RESOURCE, 504)], error("504"), max_requests=12
    ),
]

PERSISTENT_WITH_BACK_OFF = [
    Situation("PUT always 500", [put(500)], error("NotFollowed"), max_requests=12),
    Situation("PUT always reset", [broken("PUT", RESOURCE, "reset")], error("NotFollowed"), max_requests=12),
    Situation("a monitor always 500", [AFTER_PUT, get(MONITOR, 500)], error("NotFollowed"), max_requests=30),
    Situation(
        "a monitor always reset", [AFTER_PUT, broken("GET", MONITOR, "reset")], error("NotFollowed"), max_requests=30
    ),
]


@both_ways(RECOVERED)
def test_transient_fault_is_retried(situation: Situation, run: Runner) -> None:
    check(situation, run(situation))


@both_ways(NOT_RETRIED)
def test_request_that_is_not_idempotent_is_not_retried(situation: Situation, run: Runner) -> None:
    trace = run(situation)
    check(situation, trace)
    assert trace.result.outcome_unknown


@concurrently(BACKING_OFF)
def test_retry_backs_off(situation: Situation, run: Runner) -> None:
    check(situation, run(situation))


@pytest.mark.parametrize("situation", PERSISTENT, ids=str)
def test_persistent_fault_ends_in_an_error(situation: Situation) -> None:
    check(situation, over_socket(situation))


@concurrently(PERSISTENT_WITH_BACK_OFF, limit=timedelta(seconds=4))
def test_persistent_fault_ends_at_the_time_limit(situation: Situation, run: Runner) -> None:
    check(situation, run(situation))


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST"])
def test_request_that_never_arrived_is_retried(method: str) -> None:
    arm = ArmHttp("http://127.0.0.1:9", trust_env=False)
    result = send_and_follow(
        arm, ArmRequest(method, "http://127.0.0.1:9/x"), lambda _: "t", limit=timedelta(seconds=0.2)
    )
    assert result.error is not None
    assert result.error.code == "NotFollowed"
