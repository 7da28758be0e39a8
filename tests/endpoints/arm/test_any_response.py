"""No response of any kind makes the client raise, report a success without proof, or poll another host."""

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
from tests.support.arm_responses import MONITOR_URL, NOW, ORIGIN, RESOURCE_URL, RESULT_URL

STATES: st.SearchStrategy[Any] = st.sampled_from(
    ["Succeeded", "succeeded", "Failed", "Canceled", "Cancelled", "InProgress", "", None, 3, [], {}]
)
NAMES = st.sampled_from(["status", "properties", "provisioningState", "error", "code", "message", "details", "id"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | STATES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = st.fixed_dictionaries({"properties": st.fixed_dictionaries({"provisioningState": STATES})}) | (
    st.fixed_dictionaries({"status": STATES}, optional={"error": VALUES, "properties": VALUES})
)
NESTINGS = [(b"[", b"]"), (b'{"error":', b"}"), (b'{"details":[', b"]}"), (b'{"innerError":', b"}"), (b"{", b"")]
DEEP = st.builds(
    lambda nesting, depth: nesting[0] * depth + b"{}" + nesting[1] * depth,
    st.sampled_from(NESTINGS),
    st.sampled_from([10, 200, 400, 470, 900, 100_000]),
)
BODIES = st.binary(max_size=30) | DEEP | (VALUES | DOCUMENTS | DOCUMENTS).map(lambda body: json.dumps(body).encode())
PIECES = st.sampled_from(
    [ORIGIN, "https:", "http:", "file:", "management.azure.com", "elsewhere.example", ":443", ":0", ":99999", "%2F"]
) | st.sampled_from("/\\@:?#[]. \t\n\x7füx１")
URLS = st.sampled_from([MONITOR_URL, RESULT_URL, RESOURCE_URL, "/status/2", ""]) | st.lists(PIECES, max_size=8).map(
    "".join
)
DATES = st.lists(
    st.sampled_from(["Tue,", "24", "Nov", "2026", "99999", "12:00:04", "12.00", "GMT", "+9999", "-2400", ",", "-"]),
    max_size=8,
).map(" ".join)
NUMBERS = st.integers().map(str) | st.sampled_from(["9" * 5000, "1e9", "NaN", "inf", "²"])
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "azure-asyncoperation": URLS,
        "location": URLS,
        "retry-after": NUMBERS | DATES | st.text(max_size=9),
        "x-ms-async-operation-timeout": st.sampled_from(["PT1H", "P9999DT999999H", "PT", "P", "x"])
        | st.text(max_size=9),
        "content-type": st.text(max_size=9),
    },
)
STATUSES = st.sampled_from([200, 200, 201, 202, 204, 206, 302, 400, 401, 404, 429, 503]) | st.integers(100, 999)
RESPONSES = st.builds(ArmResponse, STATUSES, HEADERS, BODIES, st.just(1), st.just(NOW))
RESULTS = RESPONSES | RESPONSES | RESPONSES | st.builds(NoResponse, st.just("gone"), st.booleans(), st.just(1))
METHODS = st.sampled_from(["PUT", "PATCH", "DELETE", "POST"])
VIA = st.sampled_from(["", "location", "azure-async-operation", "nonsense"])


def origin(url: str) -> tuple[str, str | None, int | None, str | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, 443 if parts.port is None else parts.port, parts.username


class Body:
    """A second reading of a body, independent of the client's."""

    def __init__(self, content: bytes) -> None:
        try:
            self.json: Any = json.loads(content.decode("utf-8-sig"))
            self.is_json = True
        except (ValueError, RecursionError):
            self.json, self.is_json = None, False
        self.is_object = isinstance(self.json, dict)
        self.is_empty = not content.strip() or (self.is_json and self.json is None)

    def says_succeeded(self, *path: str) -> bool:
        status = self.at(*path)
        return isinstance(status, str) and status.lower() == "succeeded"

    def at(self, *path: str) -> Any:
        value = self.json
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return value

    @property
    def is_at_rest(self) -> bool:
        """Whether its provisioningState is absent or Succeeded."""
        state = ("properties", "provisioningState")
        return self.at(*state) in (None, "") or self.says_succeeded(*state)


def is_proven(method: str, state: PollState | None, response: ArmResponse) -> bool:
    """Whether the contract lets this response end the operation successfully."""
    body = Body(response.content)
    if state is None:
        return response.status in {200, 201, 204} and is_proven_at_once(method, body)
    if state.monitor_url and not state.confirming:
        return method in {"DELETE", "POST"} and body.says_succeeded("status")
    if response.status not in {200, 201, 204}:
        polls_resource = not state.result_url and not state.confirming
        return polls_resource and response.status == 202 and body.says_succeeded("properties", "provisioningState")
    if state.confirming and method in {"PUT", "PATCH"}:
        return body.is_object
    if state.result_url:
        return (body.is_json and body.is_at_rest) or body.is_empty
    return body.is_object and body.is_at_rest


def is_proven_at_once(method: str, body: Body) -> bool:
    if method == "DELETE":
        return True
    if method == "POST":
        return body.is_json or body.is_empty
    return (body.is_object and body.is_at_rest) or body.is_empty


def run(method: str, via: str, results: list[ArmResult]) -> None:
    """Follow an operation through these results and check every decision."""
    state: PollState | None = None
    for result in results:
        progress = begin(method, result, RESOURCE_URL, via) if state is None else follow(state, result, RESOURCE_URL)
        if isinstance(progress, Done):
            assert (progress.error is None) == (progress.outcome == Outcome.SUCCEEDED)
            assert progress.error or (isinstance(result, ArmResponse) and is_proven(method, state, result))
            return
        assert progress.wait is None or 0 <= progress.wait <= 10**8
        if isinstance(progress, InProgress):
            state = progress.state
            assert origin(state.next_url(RESOURCE_URL)) == origin(ORIGIN)
        else:
            assert method in {"PUT", "DELETE"} or not progress.may_have_arrived


@settings(max_examples=500, deadline=None)
@given(METHODS, VIA, st.lists(RESULTS, min_size=1, max_size=5))
def test_any_response_to_a_request_obeys_the_contract(method: str, via: str, results: list[ArmResult]) -> None:
    run(method, via, results)


@settings(max_examples=500, deadline=None)
@given(
    METHODS,
    st.sampled_from([{"azure-asyncoperation": MONITOR_URL}, {"location": RESULT_URL}, {}]),
    st.lists(RESULTS, min_size=1, max_size=5),
)
def test_any_response_to_a_poll_obeys_the_contract(
    method: str, headers: dict[str, str], results: list[ArmResult]
) -> None:
    run(method, "", [ArmResponse(202, headers, b"", 1, NOW), *results])


@settings(max_examples=200, deadline=None)
@given(RESPONSES)
def test_any_response_has_readable_headers_and_errors(response: ArmResponse) -> None:
    limit = operation_timeout(response)
    assert limit is None or limit.total_seconds() > 0
    assert ArmError.from_response(response).inner_code
    assert json.dumps(ArmError.of_body(response.object, "Failed").as_json())
