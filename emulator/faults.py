"""The faults that are switched on: what goes wrong, where, for whom and how often."""

import itertools
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any

from emulator.arm.failures import CAUSES

WHERE = {
    "any": "every request",
    "arm": "every request to ARM",
    "entra": "every request to Entra",
    "put": "PUT of an endpoint",
    "patch": "PATCH of an endpoint",
    "delete": "DELETE of an endpoint",
    "resource": "GET of an endpoint",
    "list": "list of a workspace's endpoints",
    "keys": "POST listKeys",
    "regenerate": "POST regenerateKeys",
    "marketplace": "every request about marketplace subscriptions",
    "status": "poll of the Azure-AsyncOperation URL",
    "result": "poll of the Location URL",
    "workspace": "GET of a workspace",
    "workspaces": "lists of workspaces",
    "subscriptions": "subscriptions and resource groups",
    "permissions": "effective permissions",
    "discovery": "OpenID configuration",
    "jwks": "Entra's signing keys",
    "authorize": "Entra's sign-in page",
    "token": "Entra's token endpoint",
    "identity": "managed identity",
    "inference": "calls of an endpoint's own address",
}
SORTS = {
    **dict.fromkeys(("discovery", "jwks", "authorize", "token", "identity"), "entra"),
    "inference": "inference",
}


@dataclass(frozen=True)
class Target:
    """What a request is about, as far as it is known. A fault names patterns for some of it."""

    where: str = ""
    method: str = ""
    path: str = ""
    name: str = ""
    model: str = ""
    workspace: str = ""
    person: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, self.model, self.workspace, self.person)


@dataclass(frozen=True)
class Kind:
    group: str
    where: str
    about: str
    settings: dict[str, Any] = field(default_factory=dict)


