"""Reading the answers of a long-running PUT, situation by situation."""

from typing import Any

import pytest

from endpoints.arm.http import Answer, Lost
from endpoints.arm.operations import Held, Outcome, Resend, Running, Settled, begin_put, follow
from tests.arm.answers import HOME, MONITOR, RESOURCE, RESULT, answer, resource

MONITORED = Held(monitor_url=MONITOR)
REDIRECTED = Held(result_url=RESULT)
CONFIRMING = Held(monitor_url=MONITOR, confirming=True)


def settled(step: object) -> Settled:
    assert isinstance(step, Settled), step
    return step


def running(step: object) -> Running:
    assert isinstance(step, Running), step
    return step


@pytest.mark.parametrize(
    ("status", "headers", "url"),
    [
        (201, {"Azure_AsyncOperation": MONITOR, "Location": RESULT}, MONITOR),
        (200, {"Azure_AsyncOperation": MONITOR}, MONITOR),
        (201, {"Location": RESULT}, RESULT),
        (202, {"Location": RESULT}, RESULT),
        (201, {}, RESOURCE),
        (200, {}, RESOURCE),
    ],
)
def test_monitor_goes_before_result_before_resource(status: int, headers: dict[str, str], url: str) -> None:
    step = running(begin_put(answer(status, resource("Creating"), **headers), RESOURCE))
    assert step.held.next_url(RESOURCE) == url


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (answer(200, resource("Succeeded")), Outcome.SUCCEEDED),
        (answer(200, resource(None)), Outcome.SUCCEEDED),
        (answer(200, {"properties": None}), Outcome.SUCCEEDED),
        (answer(200, b"\xef\xbb\xbf" + b'{"properties": {"provisioningState": "SUCCEEDED"}}'), Outcome.SUCCEEDED),
        (answer(201, resource("Failed")), Outcome.FAILED),
        (answer(200, resource("Canceled")), Outcome.CANCELED),
        (answer(206, resource("Succeeded")), Outcome.ERROR),
        (answer(409, {"error": {"code": "Conflict", "message": "no"}}), Outcome.ERROR),
    ],
)
def test_a_put_may_be_over_at_once(reply: Answer, outcome: Outcome) -> None:
    assert settled(begin_put(reply, RESOURCE)).outcome == outcome


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_transient_answer_to_put_is_sent_again(status: int) -> None:
    step = begin_put(answer(status, Retry_After="2"), RESOURCE)
    assert isinstance(step, Resend)
    assert step.wait == 2
    assert step.perhaps_received == (status != 429)


def test_a_lost_put_may_have_been_received() -> None:
    step = begin_put(Lost("gone", True, 1), RESOURCE)
    assert isinstance(step, Resend)
    assert step.perhaps_received


@pytest.mark.parametrize("word", ["Updating", "InProgress", "Resolving", "creating", "Hibernating"])
def test_every_word_that_is_not_terminal_is_running(word: str) -> None:
    assert running(follow(MONITORED, answer(200, {"status": word}), RESOURCE)).word == word


@pytest.mark.parametrize("word", ["Succeeded", "succeeded", "SUCCEEDED"])
def test_a_monitor_that_succeeded_leads_to_the_resource(word: str) -> None:
    step = running(follow(MONITORED, answer(200, {"status": word}), RESOURCE))
    assert step.held.next_url(RESOURCE) == RESOURCE
    assert step.wait == 0


@pytest.mark.parametrize(
    ("body", "outcome", "code"),
    [
        ({"status": "Failed", "error": {"code": "Bad", "message": "m"}}, Outcome.FAILED, "Bad"),
        ({"status": "FAILED"}, Outcome.FAILED, "Failed"),
        ({"status": "Failed", "error": None}, Outcome.FAILED, "Failed"),
        ({"status": "Failed", "error": {"code": 17}}, Outcome.FAILED, "17"),
        ({"status": "Canceled", "error": {"code": "Stop"}}, Outcome.CANCELED, "Stop"),
        ({"status": "Cancelled"}, Outcome.CANCELED, "Canceled"),
    ],
)
def test_a_monitor_tells_failure(body: dict[str, Any], outcome: Outcome, code: str) -> None:
    step = settled(follow(MONITORED, answer(200, body), RESOURCE))
    assert step.outcome == outcome
    assert step.error is not None
    assert step.error.code == code


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("held", [MONITORED, REDIRECTED, CONFIRMING, Held()])
def test_a_transient_answer_to_a_poll_ends_nothing(held: Held, status: int) -> None:
    step = running(follow(held, answer(status, Retry_After="7"), RESOURCE))
    assert (step.wait, step.held.faults) == (7, 1)


@pytest.mark.parametrize("held", [MONITORED, REDIRECTED, CONFIRMING, Held()])
def test_a_lost_poll_ends_nothing(held: Held) -> None:
    assert running(follow(held, Lost("gone", True, 1), RESOURCE)).fault == "gone"


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_monitor_that_cannot_be_read_is_an_error_of_reading(status: int) -> None:
    step = settled(follow(MONITORED, answer(status, {"error": {"code": "NotFound"}}), RESOURCE))
    assert step.outcome == Outcome.ERROR


@pytest.mark.parametrize(
    "body", [{}, None, b"{", b"<html>", [], "text", {"status": None}, {"status": 3}, {"status": {}}]
)
def test_an_unreadable_monitor_is_asked_a_few_times_only(body: Any) -> None:
    held, asked = MONITORED, 0
    while isinstance(step := follow(held, answer(200, body), RESOURCE), Running):
        held, asked = step.held, asked + 1
    assert asked == 3
    assert step.outcome == Outcome.ERROR


def test_a_resource_that_lags_behind_its_monitor_is_read_again_then_taken() -> None:
    held, asked = CONFIRMING, 0
    while isinstance(step := follow(held, answer(200, resource("Creating")), RESOURCE), Running):
        held, asked = step.held, asked + 1
    assert asked == 3
    assert step.outcome == Outcome.SUCCEEDED


def test_the_result_url_answers_202_until_it_is_over() -> None:
    assert running(follow(REDIRECTED, answer(202, Retry_After="2"), RESOURCE)).wait == 2
    assert settled(follow(REDIRECTED, answer(200, resource("Succeeded")), RESOURCE)).outcome == Outcome.SUCCEEDED
    assert settled(follow(REDIRECTED, answer(200, resource("Failed")), RESOURCE)).outcome == Outcome.FAILED


def test_the_result_url_may_move() -> None:
    step = running(follow(REDIRECTED, answer(202, Location=f"{HOME}/result/2"), RESOURCE))
    assert step.held.next_url(RESOURCE) == f"{HOME}/result/2"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/x",
        f"{HOME}:8443/x",
        "//evil.example/x",
        "https://management.azure.com@evil.example/x",
        "http://management.azure.com/x",
        "file:///etc/passwd",
    ],
)
def test_the_token_never_leaves_its_origin(url: str) -> None:
    for header in ({"Azure_AsyncOperation": url}, {"Location": url}):
        assert settled(begin_put(answer(201, resource("Creating"), **header), RESOURCE)).outcome == Outcome.ERROR
    assert settled(follow(REDIRECTED, answer(202, Location=url), RESOURCE)).outcome == Outcome.ERROR


def test_a_relative_monitor_is_one_of_arms() -> None:
    step = running(begin_put(answer(201, resource("Creating"), Azure_AsyncOperation="/status/2?c=%2F"), RESOURCE))
    assert step.held.next_url(RESOURCE) == f"{HOME}/status/2?c=%2F"
