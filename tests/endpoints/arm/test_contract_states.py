"""ARM's contract for long-running operations: states, failures, refusals and unreadable responses.

https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/async-operations
"""

from typing import Any

from tests.support.arm_responses import resource
from tests.support.situations import (
    CREATING,
    DONE,
    MONITOR,
    ONLINE,
    RESOURCE,
    RESULT,
    RUNNING,
    Expected,
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

SERVICE_STATES = ["Accepted", "Created", "Resolving", "Deleted", "Provisioning", "Hibernating", "Succeeding"]
ARM_ERROR: dict[str, Any] = {"error": {"code": "InvalidTemplate", "message": "No.", "details": [{"code": "Deeper"}]}}
AFTER_PUT = put(201, CREATING, monitor=MONITOR)
# Bodies without a readable status.
GARBLED = {"broken JSON": b'{"status": ', "HTML": b"<html>Bad gateway</html>", "a list": [], "a string": "Succeeded"}

STATES = [
    Situation(
        "a monitor that returns 202, then 200",
        [AFTER_PUT, get(MONITOR, 202, RUNNING), get(MONITOR, 200, DONE), get(RESOURCE, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation(
        "a monitor that returns 201",
        [AFTER_PUT, get(MONITOR, 201, RUNNING), get(MONITOR, 201, DONE), get(RESOURCE, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation(
        "a monitor with states of the service",
        [
            AFTER_PUT,
            *(get(MONITOR, 200, {"status": state}) for state in SERVICE_STATES),
            get(MONITOR, 200, DONE),
            get(RESOURCE, 200, ONLINE),
        ],
        succeeded(ONLINE),
    ),
    Situation(
        "a resource with states of the service",
        [
            put(201, CREATING),
            *(get(RESOURCE, 200, resource(state)) for state in SERVICE_STATES),
            get(RESOURCE, 200, ONLINE),
        ],
        succeeded(ONLINE),
    ),
    *(
        Situation(
            f"a monitor with {done}",
            [
                AFTER_PUT,
                get(MONITOR, 200, {"status": "inprogress"}),
                get(MONITOR, 200, {"status": done}),
                get(RESOURCE, 200, ONLINE),
            ],
            succeeded(ONLINE),
        )
        for done in ("succeeded", "SUCCEEDED")
    ),
    Situation("a monitor with FAILED", [AFTER_PUT, get(MONITOR, 200, {"status": "FAILED"})], failed()),
    *(
        Situation(f"a monitor with {state}", [AFTER_PUT, get(MONITOR, 200, {"status": state})], canceled())
        for state in ("canceled", "Cancelled", "CANCELLED")
    ),
    Situation("a resource with Cancelled", [put(201, CREATING), get(RESOURCE, 200, resource("Cancelled"))], canceled()),
    Situation(
        "an endpoint that is Online while it is still Creating",
        [
            put(201, resource("Creating", endpointState="Online")),
            get(RESOURCE, 200, resource("Creating", endpointState="Online")),
            get(RESOURCE, 200, ONLINE),
        ],
        succeeded(ONLINE),
    ),
    Situation(
        "a resource without properties",
        [put(201, {"properties": None}), get(RESOURCE, 200, {"properties": None})],
        succeeded({"properties": None}),
    ),
    Situation("a first response without properties", [put(200, {"properties": None})], succeeded({"properties": None})),
    Situation(
        "byte order marks",
        [
            AFTER_PUT,
            get(MONITOR, 200, b'\xef\xbb\xbf{"status": "Succeeded"}'),
            get(RESOURCE, 200, b'\xef\xbb\xbf{"properties": {"provisioningState": "Succeeded"}}'),
        ],
        succeeded({"properties": {"provisioningState": "Succeeded"}}),
    ),
    Situation(
        "bodies with another Content-Type",
        [
            put(201, CREATING, monitor=MONITOR, content_type="text/plain"),
            get(MONITOR, 200, DONE, content_type="text/html; charset=utf-16"),
            get(RESOURCE, 200, ONLINE, content_type="nonsense"),
        ],
        succeeded(ONLINE),
    ),
]

FAILED_MONITORS: list[tuple[str, dict[str, Any], Expected]] = [
    ("an error", ARM_ERROR, failed("InvalidTemplate")),
    ("no error", {}, failed()),
    ("error: null", {"error": None}, failed()),
    ("properties: null", {"properties": None}, failed()),
    ("a number as code", {"error": {"code": 17}}, failed("17")),
    ("a fraction as code", {"error": {"code": 17.5}}, failed("17.5")),
    ("a text as error", {"error": "no"}, failed()),
]

FAILURES = [
    *(
        Situation(
            f"a monitor that failed with {name}",
            [AFTER_PUT, get(MONITOR, 200, {"status": "Failed", **body})],
            expected,
        )
        for name, body, expected in FAILED_MONITORS
    ),
    Situation(
        "a monitor that was canceled with a code",
        [AFTER_PUT, get(MONITOR, 200, {"status": "Canceled", "error": {"code": "Stop"}})],
        canceled("Stop"),
    ),
    Situation("a resource that failed", [put(201, CREATING), get(RESOURCE, 200, resource("Failed"))], failed()),
    Situation(
        "a resource that was canceled", [put(201, CREATING), get(RESOURCE, 200, resource("Canceled"))], canceled()
    ),
    Situation("PUT 201 Failed", [put(201, resource("Failed"))], failed()),
    Situation("PUT 200 Canceled", [put(200, resource("Canceled"))], canceled()),
    Situation("PATCH 200 Failed", [patch(200, resource("Failed"))], failed()),
]

REFUSED_REQUESTS = [
    *(
        Situation(f"{first.method} {status}", [first], error("InvalidTemplate"))
        for status in (400, 403, 404, 409, 412)
        for first in (put(status, ARM_ERROR), patch(status, ARM_ERROR), delete(status, ARM_ERROR))
    ),
    Situation("POST 409", [post(409, ARM_ERROR)], error("InvalidTemplate")),
    Situation("PUT 206", [put(206, ONLINE)], error("206")),
    Situation("PUT 302", [put(302, location=RESOURCE)], error("302")),
    Situation("an error without its envelope", [put(400, {"code": "Bad", "message": "No."})], error("Bad")),
    Situation("an envelope with its code outside", [put(400, {"code": "Bad", "error": {}})], error("Bad")),
    Situation("an error without a code", [put(400, {"error": {"message": "No."}})], error("400")),
    Situation("an error in HTML", [put(403, b"<html>Forbidden</html>")], error("403")),
    Situation("an error without a body", [put(400)], error("400")),
    Situation("an error that is broken JSON", [put(400, b'{"error": {')], error("400")),
    Situation("an error that is a list", [put(400, [ARM_ERROR])], error("400")),
]

REFUSED_POLLS = [
    Situation("a monitor: 400", [AFTER_PUT, get(MONITOR, 400, ARM_ERROR)], error("InvalidTemplate")),
    Situation("a monitor: 400 without a body", [AFTER_PUT, get(MONITOR, 400)], error("400")),
    Situation("a monitor: 400 with broken JSON", [AFTER_PUT, get(MONITOR, 400, b"{")], error("400")),
    *(
        Situation(
            f"a monitor: {status}", [AFTER_PUT, get(MONITOR, 200, RUNNING), get(MONITOR, status)], error(str(status))
        )
        for status in (403, 404, 410)
    ),
    Situation("a monitor: 206", [AFTER_PUT, get(MONITOR, 206, DONE)], error("206")),
    Situation("a resource: 400", [put(201, CREATING), get(RESOURCE, 400, ARM_ERROR)], error("InvalidTemplate")),
    Situation("a resource: 404", [put(201, CREATING), get(RESOURCE, 404)], error("404")),
]

UNREADABLE = [
    *(
        Situation(f"a monitor: {name}", [AFTER_PUT, get(MONITOR, 200, body)], error("UnreadableStatus"), max_requests=5)
        for name, body in {
            **GARBLED,
            "no status": {},
            "no body": None,
            "status: null": {"status": None},
            "status: a number": {"status": 3},
            "status: an object": {"status": {"value": "Succeeded"}},
            "status: empty": {"status": ""},
            "a nested status": {"properties": {"status": "Succeeded", "provisioningState": "Succeeded"}},
        }.items()
    ),
    Situation("a monitor: 204", [AFTER_PUT, get(MONITOR, 204)], error("UnreadableStatus"), max_requests=5),
    *(Situation(f"PUT 200: {name}", [put(200, body)], error("UnreadableResponse")) for name, body in GARBLED.items()),
    *(
        Situation(
            f"a resource: {name}", [put(201), get(RESOURCE, 200, body)], error("UnreadableStatus"), max_requests=5
        )
        for name, body in {
            **GARBLED,
            "no body": None,
            "a state that is a number": {"properties": {"provisioningState": 1}},
        }.items()
    ),
    Situation("PUT 200: a state that is a number", [put(200, resource(1))], error("UnreadableResponse")),
    *(
        Situation(
            f"a result: {name}",
            [put(202, location=RESULT), get(RESULT, 200, body)],
            error("UnreadableStatus"),
            max_requests=5,
        )
        for name, body in {"broken JSON": b"{", "HTML": b"<html>", "a state that is a list": resource([])}.items()
    ),
    Situation(
        "a final GET without a body",
        [AFTER_PUT, get(MONITOR, 200, DONE), get(RESOURCE, 200)],
        error("UnreadableStatus"),
        max_requests=6,
    ),
    Situation(
        "three unreadable ones, a readable one, and again",
        [
            AFTER_PUT,
            *(get(MONITOR, 200, b"{"),) * 3,
            get(MONITOR, 200, RUNNING),
            *(get(MONITOR, 200, b"{"),) * 3,
            get(MONITOR, 200, DONE),
            get(RESOURCE, 200, ONLINE),
        ],
        succeeded(ONLINE),
    ),
]


@both_ways(STATES)
def test_only_a_terminal_state_ends_polling(situation: Situation, run: Runner) -> None:
    check(situation, run(situation))


@both_ways(FAILURES)
def test_failed_operation_reports_its_code(situation: Situation, run: Runner) -> None:
    check(situation, run(situation))


@both_ways(REFUSED_REQUESTS)
def test_refused_request_is_an_error_without_a_retry(situation: Situation, run: Runner) -> None:
    check(situation, run(situation))


@both_ways(REFUSED_POLLS)
def test_refused_poll_is_an_error_but_not_a_failure(situation: Situation, run: Runner) -> None:
    check(situation, run(situation))


@both_ways(UNREADABLE)
def test_unreadable_response_is_retried_a_few_times(situation: Situation, run: Runner) -> None:
    check(situation, run(situation))
