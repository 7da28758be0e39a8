"""Reading the answers of a long-running PUT: from what is held and what ARM answered to what is held next.

Pure: no clock, no network, no database. The rules are those of ARM's public contract for asynchronous operations.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from endpoints.arm.errors import ArmError
from endpoints.arm.headers import retry_after
from endpoints.arm.http import Answer, Lost
from endpoints.arm.origin import ForeignOrigin, resolve

TRANSIENT = {408, 429, 500, 502, 503, 504}
MOST_UNREADABLE = 3
MOST_CONFIRMATIONS = 3
TERMINAL = {"succeeded": "Succeeded", "failed": "Failed", "canceled": "Canceled", "cancelled": "Canceled"}


class Outcome(StrEnum):
    """How an operation ended. `ERROR` is not ARM's: the request was refused, or its status could not be learnt."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    ERROR = "error"


@dataclass(frozen=True)
class Held:
    """All that has to be kept between two calls. `faults` and `unreadable` count in a row."""

    monitor_url: str = ""
    result_url: str = ""
    confirming: bool = False
    confirmations: int = 0
    faults: int = 0
    unreadable: int = 0

    def next_url(self, resource_url: str) -> str:
        if self.confirming:
            return resource_url
        return self.monitor_url or self.result_url or resource_url


@dataclass(frozen=True)
class Running:
    """Ask again, not before `wait` seconds; None leaves the rhythm to the caller.

    `word` is ARM's own for the state, `resource` the resource if the answer was one, `fault` why nothing was learnt.
    """

    held: Held
    wait: float | None = None
    word: str = ""
    resource: dict[str, Any] | None = None
    fault: str = ""


@dataclass(frozen=True)
class Resend:
    """The PUT was not carried out, or perhaps was: `perhaps_received` asks for a GET before it is sent again."""

    wait: float | None
    perhaps_received: bool
    fault: str


@dataclass(frozen=True)
class Settled:
    outcome: Outcome
    resource: dict[str, Any] | None = None
    error: ArmError | None = None


def begin_put(reply: Answer | Lost, resource_url: str) -> Running | Resend | Settled:
    """Read the first answer to a PUT; it decides the way, which does not change later."""
    if isinstance(reply, Lost):
        return Resend(None, reply.perhaps_received, reply.reason)
    if reply.status in TRANSIENT:
        return Resend(retry_after(reply), reply.status != 429, f"Azure answered {reply.status}.")
    if reply.status not in {200, 201, 202, 204}:
        return Settled(Outcome.ERROR, error=ArmError.of_answer(reply))
    try:
        held = _way(reply, resource_url)
    except ForeignOrigin as error:
        return _broken("ForeignOrigin", str(error))
    if held.monitor_url or held.result_url:
        return Running(held, retry_after(reply), _provisioning_state(reply.object), _resource(reply))
    return _read_resource(held, reply)


def follow(held: Held, reply: Answer | Lost, resource_url: str) -> Running | Settled:
    """Read the answer to a GET of `held.next_url(resource_url)`."""
    if isinstance(reply, Lost):
        return _fault(held, None, reply.reason)
    if reply.status in TRANSIENT:
        return _fault(held, retry_after(reply), f"Azure answered {reply.status}.")
    held = replace(held, faults=0)
    if held.confirming:
        return _read_confirmation(held, reply)
    if held.monitor_url:
        return _read_monitor(held, reply)
    if held.result_url:
        return _read_result(held, reply, resource_url)
    return _read_resource(held, reply)


def _way(reply: Answer, resource_url: str) -> Held:
    """Monitor before result URL before the resource itself."""
    if monitor := reply.headers.get("azure-asyncoperation", "").strip():
        return Held(monitor_url=resolve(monitor, resource_url))
    location = reply.headers.get("location", "").strip()
    if location and reply.status in {201, 202} and not _terminal(_provisioning_state(reply.object)):
        return Held(result_url=resolve(location, resource_url))
    return Held()


