"""ARM's contract for long-running operations: polling URLs, which must lead back to ARM.

https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/async-operations
"""

import pytest

from endpoints.arm.follow import send_and_follow
from endpoints.arm.http import ArmHttp, ArmRequest
from tests.support.scripted_server import ScriptedResponse, scripted_server
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
    check,
    error,
    get,
    over_socket,
    post,
    put,
    succeeded,
)

LONG = "{origin}/operationsStatus/1?t=1&c=" + "MIIH" * 1500 + "&s=x_-%2F%2B%3D"
LONGER = "{origin}/operationsStatus/1?t=1&c=" + "MIIH" * 2048 + "&s=x_-%2F%2B%3D"
RELATIVE = "/subscriptions/s/operationsStatus/1?t=1&c=%2Fa%2Bb%3D&s=x"

BYTE_FOR_BYTE = [
    situation
    for name, url in {
        "signed": "{origin}/operationsStatus/1?c=%2F%2B%3D&t=1&s=x_-~'!*()&h=a,b&api-version=1",
        "escaped in lower case": "{origin}/operationsStatus/a%2fb?c=%2f%2b%3d&s=x",
        "with characters that should be escaped": "{origin}/operationsStatus/1?c=100%&s=a|b^[c]",
        "unsorted, with a duplicate": "{origin}/operationsStatus/1?z=1&a=2&z=1&&s=x",
        "with an empty query": "{origin}/operationsStatus/1?",
        "without a query": "{origin}/operationsStatus/1",
        "with dots and slashes in its path": "{origin}//operationsStatus/../a/./1;v=1?s=x",
        "of 6 KiB": LONG,
        "of 8 KiB": LONGER,
    }.items()
    for situation in (
        Situation(
            f"a monitor {name}",
            [put(201, CREATING, monitor=url), get(url, 200, RUNNING), get(url, 200, DONE), get(RESOURCE, 200, ONLINE)],
            succeeded(ONLINE),
        ),
        Situation(f"a result URL {name}", [put(202, location=url), get(url, 200, ONLINE)], succeeded(ONLINE)),
    )
]

