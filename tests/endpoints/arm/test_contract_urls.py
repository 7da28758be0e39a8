"""ARM's contract for long-running operations: the URLs that are polled, and the token that stays at home."""

import pytest

from endpoints.arm.follow import send_and_follow
from endpoints.arm.http import ArmHttp, ArmRequest
from tests.support.scripted_server import Wire, scripted
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
    both_ways,
    check,
    error,
    get,
    over_a_socket,
    post,
    put,
    succeeded,
)

LONG = "{home}/operationsStatus/1?t=1&c=" + "MIIH" * 1500 + "&s=x_-%2F%2B%3D"
LONGER = "{home}/operationsStatus/1?t=1&c=" + "MIIH" * 2048 + "&s=x_-%2F%2B%3D"
RELATIVE = "/subscriptions/s/operationsStatus/1?t=1&c=%2Fa%2Bb%3D&s=x"

AS_THEY_CAME = [
    situation
    for name, url in {
        "signed": "{home}/operationsStatus/1?c=%2F%2B%3D&t=1&s=x_-~'!*()&h=a,b&api-version=1",
        "escaped in lower case": "{home}/operationsStatus/a%2fb?c=%2f%2b%3d&s=x",
        "with a sign that should be escaped": "{home}/operationsStatus/1?c=100%&s=a|b^[c]",
        "not sorted, twice the same": "{home}/operationsStatus/1?z=1&a=2&z=1&&s=x",
        "with nothing after its question mark": "{home}/operationsStatus/1?",
        "without a query": "{home}/operationsStatus/1",
        "with dots and slashes in its path": "{home}//operationsStatus/../a/./1;v=1?s=x",
        "of 6 KiB": LONG,
        "of 8 KiB": LONGER,
    }.items()
    for situation in (
        Situation(
            f"a monitor {name}",
            [put(201, CREATING, monitor=url), get(url, 200, RUNNING), get(url, 200, DONE), get(R, 200, ONLINE)],
            succeeded(ONLINE),
        ),
        Situation(f"a result URL {name}", [put(202, location=url), get(url, 200, ONLINE)], succeeded(ONLINE)),
    )
]