BEFORE = {"when": "before"}
KINDS = {
    # Answers instead of the right one; "when": "after" acts first, so that the work is done and the answer lost.
    "throttle": Kind("answer", "arm", "429", {**BEFORE, "retry_after": 6, "code": "SubscriptionRequestsThrottled"}),
    "server-error": Kind("answer", "any", "500, 502, 503 or 504", {**BEFORE, "status": 503, "retry_after": None}),
    "error": Kind(
        "answer",
        "arm",
        "any HTTP status with an error of ARM",
        {**BEFORE, "status": 400, "code": "BadRequest", "message": "The request is refused."},
    ),
    "drop": Kind("answer", "any", "the connection closes without an answer", dict(BEFORE)),
    "cut-off": Kind("answer", "any", "the connection closes in the middle of the body", dict(BEFORE)),
    "hang": Kind("answer", "any", "the connection stays open, and no answer comes", dict(BEFORE)),
    "slow": Kind("answer", "any", "the answer takes long", {**BEFORE, "seconds": 10}),
    "html": Kind("answer", "any", "a page of HTML instead of JSON", {**BEFORE, "status": 502}),
    "broken-json": Kind("answer", "any", "JSON that ends too early", {**BEFORE, "status": 200}),
    "empty": Kind("answer", "any", "no body at all", {**BEFORE, "status": 200}),
    "redirect": Kind("answer", "any", "a redirect", {**BEFORE, "status": 307, "to": "http://127.0.0.1:9/elsewhere"}),
    "refuse": Kind("answer", "put", "an ARM error at once", {**BEFORE, "cause": "region"}),
    "not-found": Kind("answer", "status", "404 OperationNotFound", dict(BEFORE)),
    "forbidden": Kind("answer", "status", "403 AuthorizationFailed", dict(BEFORE)),
    "claims-challenge": Kind("answer", "put", "401 insufficient_claims", {**BEFORE, "acrs": "p1"}),
    "expired-token": Kind("answer", "arm", "401 ExpiredAuthenticationToken", dict(BEFORE)),
    # What becomes of an accepted PUT, PATCH, DELETE or regenerateKeys.
    "fail": Kind("plan", "put", "accepted, then Failed with an error tree", {"cause": "offer"}),
    "fail-silently": Kind("plan", "put", "accepted, then Failed without any error", {"monitor": "Failed"}),
    "cancel": Kind("plan", "put", "accepted, then Canceled"),
    "never-ends": Kind("plan", "put", "accepted, then nothing"),
    "duration": Kind("plan", "put", "accepted, takes this long", {"seconds": 120}),
    "at-once": Kind("length", "patch", "done when it answers, with nothing to follow"),
    "drift": Kind("length", "put", "the resource is ready this long after the status says so", {"seconds": 30}),
    # How the answer says where to look, and what is there.
    "no-monitor": Kind("headers", "put", "no Azure-AsyncOperation", {"location": "none"}),
    "foreign-monitor": Kind("headers", "put", "both URLs on another origin", {"origin": "http://127.0.0.1:9"}),
    "retry-after": Kind("headers", "put", "a Retry-After on the answer", {"retry_after": 10}),
    "operation-not-found": Kind("headers", "regenerate", "404 at the first polls of its URLs", {"polls": 2}),
    "result-204": Kind("headers", "delete", "its Location ends with 204 as ARM's contract says"),
    # What a read shows.
    "unknown-state": Kind("read", "resource", "states nobody has heard of", {"state": "Hibernating"}),
    "extra-fields": Kind("read", "resource", "fields nobody has heard of"),
    "no-provisioning-state": Kind("read", "resource", "no provisioningState"),
    "unknown-status": Kind("read", "status", "a status nobody has heard of", {"status": "Resolving"}),
    "whole-percent": Kind("read", "status", "percentComplete as a whole number", {"percent": 50}),
    # What others do: it has happened when the request looks.
    "suspended": Kind("life", "arm", "an online endpoint is suspended, then reinstated", {"seconds": 60}),
    "deleted-elsewhere": Kind("life", "arm", "somebody else deleted the endpoint"),
    "changed-elsewhere": Kind("life", "arm", "somebody else changed the endpoint's tags", {"tags": {"by": "others"}}),
    # Entra.
    "revoked": Kind("token", "token", "invalid_grant 50173 on refresh"),
    "mfa-required": Kind("token", "token", "interaction_required 50076 on refresh"),
    "consent-missing": Kind("token", "token", "invalid_grant 65001 on refresh"),
    "secret-expired": Kind("token", "token", "invalid_client 7000222"),
    "bad-id-token": Kind(
        "id-token",
        "token",
        "aud, iss, tid, oid, signature, exp, nonce or auth_time wrong, or made one-minute-ahead or ten-minutes-ahead",
        {"flaw": "aud"},
    ),
    "short-token": Kind("id-token", "token", "an access token that ends soon", {"seconds": 360}),
}


@dataclass(frozen=True)
class Scope:
    """Which requests a fault is for: patterns such as my-*, compared without case; an empty one fits everything."""

    match: str = ""
    method: str = ""
    path: str = ""
    name: str = ""
    model: str = ""
    workspace: str = ""
    person: str = ""

    def fits(self, target: Target) -> bool:
        named = (part.name for part in fields(self) if part.name != "match")
        if not all(_fits(getattr(self, name), getattr(target, name)) for name in named):
            return False
        return any(_fits(self.match, name) for name in target.names)

    def __str__(self) -> str:
        parts = ((part.name, getattr(self, part.name)) for part in fields(self))
        return ", ".join(f"{name} {pattern}" for name, pattern in parts if pattern)


def _fits(pattern: str, text: str) -> bool:
    return not pattern or fnmatchcase(text.casefold(), pattern.casefold())


@dataclass
class Fault:
    id: int
    kind: str
    where: str
    scope: Scope
    times: int | None
    settings: dict[str, Any]

    def fits(self, target: Target) -> bool:
        sort = SORTS.get(target.where, "arm" if target.where else "")
        return self.where in {"any", sort, target.where} and self.scope.fits(target)


class Refused(ValueError):
    """A fault that cannot be switched on, in a sentence for whoever asked."""