HEADERS = [
    Situation(
        "a relative monitor",
        [put(201, monitor=RELATIVE), get("{origin}" + RELATIVE, 200, DONE), get(RESOURCE, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation(
        "a relative monitor that is gone",
        [put(201, monitor=RELATIVE), get("{origin}" + RELATIVE, 404)],
        error("404"),
    ),
    Situation(
        "a relative result URL, moved to another",
        [
            put(202, location="/result/1?s=%2F"),
            get("{origin}/result/1?s=%2F", 202, location="/result/2"),
            get("{origin}/result/2", 200, ONLINE),
        ],
        succeeded(ONLINE),
    ),
    Situation(
        "a relative result URL that is gone",
        [put(202, location="/result/1"), get("{origin}/result/1", 404)],
        error("404"),
        max_requests=5,
    ),
    Situation(
        "header names in lower case",
        [
            Exchange("PUT", RESOURCE, 201, CREATING, {"azure-asyncoperation": MONITOR}),
            get(MONITOR, 200, DONE),
            get(RESOURCE, 200, ONLINE),
        ],
        succeeded(ONLINE),
    ),
    Situation(
        "header names in capitals",
        [Exchange("PUT", RESOURCE, 202, None, {"LOCATION": RESULT}), get(RESULT, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation(
        "empty headers",
        [put(201, CREATING, monitor="", location=" ", retry_after=""), get(RESOURCE, 200, ONLINE)],
        succeeded(ONLINE),
    ),
]

MOVES = [
    Situation(
        "a result URL, and the old one is gone",
        [
            put(202, location=RESULT),
            get(RESULT, 202, location="{origin}/result/2?s=2"),
            get("{origin}/result/2?s=2", 202),
            get("{origin}/result/2?s=2", 200, ONLINE),
        ],
        succeeded(ONLINE),
    ),
    Situation(
        "a monitor",
        [
            put(202, monitor=MONITOR),
            get(MONITOR, 200, RUNNING, monitor="{origin}/operationsStatus/2?s=2"),
            get("{origin}/operationsStatus/2?s=2", 200, DONE),
            get(RESOURCE, 200, ONLINE),
        ],
        succeeded(ONLINE),
    ),
    Situation(
        "a monitor that repeats its URL",
        [
            put(202, monitor=MONITOR),
            get(MONITOR, 200, RUNNING, monitor=MONITOR),
            get(MONITOR, 200, DONE, monitor=MONITOR),
            get(RESOURCE, 200, ONLINE),
        ],
        succeeded(ONLINE),
    ),
    *(
        Situation(
            f"a monitor that repeats its URL with {name}",
            [
                put(202, monitor=url),
                get(url, 200, RUNNING, monitor=other),
                get(url, 200, DONE),
                get(RESOURCE, 200, ONLINE),
            ],
            succeeded(ONLINE),
        )
        for name, url, other in [
            ("a trailing slash", "{origin}/status/1?s=1", "{origin}/status/1/?s=1"),
            ("the trailing slash removed", "{origin}/status/1/", "{origin}/status/1"),
        ]
    ),
]

FOREIGN = [
    "https://elsewhere.example/x",
    "http://elsewhere.example/x",
    "//elsewhere.example/x",
    "/\t/elsewhere.example/x",
    "{origin}.elsewhere.example/x",
    "{origin}@elsewhere.example/x",
    "{origin}:password@elsewhere.example/x",
    "{origin}\\@elsewhere.example/x",
    "{scheme}://user:password@{host}/x",
    "{scheme}://{host}:8443/x",
    "{scheme}://{host}:0/x",
    "{scheme}://{host}:x/x",
    "{other_scheme}://{host}/x",
    "file:///etc/passwd",
    "ftp://{host}/x",
    "http://[elsewhere/x",
    "//[",
    "https://",
    "this is no url",
    "operationsStatus/1",
    "?s=1",
    "{origin}/x y",
    "{origin}/x\x7f",
    "{origin}/ü",
]

FOREIGN_URLS = [
    situation
    for url in FOREIGN
    for situation in (
        Situation(f"a monitor at {url!r}", [put(201, CREATING, monitor=url)], error("ForeignOrigin")),
        Situation(f"a result URL at {url!r}", [put(202, location=url)], error("ForeignOrigin")),
        Situation(
            f"a monitor that moves to {url!r}",
            [put(201, monitor=MONITOR), get(MONITOR, 200, RUNNING, monitor=url)],
            error("ForeignOrigin"),
        ),
        Situation(
            f"a result URL that moves to {url!r}",
            [put(202, location=RESULT), get(RESULT, 202, location=url)],
            error("ForeignOrigin"),
        ),
        Situation(
            f"the result URL of a POST at {url!r}", [post(202, monitor=MONITOR, location=url)], error("ForeignOrigin")
        ),
        Situation(f"a redirect to {url!r}", [put(302, location=url)], error("302")),
        Situation(
            f"a redirected poll to {url!r}", [put(202, location=RESULT), get(RESULT, 307, location=url)], error("307")
        ),
    )
]


@both_ways(BYTE_FOR_BYTE)
def test_polling_url_is_sent_byte_for_byte(situation: Situation, run: Runner) -> None:
    check(situation, run(situation))


@both_ways(HEADERS)
def test_polling_url_headers_are_read_leniently(situation: Situation, run: Runner) -> None:
    check(situation, run(situation))


def test_origin_compares_without_case() -> None:
    url = "{origin}/operationsStatus/1?s=1"
    monitor = put(201, CREATING, monitor=url.replace("{origin}", "{ORIGIN}"))
    situation = Situation("", [monitor, get(url, 200, DONE), get(RESOURCE, 200, ONLINE)], succeeded(ONLINE))
    check(situation, over_socket(situation))


@both_ways(MOVES)
def test_polling_url_may_move(situation: Situation, run: Runner) -> None:
    check(situation, run(situation))


@both_ways(FOREIGN_URLS)
def test_polling_url_at_another_origin_is_refused(situation: Situation, run: Runner) -> None:
    check(situation, run(situation))


def responses_that_lead_to(url: str) -> list[list[ScriptedResponse]]:
    """Every way in which a response can lead a client to a URL."""
    accepted = ScriptedResponse(202, (("Location", "/result"),))
    location = (("Location", url),)
    return [
        [ScriptedResponse(201, (("Azure-AsyncOperation", url),))],
        [ScriptedResponse(202, location)],
        [accepted, ScriptedResponse(202, location)],
        [ScriptedResponse(307, location)],
        [ScriptedResponse(308, location)],
        [accepted, ScriptedResponse(302, location)],
        [ScriptedResponse(202, (("Azure-AsyncOperation", "/status"),)), ScriptedResponse(301, location)],
    ]


@pytest.mark.parametrize("number", range(7))
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_another_server_gets_no_request(host: str, number: int) -> None:
    with scripted_server(lambda _: ScriptedResponse(200)) as other:
        responses = iter(responses_that_lead_to(f"http://{host}:{other.server_port}/x")[number])
        with scripted_server(lambda _: next(responses)) as server:
            arm, request = ArmHttp(server.origin, trust_env=False), ArmRequest("PUT", f"{server.origin}/e", {})
            result = send_and_follow(arm, request, lambda _: "a-token", pause_seconds=0.01)
        assert result.outcome == "error"
        assert other.received == []


def test_resource_location_in_a_body_is_not_followed() -> None:
    with scripted_server(lambda _: ScriptedResponse(200)) as other:
        monitor = get(MONITOR, 200, {**DONE, "resourceLocation": f"{other.origin}/x"})
        situation = Situation("", [put(202, monitor=MONITOR), monitor, get(RESOURCE, 200, ONLINE)], succeeded(ONLINE))
        check(situation, over_socket(situation))
        assert other.received == []