HEADERS = [
    Situation(
        "a relative monitor",
        [put(201, monitor=RELATIVE), get("{home}" + RELATIVE, 200, DONE), get(R, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation(
        "a relative monitor that is dead",
        [put(201, monitor=RELATIVE), get("{home}" + RELATIVE, 404)],
        error("404"),
    ),
    Situation(
        "a relative result URL, moved to another",
        [
            put(202, location="/result/1?s=%2F"),
            get("{home}/result/1?s=%2F", 202, location="/result/2"),
            get("{home}/result/2", 200, ONLINE),
        ],
        succeeded(ONLINE),
    ),
    Situation(
        "a relative result URL that is dead",
        [put(202, location="/result/1"), get("{home}/result/1", 404)],
        error("404"),
        most=5,
    ),
    Situation(
        "header names in lower case",
        [Exchange("PUT", R, 201, CREATING, {"azure-asyncoperation": O}), get(O, 200, DONE), get(R, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation(
        "header names in capitals",
        [Exchange("PUT", R, 202, None, {"LOCATION": L}), get(L, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    Situation(
        "empty headers",
        [put(201, CREATING, monitor="", location=" ", retry_after=""), get(R, 200, ONLINE)],
        succeeded(ONLINE),
    ),
]

MOVES = [
    Situation(
        "a result URL, and the old one is gone",
        [
            put(202, location=L),
            get(L, 202, location="{home}/result/2?s=2"),
            get("{home}/result/2?s=2", 202),
            get("{home}/result/2?s=2", 200, ONLINE),
        ],
        succeeded(ONLINE),
    ),
    Situation(
        "a monitor",
        [
            put(202, monitor=O),
            get(O, 200, RUNNING, monitor="{home}/operationsStatus/2?s=2"),
            get("{home}/operationsStatus/2?s=2", 200, DONE),
            get(R, 200, ONLINE),
        ],
        succeeded(ONLINE),
    ),
    Situation(
        "a monitor that only says where it is",
        [put(202, monitor=O), get(O, 200, RUNNING, monitor=O), get(O, 200, DONE, monitor=O), get(R, 200, ONLINE)],
        succeeded(ONLINE),
    ),
    *(
        Situation(
            f"a monitor that says where it is with {name}",
            [put(202, monitor=url), get(url, 200, RUNNING, monitor=other), get(url, 200, DONE), get(R, 200, ONLINE)],
            succeeded(ONLINE),
        )
        for name, url, other in [
            ("another slash", "{home}/status/1?s=1", "{home}/status/1/?s=1"),
            ("a slash fewer", "{home}/status/1/", "{home}/status/1"),
        ]
    ),
]

FOREIGN = [
    "https://elsewhere.example/x",
    "http://elsewhere.example/x",
    "//elsewhere.example/x",
    "/\t/elsewhere.example/x",
    "{home}.elsewhere.example/x",
    "{home}@elsewhere.example/x",
    "{home}:password@elsewhere.example/x",
    "{home}\\@elsewhere.example/x",
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
    "{home}/x y",
    "{home}/x\x7f",
    "{home}/ü",
]

ELSEWHERE_REFUSED = [
    situation
    for url in FOREIGN
    for situation in (
        Situation(f"a monitor at {url!r}", [put(201, CREATING, monitor=url)], error("ForeignOrigin")),
        Situation(f"a result URL at {url!r}", [put(202, location=url)], error("ForeignOrigin")),
        Situation(
            f"a monitor that moves to {url!r}",
            [put(201, monitor=O), get(O, 200, RUNNING, monitor=url)],
            error("ForeignOrigin"),
        ),
        Situation(
            f"a result URL that moves to {url!r}",
            [put(202, location=L), get(L, 202, location=url)],
            error("ForeignOrigin"),
        ),
        Situation(f"the result URL of a POST at {url!r}", [post(202, monitor=O, location=url)], error("ForeignOrigin")),
        Situation(f"a redirect to {url!r}", [put(302, location=url)], error("302")),
        Situation(f"a redirected poll to {url!r}", [put(202, location=L), get(L, 307, location=url)], error("307")),
    )
]


@both_ways(AS_THEY_CAME)
def test_a_url_is_used_byte_for_byte(situation: Situation, read: Reading) -> None:
    check(situation, read(situation))


@both_ways(HEADERS)
def test_a_url_may_be_relative_and_a_header_empty(situation: Situation, read: Reading) -> None:
    check(situation, read(situation))


def test_home_may_be_written_in_capitals() -> None:
    url = "{home}/operationsStatus/1?s=1"
    monitor = put(201, CREATING, monitor=url.replace("{home}", "{HOME}"))
    situation = Situation("", [monitor, get(url, 200, DONE), get(R, 200, ONLINE)], succeeded(ONLINE))
    check(situation, over_a_socket(situation))


@both_ways(MOVES)
def test_a_url_may_move(situation: Situation, read: Reading) -> None:
    check(situation, read(situation))


@both_ways(ELSEWHERE_REFUSED)
def test_a_url_elsewhere_is_refused(situation: Situation, read: Reading) -> None:
    check(situation, read(situation))


def answers_that_lead_to(url: str) -> list[list[Wire]]:
    """Everything in an answer that a client could follow."""
    accepted = Wire(202, (("Location", "/result"),))
    here = (("Location", url),)
    return [
        [Wire(201, (("Azure-AsyncOperation", url),))],
        [Wire(202, here)],
        [accepted, Wire(202, here)],
        [Wire(307, here)],
        [Wire(308, here)],
        [accepted, Wire(302, here)],
        [Wire(202, (("Azure-AsyncOperation", "/status"),)), Wire(301, here)],
    ]


@pytest.mark.parametrize("number", range(7))
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_another_server_hears_nothing(host: str, number: int) -> None:
    with scripted(lambda _: Wire(200)) as other:
        answers = iter(answers_that_lead_to(f"http://{host}:{other.server_port}/x")[number])
        with scripted(lambda _: next(answers)) as server:
            arm, call = ArmHttp(server.home, trust_env=False), ArmRequest("PUT", f"{server.home}/e", {})
            end = send_and_follow(arm, call, lambda _: "a-token", pause_seconds=0.01)
        assert end.outcome == "error"
        assert other.arrived == []


def test_a_resource_location_in_a_body_is_not_followed() -> None:
    with scripted(lambda _: Wire(200)) as other:
        monitor = get(O, 200, {**DONE, "resourceLocation": f"{other.home}/x"})
        situation = Situation("", [put(202, monitor=O), monitor, get(R, 200, ONLINE)], succeeded(ONLINE))
        check(situation, over_a_socket(situation))
        assert other.arrived == []
