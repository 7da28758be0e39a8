"""Situations of ARM's contract for long-running operations: who asks what, what is answered, how it has to end.

Each is read twice: `read_alone` leads made answers through `begin` and `follow`, `over_a_socket` has
`send_and_follow` ask a server that answers the same.
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
from tests.support.arm_responses import NOW, resource
from tests.support.scripted_server import Arrived, Scripted, Wire, scripted

# URLs and headers are written with {home}, which stands for scheme, host and port of ARM; headers also with its parts.
R = "{home}/subscriptions/s/resourceGroups/g/endpoints/e?api-version=2025-09-01"
O = "{home}/subscriptions/s/operationsStatus/1?api-version=2025-09-01&t=1&c=%2Fa%2Bb%3D&s=x_-&h=y"  # noqa: E741
L = "{home}/subscriptions/s/operationResults/1?api-version=2025-09-01&t=1&s=z"
CREATING, UPDATING, ONLINE = resource("Creating"), resource("Updating"), resource("Succeeded", inferenceEndpoint={})
# What a monitor says.
RUNNING, DONE = {"status": "InProgress"}, {"status": "Succeeded"}
# Leads where no token may go.
ELSEWHERE = "https://elsewhere.example/x"
BODY = {"location": "eastus2", "properties": {"authMode": "Key"}}
# The client's own rhythm where a test is about waiting: no other wait may be mistaken for it.
OWN_PAUSE = 2
# A loop that does not end by itself is broken, and must end in a failed test.
MOST_REQUESTS = 60


@dataclass(frozen=True)
class Exchange:
    """A request that has to come next, and its answer. `after` is what it waits at least, in seconds."""

    method: str
    url: str
    status: int
    body: Any = None
    headers: dict[str, str | timedelta] = field(default_factory=dict)
    fault: str = ""
    after: float | None = None

    def wire(self, home: str, now: datetime) -> Wire:
        content = self.body if isinstance(self.body, bytes) else b"" if self.body is None else json.dumps(self.body)
        headers = tuple((name, _written(value, home, now)) for name, value in self.headers.items())
        return Wire(self.status, headers, content if isinstance(content, bytes) else content.encode(), self.fault)


def _written(value: str | timedelta, home: str, now: datetime) -> str:
    """A timedelta is written as the date that it leads to."""
    if isinstance(value, timedelta):
        return format_datetime((now + value).astimezone(UTC), usegmt=True)
    scheme, _, host = home.partition("://")
    places = {"scheme": scheme, "other_scheme": "http" if scheme == "https" else "https", "host": host, "home": home}
    for name, place in {**places, "HOME": home.upper()}.items():
        value = value.replace(f"{{{name}}}", place)
    return value


@dataclass(frozen=True)
class End:
    """How it has to end. No `code` means that there is no error; `...` as body that any will do."""

    outcome: Outcome
    code: str | None = None
    body: Any = None


@dataclass(frozen=True)
class Situation:
    """The last exchange may be asked for until there were `most` requests; without it all come exactly once."""

    name: str
    exchanges: list[Exchange]
    end: End
    via: str = ""
    most: int = 0

    def __str__(self) -> str:
        return self.name


@dataclass
class Run:
    """What was asked, how long each request waited (None when nothing says so), and the end."""

    home: str
    requests: list[str]
    waits: list[float | None]
    settled: Done


def put(status: int, body: Any = None, *, to: str = R, **headers: Any) -> Exchange:
    return exchange("PUT", to, status, body, **headers)


def patch(status: int, body: Any = None, **headers: Any) -> Exchange:
    return exchange("PATCH", R, status, body, **headers)


def delete(status: int, body: Any = None, **headers: Any) -> Exchange:
    return exchange("DELETE", R, status, body, **headers)


def post(status: int, body: Any = None, **headers: Any) -> Exchange:
    return exchange("POST", R, status, body, **headers)


def get(url: str, status: int, body: Any = None, *, after: float | None = None, **headers: Any) -> Exchange:
    return exchange("GET", url, status, body, after=after, **headers)


def exchange(
    method: str, url: str, status: int, body: Any = None, *, fault: str = "", after: float | None = None, **headers: Any
) -> Exchange:
    """Headers are given as names of Python; `monitor` is short for the max_length."""
    names = {"monitor": "Azure-AsyncOperation"}
    written = {names.get(name, name.replace("_", "-").title()): value for name, value in headers.items()}
    return Exchange(method, url, status, body, written, fault, after)


def lost(method: str, url: str, fault: str) -> Exchange:
    return exchange(method, url, 200, {"status": "InProgress"}, fault=fault)


def succeeded(body: Any = ...) -> End:
    return End(Outcome.SUCCEEDED, body=body)


def failed(code: str = "Failed") -> End:
    return End(Outcome.FAILED, code, ...)


def canceled(code: str = "Canceled") -> End:
    return End(Outcome.CANCELED, code, ...)


def error(code: str) -> End:
    return End(Outcome.ERROR, code)


class Script:
    """Gives the answers in their order; a request that is not the next one gets a 418."""

    def __init__(self, situation: Situation, home: str = "") -> None:
        self.exchanges, self.home, self.requests = situation.exchanges, home, list[str]()

    def next(self, method: str, url: str) -> Exchange:
        expected = self.exchanges[min(len(self.requests), len(self.exchanges) - 1)]
        self.requests.append(f"{method} {url}")
        fits = (method, url) == (expected.method, expected.url.replace("{home}", self.home))
        return expected if fits and len(self.requests) < MOST_REQUESTS else Exchange(method, url, 418)

    def on_the_wire(self, arrived: Arrived) -> Wire:
        return self.next(arrived.method, self.home + arrived.target).wire(self.home, datetime.now(UTC))

    def in_hand(self, method: str, url: str) -> ArmResult:
        found = self.next(method, url)
        if found.fault:
            return NoResponse("The connection to Azure broke before the response was complete.", True, 1)
        wire = found.wire(self.home, NOW)
        return ArmResponse(wire.status, {name.lower(): value for name, value in wire.headers}, wire.content, 1, NOW)


def read_alone(situation: Situation) -> Run:
    script = Script(situation, "https://management.azure.com")
    method, url = situation.exchanges[0].method, situation.exchanges[0].url.replace("{home}", script.home)
    waits: list[float | None] = [None]
    step = begin(method, script.in_hand(method, url), url, situation.via)
    while isinstance(step, Retry):
        waits.append(step.wait)
        step = begin(method, script.in_hand(method, url), url, situation.via)
    while isinstance(step, InProgress):
        waits.append(step.wait)
        step = follow(step.state, script.in_hand("GET", step.state.next_url(url)), url)
    return Run(script.home, script.requests, waits, step)


def over_a_socket(situation: Situation, **options: Any) -> Run:
    script = Script(situation)
    with scripted(script.on_the_wire) as server:
        script.home = server.home
        arm = ArmHttp(server.home, connect_timeout=5, read_timeout=10, trust_env=False)
        first = situation.exchanges[0]
        body = BODY if first.method in {"PUT", "PATCH"} else None
        call = ArmRequest(first.method, first.url.replace("{home}", server.home), body)
        options = {"pause_seconds": 0.01, "correlation_id": uuid4(), **options}
        settled = send_and_follow(arm, call, lambda _: "a-token", final_state_via=situation.via, **options)
        check_what_every_request_carries(server, str(options["correlation_id"]))
        at = [arrived.at for arrived in server.arrived]
    waits = [None, *(later - earlier for earlier, later in pairwise(at))]
    return Run(server.home, script.requests, waits, settled)


def check_what_every_request_carries(server: Scripted, correlation_id: str) -> None:
    for arrived in server.arrived:
        assert arrived.headers["Authorization"] == "Bearer a-token"
        assert arrived.headers["x-ms-client-request-id"] == correlation_id
        if arrived.method in {"PUT", "PATCH"}:
            assert (arrived.headers["Content-Type"], json.loads(arrived.body)) == ("application/json", BODY)
        else:
            assert not arrived.body


def check(situation: Situation, run: Run) -> None:
    expected = [f"{one.method} {one.url.replace('{home}', run.home)}" for one in situation.exchanges]
    assert run.requests[: len(expected)] == expected
    assert set(run.requests[len(expected) :]) <= {expected[-1]}
    assert len(run.requests) <= max(situation.most, len(expected))
    for one, wait in zip(situation.exchanges, run.waits, strict=False):
        if one.after is not None:
            assert wait is not None
            assert one.after <= wait < one.after + OWN_PAUSE
    assert "&s=" not in repr(run.settled), "The query of a URL that is polled is a secret."
    end = situation.end
    code = run.settled.error.code if run.settled.error else None
    assert (run.settled.outcome, code) == (end.outcome, end.code)
    assert end.body is ... or run.settled.body == end.body


Reading = Callable[[Situation], Run]


def both_ways(situations: list[Situation]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("situation", "read"),
        [
            pytest.param(situation, read, id=f"{situation.name}, {read.__name__}")
            for situation in situations
            for read in (read_alone, over_a_socket)
        ],
    )


def at_the_same_time(situations: list[Situation], **options: Any) -> pytest.MarkDecorator:
    """Over sockets only, for situations that wait: the first test of the table starts all of them."""

    @cache
    def runs() -> dict[str, Future[Run]]:
        pool = ThreadPoolExecutor(len(situations))
        try:
            return {one.name: pool.submit(over_a_socket, one, **options) for one in situations}
        finally:
            pool.shutdown(wait=False)

    def read(situation: Situation) -> Run:
        return runs()[situation.name].result()

    return pytest.mark.parametrize(("situation", "read"), [pytest.param(one, read, id=one.name) for one in situations])
