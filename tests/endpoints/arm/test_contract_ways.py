"""ARM's contract for long-running operations: which URL is asked, and what the result is."""

from tests.support.arm_responses import resource
from tests.support.situations import (
    CREATING,
    DONE,
    ELSEWHERE,
    ONLINE,
    RUNNING,
    UPDATING,
    L,
    O,
    R,
    Reading,
    Situation,
    both_ways,
    canceled,
    check,
    delete,
    error,
    failed,
    get,
    patch,
    post,
    put,
    succeeded,
)

BARE = {"name": "e", "id": "/e"}
FAILED, CANCELED = {"status": "Failed", "error": {"code": "Bad"}}, {"status": "Canceled"}
NOT_FOUND = {"error": {"code": "ResourceNotFound", "message": "It is not there."}}
POLLED = [get(O, 200, RUNNING), get(O, 200, RUNNING), get(O, 200, DONE)]
BOTH = {"monitor": O, "location": L}


MAX_PARALLEL = [
    Situation("PUT 200 Succeeded", [put(200, ONLINE)], succeeded(ONLINE)),
    Situation("PUT 201 Succeeded", [put(201, ONLINE)], succeeded(ONLINE)),
    Situation("PUT 200 without state", [put(200, BARE)], succeeded(BARE)),
    Situation("PUT 200 with an empty object", [put(200, {})], succeeded({})),
    Situation("PUT 200 without a body", [put(200)], succeeded(None)),
    Situation("PUT 204", [put(204)], succeeded(None)),
    Situation("PATCH 200 Succeeded", [patch(200, ONLINE)], succeeded(ONLINE)),
    Situation("PATCH 200 without state", [patch(200, BARE)], succeeded(BARE)),
    Situation("DELETE 200", [delete(200)], succeeded(None)),
    Situation("DELETE 204", [delete(204)], succeeded(None)),
    Situation("POST 200 with a list", [post(200, [1, 2])], succeeded([1, 2])),
    Situation("POST 204", [post(204)], succeeded(None)),
]