_lock = threading.Lock()
_request = threading.local()
_faults: list[Fault] = []
_numbers = itertools.count(1)


def switch_on(wish: dict[str, Any]) -> Fault:
    """Read a wish such as {"kind": "throttle", "where": "put", "name": "my-*", "times": 2, "retry_after": 3}."""
    settings = dict(wish)
    name, where, times = (settings.pop(key, None) for key in ("kind", "where", "times"))
    scope = Scope(**{part.name: str(settings.pop(part.name, "") or "").strip() for part in fields(Scope)})
    kind = KINDS.get(str(name))
    if kind is None:
        raise Refused(f"There is no kind '{name}'. There are: {', '.join(KINDS)}.")
    where = str(where or kind.where)
    if where not in WHERE:
        raise Refused(f"There is no place '{where}'. There are: {', '.join(WHERE)}.")
    if strangers := sorted(settings.keys() - kind.settings.keys()):
        raise Refused(f"'{name}' takes {', '.join(kind.settings) or 'no settings'}, not {', '.join(strangers)}.")
    for key, given in settings.items():
        _check_setting(key, given, kind.settings[key])
    if times is not None and (not isinstance(times, int) or times < 1):
        raise Refused("'times' is a whole number from 1, or absent for every time.")
    fault = Fault(next(_numbers), str(name), where, scope, times, {**kind.settings, **settings})
    with _lock:
        _faults.append(fault)
    return fault


def _check_setting(key: str, given: Any, example: Any) -> None:
    if key == "cause" and given not in [*CAUSES]:
        raise Refused(f"There is no cause '{given}'. There are: {', '.join(CAUSES)}.")
    if key == "status" and isinstance(example, int) and given not in range(200, 600):
        raise Refused(f"'{given}' is no HTTP status from 200 to 599.")
    # What Retry-After says may be a date, or nonsense.
    if not _is_like(example, given) and not (key == "retry_after" and _is_like("", given)):
        raise Refused(f"'{key}' cannot be '{given}'; it is, for example, {example!r}.")


def _is_like(example: Any, given: Any) -> bool:
    """Numbers for numbers, text for text; what has no example, and may be absent, is a number."""
    if example is None:
        return given is None or isinstance(given, int)
    if isinstance(example, int | float):
        return isinstance(given, int | float) and 0 <= given < 1e9
    if isinstance(example, str):
        return isinstance(given, str) and given.isprintable()
    return isinstance(given, type(example))


def any_on() -> bool:
    """Whether it is worth finding out what a request is about."""
    return bool(_faults)


def take(group: str, target: Target) -> Fault | None:
    """The first fault of a group that fits, counted down by one."""
    return _take(lambda fault: KINDS[fault.kind].group == group and fault.fits(target))


def take_kind(kind: str, target: Target) -> Fault | None:
    """The first fault of one kind that fits, counted down by one."""
    return _take(lambda fault: fault.kind == kind and fault.fits(target))


def _take(is_due: Callable[[Fault], bool]) -> Fault | None:
    if not _faults:
        return None
    with _lock:
        fault = next(filter(is_due, _faults), None)
        if fault:
            _count_down(fault)
            _request.befallen = (*befallen(), fault.kind)
    return fault


def forget_befallen() -> None:
    """A new request begins in this thread."""
    _request.befallen = ()


def befallen() -> tuple[str, ...]:
    """What has befallen the request of this thread."""
    return getattr(_request, "befallen", ())


def _count_down(fault: Fault) -> None:
    if fault.times is None:
        return
    fault.times -= 1
    if fault.times == 0:
        _faults.remove(fault)


def switched_on() -> list[dict[str, Any]]:
    with _lock:
        return [{**asdict(fault), "scope": str(fault.scope)} for fault in _faults]


def switch_off(number: int | None = None) -> int:
    """Switch one off, or all; says how many."""
    with _lock:
        doomed = [fault for fault in _faults if number in (None, fault.id)]
        for fault in doomed:
            _faults.remove(fault)
    return len(doomed)