def _read_monitor(held: Held, reply: Answer) -> Running | Settled:
    if reply.status not in {200, 201, 202, 204}:
        return Settled(Outcome.ERROR, error=ArmError.of_answer(reply))
    word = reply.object.get("status")
    if not isinstance(word, str) or not word:
        return _unreadable(held, reply)
    held = replace(held, unreadable=0)
    end = _terminal(word)
    if end == "Succeeded":
        return Running(replace(held, confirming=True), 0, word)
    return _ended(end, reply.object) if end else Running(held, retry_after(reply), word)


def _read_confirmation(held: Held, reply: Answer) -> Running | Settled:
    """The final GET. The monitor's verdict stands, so a resource that lags is read again, then taken."""
    if reply.status != 200:
        return Settled(Outcome.ERROR, error=ArmError.of_answer(reply))
    if not reply.object:
        return _unreadable(held, reply)
    word = _provisioning_state(reply.object)
    if word and not _terminal(word) and held.confirmations < MOST_CONFIRMATIONS:
        again = replace(held, confirmations=held.confirmations + 1, unreadable=0)
        return Running(again, retry_after(reply), word, reply.object)
    return Settled(Outcome.SUCCEEDED, reply.object)


def _read_result(held: Held, reply: Answer, resource_url: str) -> Running | Settled:
    try:
        moved = reply.headers.get("location", "").strip()
        held = replace(held, result_url=resolve(moved, held.result_url)) if moved else held
    except ForeignOrigin as error:
        return _broken("ForeignOrigin", str(error))
    if reply.status == 202:
        return Running(replace(held, unreadable=0), retry_after(reply))
    if reply.status == 204:
        return Settled(Outcome.SUCCEEDED)
    if reply.status not in {200, 201}:
        return Settled(Outcome.FAILED if 400 <= reply.status < 500 else Outcome.ERROR, error=ArmError.of_answer(reply))
    return _read_resource(held, reply)


def _read_resource(held: Held, reply: Answer) -> Running | Settled:
    if reply.status == 204:
        return Settled(Outcome.SUCCEEDED)
    if reply.status not in {200, 201, 202}:
        return Settled(Outcome.ERROR, error=ArmError.of_answer(reply))
    word = _provisioning_state(reply.object)
    if end := _terminal(word):
        return _ended(end, reply.object)
    if word or reply.status != 200:
        return Running(replace(held, unreadable=0), retry_after(reply), word, _resource(reply))
    if reply.content and not isinstance(reply.json, dict):
        return _unreadable(held, reply)
    return Settled(Outcome.SUCCEEDED, _resource(reply))


def _ended(word: str, body: dict[str, Any]) -> Settled:
    resource = body if "properties" in body and "status" not in body else None
    if word == "Succeeded":
        return Settled(Outcome.SUCCEEDED, resource)
    outcome = Outcome.FAILED if word == "Failed" else Outcome.CANCELED
    return Settled(outcome, resource, ArmError.of_body(body, word))


def _fault(held: Held, wait: float | None, why: str) -> Running:
    """Nothing was learnt, so nothing ends here; the caller's back-off and deadline bound the tries."""
    return Running(replace(held, faults=held.faults + 1), wait, fault=why)


def _unreadable(held: Held, reply: Answer) -> Running | Settled:
    held = replace(held, unreadable=held.unreadable + 1)
    why = f"Azure answered {reply.status} with a body that tells no state."
    if held.unreadable > MOST_UNREADABLE:
        return _broken("UnreadableStatus", why)
    return Running(held, retry_after(reply), fault=why)


def _broken(code: str, message: str) -> Settled:
    return Settled(Outcome.ERROR, error=ArmError(code, message, 0, {}))


def _terminal(word: str) -> str:
    """ARM's spelling of a terminal state, or nothing: every other word, known or not, means still running."""
    return TERMINAL.get(word.lower(), "")


def _provisioning_state(body: dict[str, Any]) -> str:
    properties = body.get("properties")
    word = properties.get("provisioningState") if isinstance(properties, dict) else None
    return word if isinstance(word, str) else ""


def _resource(reply: Answer) -> dict[str, Any] | None:
    return reply.object or None
