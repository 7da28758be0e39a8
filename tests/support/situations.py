"""Situations of ARM's contract for long-running operations: the requests, the responses, and the expected result.

Each situation runs twice: `without_network` passes the responses to `begin` and `follow`, and `over_socket` lets
`send_and_follow` talk to a server that returns the same responses.

https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/async-operations
"""

import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest

from endpoints.arm.follow import send_and_follow
from endpoints.arm.http import ArmHttp, ArmRequest, ArmResponse, ArmResult, NoResponse
from endpoints.arm.operations import Done, InProgress, Outcome, Retry
from endpoints.arm.polling import begin, follow
from tests.support.arm_responses import NOW, ORIGIN, resource
from tests.support.scripted_server import ReceivedRequest, ScriptedResponse, ScriptedServer, scripted_server

# In URLs and headers, {origin} stands for scheme, host and port of ARM. Headers may contain its parts as well.
RESOURCE = "{origin}/subscriptions/s/resourceGroups/g/endpoints/e?api-version=2025-09-01"
MONITOR = "{origin}/subscriptions/s/operationsStatus/1?api-version=2025-09-01&t=1&c=%2Fa%2Bb%3D&s=x_-&h=y"
RESULT = "{origin}/subscriptions/s/operationResults/1?api-version=2025-09-01&t=1&s=z"
CREATING, UPDATING, ONLINE = resource("Creating"), resource("Updating"), resource("Succeeded", inferenceEndpoint={})
# Bodies of a monitor.
RUNNING, DONE = {"status": "InProgress"}, {"status": "Succeeded"}
# A URL that must never receive the token.
ELSEWHERE = "https://elsewhere.example/x"
BODY = {"location": "eastus2", "properties": {"authMode": "Key"}}
# The client's own interval, in tests of waiting: long enough not to be confused with any other wait.
DEFAULT_PAUSE = 2
# An endless loop must end in a failed test.
MAX_REQUESTS = 60


@dataclass(frozen=True)
class Exchange:
    """An expected request and its response. `after` is the minimum wait before the request, in seconds."""

    method: str
    url: str
    status: int
    body: Any = None
    headers: dict[str, str | timedelta] = field(default_factory=dict)
    fault: str = ""
    after: float | None = None

    def response(self, origin: str, now: datetime) -> ScriptedResponse:
        headers = tuple((name, _header_value(value, origin, now)) for name, value in self.headers.items())
        return ScriptedResponse(self.status, headers, self._content(), self.fault)

    def _content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else json.dumps(self.body).encode()


def _header_value(value: str | timedelta, origin: str, now: datetime) -> str:
    """A timedelta becomes the date that far from now."""
    if isinstance(value, timedelta):
        return format_datetime((now + value).astimezone(UTC), usegmt=True)
    scheme, _, host = origin.partition("://")
    other_scheme = "http" if scheme == "https" else "https"
    parts = {"scheme": scheme, "other_scheme": other_scheme, "host": host, "origin": origin, "ORIGIN": origin.upper()}
    for name, part in parts.items():
        value = value.replace(f"{{{name}}}", part)
    return value


@dataclass(frozen=True)
class Expected:
    """The expected result. Without a `code` there is no error; a `body` of `...` may be anything."""

    outcome: Outcome
    code: str | None = None
    body: Any = None


@dataclass(frozen=True)
class Situation:
    """Each exchange happens once, and the last one is repeated up to `max_requests` in total."""

    name: str
    exchanges: list[Exchange]
    expected: Expected
    via: str = ""
    max_requests: int = 0

    def __str__(self) -> str:
        return self.name


@dataclass
class Trace:
    """The requests of a run, the wait before each of them (None if unspecified), and the result."""

    origin: str
    requests: list[str]
    waits: list[float | None]
    result: Done


def put(status: int, body: Any = None, *, to: str = RESOURCE, **headers: Any) -> Exchange:
    return exchange("PUT", to, status, body, **headers)


def patch(status: int, body: Any = None, **headers: Any) -> Exchange:
    return exchange("PATCH", RESOURCE, status, body, **headers)


def delete(status: int, body: Any = None, **headers: Any) -> Exchange:
    return exchange("DELETE", RESOURCE, status, body, **headers)


def post(status: int, body: Any = None, **headers: Any) -> Exchange:
    return exchange("POST", RESOURCE, status, body, **headers)


def get(url: str, status: int, body: Any = None, *, after: float | None = None, **headers: Any) -> Exchange:
    return exchange("GET", url, status, body, after=after, **headers)


def exchange(
    method: str, url: str, status: int, body: Any = None, *, fault: str = "", after: float | None = None, **headers: Any
) -> Exchange:
    """Headers are given as Python names; `monitor` is short for Azure-AsyncOperation."""
    names = {"monitor": "Azure-AsyncOperation"}
    by_name = {names.get(name, name.replace("_", "-").title()): value for name, value in headers.items()}
    return Exchange(method, url, status, body, by_name, fault, after)


def broken(method: str, url: str, fault: str) -> Exchange:
    return exchange(method, url, 200, {"status": "InProgress"}, fault=fault)


def succeeded(body: Any = ...) -> Expected:
    return Expected(Outcome.SUCCEEDED, body=body)


