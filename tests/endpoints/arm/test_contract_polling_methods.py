"""ARM's contract for long-running operations: which URL is polled, and where the result is.

https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/async-operations
"""

from tests.support.arm_responses import resource
from tests.support.situations import (
    CREATING,
    DONE,
    ELSEWHERE,
    MONITOR,
    ONLINE,
    RESOURCE,
    RESULT,
    RUNNING,
    UPDATING,
    Runner,
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
NOT_FOUND = {"error": {"code": "ResourceNotFound", "message": "Not found."}}
POLLED = [get(MONITOR, 200, RUNNING), get(MONITOR, 200, RUNNING), get(MONITOR, 200, DONE)]
BOTH = {"monitor": MONITOR, "location": RESULT}


IMMEDIATE = [
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

BY_MONITOR = [
    Situation(
        "PUT 201 Succeeded beside a monitor",
        [put(201, ONLINE, monitor=MONITOR), get(MONITOR, 200, DONE), get(RESOURCE, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation("PUT 201", [put(201, CREATING, monitor=MONITOR), *POLLED, get(RESOURCE, 200, ONLINE)], succeeded(ONLINE)),
    Situation(
        "PUT 200 Updating",
        [put(200, UPDATING, monitor=MONITOR), *POLLED, get(RESOURCE, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation(
        "PUT 200 Accepted",
        [put(200, resource("Accepted"), monitor=MONITOR), *POLLED, get(RESOURCE, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation(
        "PUT 202 without a body", [put(202, monitor=MONITOR), *POLLED, get(RESOURCE, 200, ONLINE)], succeeded(ONLINE)
    ),
    Situation(
        "a result URL after it is never requested",
        [put(202, **BOTH), *POLLED, get(RESOURCE, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation(
        "a result URL before it is never requested",
        [put(202, location=RESULT, monitor=MONITOR), *POLLED, get(RESOURCE, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation(
        "an unusable result URL beside it does not matter",
        [put(202, monitor=MONITOR, location=ELSEWHERE), *POLLED, get(RESOURCE, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation(
        "an older copy of the resource in its response is not the result",
        [
            put(201, CREATING, monitor=MONITOR),
            get(MONITOR, 200, {**DONE, "properties": {"output": CREATING}, **CREATING}),
            get(RESOURCE, 200, ONLINE),
        ],
        succeeded(ONLINE),
    ),
    Situation(
        "the result is not a proper resource",
        [put(201, BARE, monitor=MONITOR), get(MONITOR, 200, DONE), get(RESOURCE, 200, BARE)],
        succeeded(BARE),
    ),
    Situation(
        "a sub-resource",
        [
            put(201, BARE, to="{origin}/a/b/c/d?api-version=1", monitor=MONITOR),
            get(MONITOR, 200, DONE),
            get("{origin}/a/b/c/d?api-version=1", 200, BARE),
        ],
        succeeded(BARE),
    ),
    Situation(
        "a resource that lags is read again, then taken",
        [put(201, CREATING, monitor=MONITOR), get(MONITOR, 200, DONE), get(RESOURCE, 200, CREATING)],
        succeeded(CREATING),
        max_requests=6,
    ),
    Situation(
        "a resource that lags once",
        [
            put(201, CREATING, monitor=MONITOR),
            get(MONITOR, 200, DONE),
            get(RESOURCE, 200, CREATING),
            get(RESOURCE, 200, ONLINE),
        ],
        succeeded(ONLINE),
    ),
    Situation(
        "the resource is gone after it",
        [put(201, CREATING, monitor=MONITOR), get(MONITOR, 200, DONE), get(RESOURCE, 404, NOT_FOUND)],
        error("ResourceNotFound"),
    ),
    Situation(
        "the resource must not be read after it",
        [put(201, CREATING, monitor=MONITOR), get(MONITOR, 200, DONE), get(RESOURCE, 403)],
        error("403"),
    ),
    Situation(
        "PATCH 201", [patch(201, UPDATING, monitor=MONITOR), *POLLED, get(RESOURCE, 200, ONLINE)], succeeded(ONLINE)
    ),
    Situation("PATCH 202 with both", [patch(202, **BOTH), *POLLED, get(RESOURCE, 200, ONLINE)], succeeded(ONLINE)),
    Situation("DELETE", [delete(202, **BOTH), *POLLED], succeeded(None)),
    Situation("DELETE failed", [delete(202, monitor=MONITOR), get(MONITOR, 200, FAILED)], failed("Bad")),
    Situation("DELETE canceled", [delete(202, monitor=MONITOR), get(MONITOR, 200, CANCELED)], canceled()),
]

BY_RESULT_URL = [
    Situation(
        "PUT 202, Location repeated",
        [
            put(202, location=RESULT),
            get(RESULT, 202, location=RESULT),
            get(RESULT, 202, location=RESULT),
            get(RESULT, 200, ONLINE),
        ],
        succeeded(ONLINE),
    ),
    Situation(
        "PUT 202, Location given once",
        [put(202, location=RESULT), get(RESULT, 202), get(RESULT, 202), get(RESULT, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation(
        "PUT 201 with an empty object", [put(201, {}, location=RESULT), get(RESULT, 200, ONLINE)], succeeded(ONLINE)
    ),
    Situation("PUT 202 Succeeded", [put(202, ONLINE, location=RESULT), get(RESULT, 200, ONLINE)], succeeded(ONLINE)),
    Situation(
        "PATCH 202", [patch(202, location=RESULT), get(RESULT, 202), get(RESULT, 200, ONLINE)], succeeded(ONLINE)
    ),
    Situation(
        "it is the resource itself",
        [put(201, CREATING, location=RESOURCE), get(RESOURCE, 200, CREATING), get(RESOURCE, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation("it returns no state", [put(202, location=RESULT), get(RESULT, 200, BARE)], succeeded(BARE)),
    Situation("it returns a list", [put(202, location=RESULT), get(RESULT, 200, ["x"])], succeeded(["x"])),
    Situation("it returns 201", [put(202, location=RESULT), get(RESULT, 201, ONLINE)], succeeded(ONLINE)),
    Situation("it ends in 204", [put(202, location=RESULT), get(RESULT, 202), get(RESULT, 204)], succeeded(None)),
    Situation(
        "it returns 200 Updating",
        [put(202, location=RESULT), get(RESULT, 200, UPDATING), get(RESULT, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation(
        "a Location with the result is ignored",
        [put(202, location=RESULT), get(RESULT, 200, ONLINE, location=ELSEWHERE)],
        succeeded(ONLINE),
    ),
    Situation("PUT failed", [put(202, location=RESULT), get(RESULT, 200, resource("Failed"))], failed()),
    Situation("PUT canceled", [put(202, location=RESULT), get(RESULT, 200, resource("Canceled"))], canceled()),
    Situation("DELETE failed", [delete(202, location=RESULT), get(RESULT, 200, resource("Failed"))], failed()),
    Situation("DELETE canceled", [delete(202, location=RESULT), get(RESULT, 200, resource("Canceled"))], canceled()),
    Situation("400", [put(202, location=RESULT), get(RESULT, 400, {"error": {"code": "Bad"}})], failed("Bad")),
    Situation("409", [put(202, location=RESULT), get(RESULT, 202), get(RESULT, 409)], failed("409")),
    Situation(
        "404", [put(202, location=RESULT), get(RESULT, 404, NOT_FOUND)], error("ResourceNotFound"), max_requests=5
    ),
    Situation("DELETE, 200", [delete(202, location=RESULT), get(RESULT, 202), get(RESULT, 200)], succeeded(None)),
    Situation("DELETE, 200 with a status", [delete(202, location=RESULT), get(RESULT, 200, DONE)], succeeded(None)),
    Situation("DELETE, 204", [delete(202, location=RESULT), get(RESULT, 202), get(RESULT, 204)], succeeded(None)),
    Situation(
        "DELETE 202 with the resource as it was",
        [delete(202, ONLINE, location=RESULT), get(RESULT, 204)],
        succeeded(None),
    ),
]

BY_RESOURCE = [
    Situation(
        "PUT 201 Creating",
        [put(201, CREATING), get(RESOURCE, 200, CREATING), get(RESOURCE, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation("PUT 200 Updating", [put(200, UPDATING), get(RESOURCE, 200, ONLINE)], succeeded(ONLINE)),
    Situation("PATCH 200 Updating", [patch(200, UPDATING), get(RESOURCE, 200, ONLINE)], succeeded(ONLINE)),
    Situation("PUT 201 without state", [put(201, BARE), get(RESOURCE, 200, BARE)], succeeded(BARE)),
    Situation("PUT 201 and GET with an empty object", [put(201, {}), get(RESOURCE, 200, {})], succeeded({})),
    Situation(
        "its state is missing in the end",
        [put(201, CREATING), get(RESOURCE, 200, CREATING), get(RESOURCE, 200, BARE)],
        succeeded(BARE),
    ),
    Situation(
        "a header that ARM does not define",
        [put(201, CREATING, operation_location=MONITOR), get(RESOURCE, 200, CREATING), get(RESOURCE, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation(
        "PUT 202 without a URL, nothing there", [put(202), get(RESOURCE, 404, NOT_FOUND)], error("ResourceNotFound")
    ),
    Situation(
        "PUT 202 Creating without a URL",
        [put(202, CREATING), get(RESOURCE, 200, CREATING), get(RESOURCE, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation("PUT 202 Succeeded without a URL", [put(202, ONLINE), get(RESOURCE, 200, ONLINE)], succeeded(ONLINE)),
    Situation("POST 202 without a URL", [post(202)], error("NoPollingUrl")),
    Situation("DELETE 202 without a URL", [delete(202)], error("NoPollingUrl")),
]

KEYS = {"primaryKey": "p"}
BY_POST = [
    Situation("a result URL", [post(202, location=RESULT), get(RESULT, 202), get(RESULT, 200, KEYS)], succeeded(KEYS)),
    Situation("a result URL that ends in 204", [post(202, location=RESULT), get(RESULT, 204)], succeeded(None)),
    Situation("a list", [post(202, location=RESULT), get(RESULT, 200, [1])], succeeded([1])),
    Situation("a string", [post(202, location=RESULT), get(RESULT, 200, "text")], succeeded("text")),
    Situation("both, by default", [post(202, **BOTH), *POLLED, get(RESULT, 200, KEYS)], succeeded(KEYS)),
    Situation(
        "both, via location", [post(202, **BOTH), *POLLED, get(RESULT, 200, KEYS)], succeeded(KEYS), via="location"
    ),
    Situation(
        "both, via the monitor",
        [post(202, **BOTH), get(MONITOR, 200, {**DONE, **KEYS})],
        succeeded({**DONE, **KEYS}),
        via="azure-async-operation",
    ),
    Situation(
        "only the first Location counts",
        [
            post(202, **BOTH),
            get(MONITOR, 200, RUNNING, location=ELSEWHERE),
            get(MONITOR, 200, DONE),
            get(RESULT, 200, KEYS),
        ],
        succeeded(KEYS),
    ),
    Situation("a monitor alone", [post(202, monitor=MONITOR), get(MONITOR, 200, DONE)], succeeded(DONE)),
    Situation("a monitor that failed", [post(202, **BOTH), get(MONITOR, 200, FAILED)], failed("Bad")),
    Situation(
        "a result that is refused after success",
        [post(202, **BOTH), get(MONITOR, 200, DONE), get(RESULT, 400, {"error": {"code": "Bad"}})],
        error("Bad"),
    ),
    Situation("an immediate result that is not JSON", [post(200, b"{")], error("UnreadableResponse")),
]


@both_ways(IMMEDIATE)
def test_operation_done_at_once_is_not_polled(situation: Situation, run: Runner) -> None:
    check(situation, run(situation))


@both_ways(BY_MONITOR)
def test_monitor_takes_precedence(situation: Situation, run: Runner) -> None:
    check(situation, run(situation))


@both_ways(BY_RESULT_URL)
def test_result_url_returns_the_result(situation: Situation, run: Runner) -> None:
    check(situation, run(situation))


@both_ways(BY_RESOURCE)
def test_resource_is_polled_without_a_polling_url(situation: Situation, run: Runner) -> None:
    check(situation, run(situation))


@both_ways(BY_POST)
def test_post_ends_with_its_result(situation: Situation, run: Runner) -> None:
    check(situation, run(situation))
