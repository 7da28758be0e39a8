"""No answer whatever makes the reading of operations raise, guess a success, or leave ARM."""

import json
from typing import Any
from urllib.parse import urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st

from endpoints.arm.errors import ArmError
from endpoints.arm.headers import operation_timeout
from endpoints.arm.http import ArmResponse, ArmResult, NoResponse
from endpoints.arm.operations import Done, InProgress, Outcome, PollState
from endpoints.arm.polling import begin, follow
from tests.support.arm_responses import HOME, MONITOR, NOW, RESOURCE, RESULT

WORDS: st.SearchStrategy[Any] = st.sampled_from(
    ["Succeeded", "succeeded", "Failed", "Canceled", "Cancelled", "InProgress", "", None, 3, [], {}]
)
NAMES = st.sampled_from(["status", "properties", "provisioningState", "error", "code", "message", "details", "id"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
STATES = st.fixed_dictionaries({"properties": st.fixed_dictionaries({"provisioningState": WORDS})}) | (
    st.fixed_dictionaries({"status": WORDS}, optional={"error": VALUES, "properties": VALUES})
)
NESTS = [(b"[", b"]"), (b'{"error":', b"}"), (b'{"details":[', b"]}"), (b'{"innerError":', b"}"), (b"{", b"")]
DEEP = st.builds(
    lambda nest, depth: nest[0] * depth + b"{}" + nest[1] * depth,
    st.sampled_from(NESTS),
    st.sampled_from([10, 200, 400, 470, 900, 100_000]),
)
BODIES = st.binary(max_size=30) | DEEP | (VALUES | STATES | STATES).map(lambda body: json.dumps(body).encode())
PIECES = st.sampled_from(
    [HOME, "https:", "http:", "file:", "management.azure.com", "elsewhere.example", ":443", ":0", ":99999", "%2F"]
) | st.sampled_from("/\\@:?#[]. \t\n\x7füx１")
URLS = st.sampled_from([MONITOR, RESULT, RESOURCE, "/status/2", ""]) | st.lists(PIECES, max_size=8).map("".join)
DATES = st.lists(
    st.sampled_from(["Tue,", "24", "Nov", "2026", "99999", "12:00:04", "12.00", "GMT", "+9999", "-2400", ",", "-"]),
    max_size=8,
).map(" ".join)
WAITS = st.integers().map(str) | st.sampled_from(["9" * 5000, "1e9", "NaN", "inf", "²"]) | DATES | st.text(max_size=9)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "azure-asyncoperation": URLS,
        "location": URLS,
        "retry-after": WAITS,
        "x-ms-async-operation-timeout": st.sampled_from(["PT1H", "P9999DT999999H", "PT", "P", "x"])
        | st.text(max_size=9),
        "content-type": st.text(max_size=9),
    },
)
STATUSES = st.sampled_from([200, 200, 201, 202, 204, 206, 302, 400, 401, 404, 429, 503]) | st.integers(100, 999)
ANSWERS = st.builds(ArmResponse, STATUSES, HEADERS, BODIES, st.just(1), st.just(NOW))
REPLIES = ANSWERS | ANSWERS | ANSWERS | st.builds(NoResponse, st.just("gone"), st.booleans(), st.just(1))
METHODS = st.sampled_from(["PUT", "PATCH", "DELETE", "POST"])
VIA = st.sampled_from(["", "location", "azure-async-operation", "nonsense"])


def origin(url: str) -> tuple[str, str | None, int | None, str | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, 443 if parts.port is None else parts.port, parts.username


def is_proven(method: str, state: PollState | None, response: ArmResponse) -> bool:
    """Whether the contract lets this response end the operation successfully."""
    try:
        body = json.loads(response.content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        body = ...
    empty = not response.content.strip() or body is None
    document = body if isinstance(body, dict) else {}
    properties = document.get("properties")
    status = properties.get("provisioningState") if isinstance(properties, dict) else None
    succeeded = isinstance(status, str) and status.lower() == "succeeded"
    at_rest = succeeded or status is None or status == ""
    if state and state.monitor_url and not state.confirming:
        monitored = document.get("status")
        return method in {"DELETE", "POST"} and isinstance(monitored, str) and monitored.lower() == "succeeded"
    if response.status not in {200, 201, 204}:
        polls_resource = state is not None and not state.result_url and not state.confirming
        return polls_resource and response.status == 202 and succeeded
    if state and state.confirming and method in {"PUT", "PATCH"}:
        return isinstance(body, dict)
    if state is None and method in {"DELETE", "POST"}:
        return method == "DELETE" or body is not ... or empty
    if state is None or not state.result_url:
        return (isinstance(body, dict) and at_rest) or (state is None and empty)
    return (body is not ... and at_rest) or empty


def lead_through(method: str, via: str, responses: list[ArmResult]) -> None:
    """Follow an operation through these responses and look at every step."""
    state: PollState | None = None
    for response in responses:
        step = begin(method, response, RESOURCE, via) if state is None else follow(state, response, RESOURCE)
        if isinstance(step, Done):
            assert (step.error is None) == (step.outcome == Outcome.SUCCEEDED)
            assert step.error or (isinstance(response, ArmResponse) and is_proven(method, state, response))
            return
        assert step.wait is None or 0 <= step.wait <= 10**8
        if isinstance(step, InProgress):
            state = step.state
            assert origin(state.next_url(RESOURCE)) == origin(HOME)
        else:
            assert method in {"PUT", "DELETE"} or not step.may_have_arrived


@settings(max_examples=500, deadline=None)
@given(METHODS, VIA, st.lists(REPLIES, min_size=1, max_size=5))
def test_no_first_answer_and_what_follows_breaks_the_contract(
    method: str, via: str, responses: list[ArmResult]
) -> None:
    lead_through(method, via, responses)


@settings(max_examples=500, deadline=None)
@given(
    METHODS,
    st.sampled_from([{"azure-asyncoperation": MONITOR}, {"location": RESULT}, {}]),
    st.lists(REPLIES, min_size=1, max_size=5),
)
def test_no_answer_to_a_poll_breaks_the_contract(
    method: str, headers: dict[str, str], responses: list[ArmResult]
) -> None:
    lead_through(method, "", [ArmResponse(202, headers, b"", 1, NOW), *responses])


@settings(max_examples=200, deadline=None)
@given(ANSWERS)
def test_no_header_and_no_error_raises(response: ArmResponse) -> None:
    limit = operation_timeout(response)
    assert limit is None or limit.total_seconds() > 0
    assert ArmError.from_response(response).inner_code
    assert json.dumps(ArmError.of_body(response.object, "Failed").as_json())