MONITOR = [
    Situation(
        "PUT 201 Succeeded beside a monitor",
        [put(201, ONLINE, monitor=O), get(O, 200, DONE), get(R, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation("PUT 201", [put(201, CREATING, monitor=O), *POLLED, get(R, 200, ONLINE)], succeeded(ONLINE)),
    Situation("PUT 200 Updating", [put(200, UPDATING, monitor=O), *POLLED, get(R, 200, ONLINE)], succeeded(ONLINE)),
    Situation(
        "PUT 200 Accepted",
        [put(200, resource("Accepted"), monitor=O), *POLLED, get(R, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation("PUT 202 without a body", [put(202, monitor=O), *POLLED, get(R, 200, ONLINE)], succeeded(ONLINE)),
    Situation(
        "a result URL beside it is never asked",
        [put(202, **BOTH), *POLLED, get(R, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation(
        "a result URL before it is never asked",
        [put(202, location=L, monitor=O), *POLLED, get(R, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation(
        "an unusable result URL beside it does not matter",
        [put(202, monitor=O, location=ELSEWHERE), *POLLED, get(R, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation(
        "an older copy of the resource in its answer is not the result",
        [
            put(201, CREATING, monitor=O),
            get(O, 200, {**DONE, "properties": {"output": CREATING}, **CREATING}),
            get(R, 200, ONLINE),
        ],
        succeeded(ONLINE),
    ),
    Situation(
        "the result is no proper resource",
        [put(201, BARE, monitor=O), get(O, 200, DONE), get(R, 200, BARE)],
        succeeded(BARE),
    ),
    Situation(
        "a sub-resource",
        [
            put(201, BARE, to="{home}/a/b/c/d?api-version=1", monitor=O),
            get(O, 200, DONE),
            get("{home}/a/b/c/d?api-version=1", 200, BARE),
        ],
        succeeded(BARE),
    ),
    Situation(
        "a resource that lags is read again, then taken",
        [put(201, CREATING, monitor=O), get(O, 200, DONE), get(R, 200, CREATING)],
        succeeded(CREATING),
        most=6,
    ),
    Situation(
        "a resource that lags once",
        [put(201, CREATING, monitor=O), get(O, 200, DONE), get(R, 200, CREATING), get(R, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation(
        "the resource is gone after it",
        [put(201, CREATING, monitor=O), get(O, 200, DONE), get(R, 404, NOT_FOUND)],
        error("ResourceNotFound"),
    ),
    Situation(
        "the resource may not be read after it",
        [put(201, CREATING, monitor=O), get(O, 200, DONE), get(R, 403)],
        error("403"),
    ),
    Situation("PATCH 201", [patch(201, UPDATING, monitor=O), *POLLED, get(R, 200, ONLINE)], succeeded(ONLINE)),
    Situation("PATCH 202 with both", [patch(202, **BOTH), *POLLED, get(R, 200, ONLINE)], succeeded(ONLINE)),
    Situation("DELETE", [delete(202, **BOTH), *POLLED], succeeded(None)),
    Situation("DELETE failed", [delete(202, monitor=O), get(O, 200, FAILED)], failed("Bad")),
    Situation("DELETE canceled", [delete(202, monitor=O), get(O, 200, CANCELED)], canceled()),
]

RESULT = [
    Situation(
        "PUT 202, Location repeated",
        [put(202, location=L), get(L, 202, location=L), get(L, 202, location=L), get(L, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation(
        "PUT 202, Location given once",
        [put(202, location=L), get(L, 202), get(L, 202), get(L, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation("PUT 201 with an empty object", [put(201, {}, location=L), get(L, 200, ONLINE)], succeeded(ONLINE)),
    Situation("PUT 202 Succeeded", [put(202, ONLINE, location=L), get(L, 200, ONLINE)], succeeded(ONLINE)),
    Situation("PATCH 202", [patch(202, location=L), get(L, 202), get(L, 200, ONLINE)], succeeded(ONLINE)),
    Situation(
        "it is the resource itself",
        [put(201, CREATING, location=R), get(R, 200, CREATING), get(R, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation("it answers without state", [put(202, location=L), get(L, 200, BARE)], succeeded(BARE)),
    Situation("it answers with no resource", [put(202, location=L), get(L, 200, ["x"])], succeeded(["x"])),
    Situation("it answers 201", [put(202, location=L), get(L, 201, ONLINE)], succeeded(ONLINE)),
    Situation("it ends in 204", [put(202, location=L), get(L, 202), get(L, 204)], succeeded(None)),
    Situation(
        "it answers 200 Updating",
        [put(202, location=L), get(L, 200, UPDATING), get(L, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation(
        "where something else is says nothing about the end",
        [put(202, location=L), get(L, 200, ONLINE, location=ELSEWHERE)],
        succeeded(ONLINE),
    ),
    Situation("PUT failed", [put(202, location=L), get(L, 200, resource("Failed"))], failed()),
    Situation("PUT canceled", [put(202, location=L), get(L, 200, resource("Canceled"))], canceled()),
    Situation("DELETE failed", [delete(202, location=L), get(L, 200, resource("Failed"))], failed()),
    Situation("DELETE canceled", [delete(202, location=L), get(L, 200, resource("Canceled"))], canceled()),
    Situation("400", [put(202, location=L), get(L, 400, {"error": {"code": "Bad"}})], failed("Bad")),
    Situation("409", [put(202, location=L), get(L, 202), get(L, 409)], failed("409")),
    Situation("404", [put(202, location=L), get(L, 404, NOT_FOUND)], error("ResourceNotFound"), most=5),
    Situation("DELETE, 200", [delete(202, location=L), get(L, 202), get(L, 200)], succeeded(None)),
    Situation("DELETE, 200 with a status", [delete(202, location=L), get(L, 200, DONE)], succeeded(None)),
    Situation("DELETE, 204", [delete(202, location=L), get(L, 202), get(L, 204)], succeeded(None)),
    Situation(
        "DELETE 202 with the resource as it was",
        [delete(202, ONLINE, location=L), get(L, 204)],
        succeeded(None),
    ),
]

RESOURCE = [
    Situation("PUT 201 Creating", [put(201, CREATING), get(R, 200, CREATING), get(R, 200, ONLINE)], succeeded(ONLINE)),
    Situation("PUT 200 Updating", [put(200, UPDATING), get(R, 200, ONLINE)], succeeded(ONLINE)),
    Situation("PATCH 200 Updating", [patch(200, UPDATING), get(R, 200, ONLINE)], succeeded(ONLINE)),
    Situation("PUT 201 without state", [put(201, BARE), get(R, 200, BARE)], succeeded(BARE)),
    Situation("PUT 201 and GET with an empty object", [put(201, {}), get(R, 200, {})], succeeded({})),
    Situation(
        "its state is left out in the end",
        [put(201, CREATING), get(R, 200, CREATING), get(R, 200, BARE)],
        succeeded(BARE),
    ),
    Situation(
        "a header that is not ARM's",
        [put(201, CREATING, operation_location=O), get(R, 200, CREATING), get(R, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation("PUT 202 without a URL, nothing there", [put(202), get(R, 404, NOT_FOUND)], error("ResourceNotFound")),
    Situation(
        "PUT 202 Creating without a URL",
        [put(202, CREATING), get(R, 200, CREATING), get(R, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation("PUT 202 Succeeded without a URL", [put(202, ONLINE), get(R, 200, ONLINE)], succeeded(ONLINE)),
    Situation("POST 202 without a URL", [post(202)], error("NoPollingUrl")),
    Situation("DELETE 202 without a URL", [delete(202)], error("NoPollingUrl")),
]

KEYS = {"primaryKey": "p"}
POST = [
    Situation("a result URL", [post(202, location=L), get(L, 202), get(L, 200, KEYS)], succeeded(KEYS)),
    Situation("a result URL that ends in 204", [post(202, location=L), get(L, 204)], succeeded(None)),
    Situation("a list", [post(202, location=L), get(L, 200, [1])], succeeded([1])),
    Situation("a string", [post(202, location=L), get(L, 200, "text")], succeeded("text")),
    Situation("both, by default", [post(202, **BOTH), *POLLED, get(L, 200, KEYS)], succeeded(KEYS)),
    Situation("both, via location", [post(202, **BOTH), *POLLED, get(L, 200, KEYS)], succeeded(KEYS), via="location"),
    Situation(
        "both, via the monitor",
        [post(202, **BOTH), get(O, 200, {**DONE, **KEYS})],
        succeeded({**DONE, **KEYS}),
        via="azure-async-operation",
    ),
    Situation(
        "only the first answer's Location counts",
        [post(202, **BOTH), get(O, 200, RUNNING, location=ELSEWHERE), get(O, 200, DONE), get(L, 200, KEYS)],
        succeeded(KEYS),
    ),
    Situation("a monitor alone", [post(202, monitor=O), get(O, 200, DONE)], succeeded(DONE)),
    Situation("a monitor that failed", [post(202, **BOTH), get(O, 200, FAILED)], failed("Bad")),
    Situation(
        "a result that cannot be read after success",
        [post(202, **BOTH), get(O, 200, DONE), get(L, 400, {"error": {"code": "Bad"}})],
        error("Bad"),
    ),
    Situation("a result at once that is no JSON", [post(200, b"{")], error("UnreadableResponse")),
]


@both_ways(MAX_PARALLEL)
def test_what_is_done_at_once_asks_nothing_more(situation: Situation, read: Reading) -> None:
    check(situation, read(situation))


@both_ways(MONITOR)
def test_a_monitor_goes_before_all_else(situation: Situation, read: Reading) -> None:
    check(situation, read(situation))


@both_ways(RESULT)
def test_a_result_url_answers_with_the_result(situation: Situation, read: Reading) -> None:
    check(situation, read(situation))


@both_ways(RESOURCE)
def test_without_a_url_the_resource_decides(situation: Situation, read: Reading) -> None:
    check(situation, read(situation))


@both_ways(POST)
def test_a_post_ends_with_what_was_asked_for(situation: Situation, read: Reading) -> None:
    check(situation, read(situation))