def failed(code: str = "Failed") -> Expected:
    return Expected(Outcome.FAILED, code, ...)


def canceled(code: str = "Canceled") -> Expected:
    return Expected(Outcome.CANCELED, code, ...)


def error(code: str) -> Expected:
    return Expected(Outcome.ERROR, code)


class Script:
    """Returns the responses in order. An unexpected request gets a 418."""

    def __init__(self, situation: Situation, origin: str = "") -> None:
        self.exchanges, self.origin, self.requests = situation.exchanges, origin, list[str]()

    def next(self, method: str, url: str) -> Exchange:
        expected = self.exchanges[min(len(self.requests), len(self.exchanges) - 1)]
        self.requests.append(f"{method} {url}")
        fits = (method, url) == (expected.method, expected.url.replace("{origin}", self.origin))
        return expected if fits and len(self.requests) < MAX_REQUESTS else Exchange(method, url, 418)

    def respond(self, request: ReceivedRequest) -> ScriptedResponse:
        return self.next(request.method, self.origin + request.target).response(self.origin, datetime.now(UTC))

    def send(self, method: str, url: str) -> ArmResult:
        exchange = self.next(method, url)
        if exchange.fault:
            return NoResponse("The connection to Azure broke before the response was complete.", True, 1)
        response = exchange.response(self.origin, NOW)
        headers = {name.lower(): value for name, value in response.headers}
        return ArmResponse(response.status, headers, response.content, 1, NOW)


def without_network(situation: Situation) -> Trace:
    script = Script(situation, ORIGIN)
    method, url = situation.exchanges[0].method, situation.exchanges[0].url.replace("{origin}", script.origin)
    waits: list[float | None] = [None]
    progress = begin(method, script.send(method, url), url, situation.via)
    while isinstance(progress, Retry):
        waits.append(progress.wait)
        progress = begin(method, script.send(method, url), url, situation.via)
    while isinstance(progress, InProgress):
        waits.append(progress.wait)
        progress = follow(progress.state, script.send("GET", progress.state.next_url(url)), url)
    return Trace(script.origin, script.requests, waits, progress)


def over_socket(situation: Situation, **options: Any) -> Trace:
    script = Script(situation)
    with scripted_server(script.respond) as server:
        script.origin = server.origin
        arm = ArmHttp(server.origin, connect_timeout=5, read_timeout=10, trust_env=False)
        first = situation.exchanges[0]
        body = BODY if first.method in {"PUT", "PATCH"} else None
        request = ArmRequest(first.method, first.url.replace("{origin}", server.origin), body)
        options = {"pause_seconds": 0.01, "correlation_id": uuid4(), **options}
        result = send_and_follow(arm, request, lambda _: "a-token", final_state_via=situation.via, **options)
        check_every_request(server, str(options["correlation_id"]))
        times = [received.at for received in server.received]
    waits = [None, *(later - earlier for earlier, later in pairwise(times))]
    return Trace(server.origin, script.requests, waits, result)


def check_every_request(server: ScriptedServer, correlation_id: str) -> None:
    for request in server.received:
        assert request.headers["Authorization"] == "Bearer a-token"
        assert request.headers["x-ms-client-request-id"] == correlation_id
        if request.method in {"PUT", "PATCH"}:
            assert (request.headers["Content-Type"], json.loads(request.body)) == ("application/json", BODY)
        else:
            assert not request.body


def check(situation: Situation, trace: Trace) -> None:
    check_requests(situation, trace)
    check_waits(situation, trace)
    assert "&s=" not in repr(trace.result), "The query of a polling URL is a secret."
    expected, result = situation.expected, trace.result
    code = result.error.code if result.error else None
    assert (result.outcome, code) == (expected.outcome, expected.code)
    assert expected.body is ... or result.body == expected.body


def check_requests(situation: Situation, trace: Trace) -> None:
    expected = [f"{item.method} {item.url.replace('{origin}', trace.origin)}" for item in situation.exchanges]
    assert trace.requests[: len(expected)] == expected
    assert set(trace.requests[len(expected) :]) <= {expected[-1]}
    assert len(trace.requests) <= max(situation.max_requests, len(expected))


def check_waits(situation: Situation, trace: Trace) -> None:
    for expected, wait in zip(situation.exchanges, trace.waits, strict=False):
        if expected.after is not None:
            assert wait is not None
            assert expected.after <= wait < expected.after + DEFAULT_PAUSE


Runner = Callable[[Situation], Trace]


def both_ways(situations: list[Situation]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("situation", "run"),
        [
            pytest.param(situation, run, id=f"{situation.name}, {run.__name__}")
            for situation in situations
            for run in (without_network, over_socket)
        ],
    )


def concurrently(situations: list[Situation], **options: Any) -> pytest.MarkDecorator:
    """Over sockets only, for situations that wait: the first test starts the runs of all situations."""

    @cache
    def futures() -> dict[str, Future[Trace]]:
        pool = ThreadPoolExecutor(len(situations))
        try:
            return {item.name: pool.submit(over_socket, item, **options) for item in situations}
        finally:
            pool.shutdown(wait=False)

    def run(situation: Situation) -> Trace:
        return futures()[situation.name].result()

    return pytest.mark.parametrize(("situation", "run"), [pytest.param(item, run, id=item.name) for item in situations])
