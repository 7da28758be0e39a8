"""The faults that are switched on: what goes wrong, where, for whom and how often."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

WHERE: Final = {
    "any": "every request",
    "arm": "every request to ARM",
    "entra": "every request to Entra",
    "put": "PUT of an endpoint",
    "delete": "DELETE of an endpoint",
    "resource": "GET of an endpoint",
    "list": "list of a workspace's endpoints",
    "status": "poll of the Azure-AsyncOperation URL",
    "result": "poll of the Location URL",
    "workspace": "GET of a workspace",
    "workspaces": "lists of workspaces",
    "subscriptions": "subscriptions and resource groups",
    "discovery": "OpenID configuration",
    "jwks": "Entra's signing keys",
    "authorize": "Entra's sign-in page",
    "token": "Entra's token endpoint",
}
ENTRA_PLACES: Final = frozenset({"discovery", "jwks", "authorize", "token"})


@dataclass(frozen=True, slots=True)
class Kind:
    group: str
    where: str
    about: str
    settings: dict[str, Any] = field(default_factory=dict)


_BEFORE: Final = {"when": "before"}
KINDS: Final = {
    # Answers instead of the right one; "when": "after" acts first, so that the work is done and the answer lost.
    "throttle": Kind("answer", "arm", "429", {**_BEFORE, "retry_after": 6, "code": "SubscriptionRequestsThrottled"}),
    "server-error": Kind("answer", "any", "500, 502, 503 or 504", {**_BEFORE, "status": 503, "retry_after": None}),
    "drop": Kind("answer", "any", "the connection closes without an answer", dict(_BEFORE)),
    "cut-off": Kind("answer", "any", "the connection closes in the middle of the body", dict(_BEFORE)),
    "slow": Kind("answer", "any", "the answer takes long", {**_BEFORE, "seconds": 10}),
    "html": Kind("answer", "any", "a page of HTML instead of JSON", {**_BEFORE, "status": 502}),
    "broken-json": Kind("answer", "any", "JSON that ends too early", {**_BEFORE, "status": 200}),
    "empty": Kind("answer", "any", "no body at all", {**_BEFORE, "status": 200}),
    "redirect": Kind("answer", "any", "a redirect", {**_BEFORE, "status": 307, "to": "http://127.0.0.1:9/elsewhere"}),
    "refuse": Kind("answer", "put", "an ARM error at once", {**_BEFORE, "cause": "region"}),
    "not-found": Kind("answer", "status", "404 OperationNotFound", dict(_BEFORE)),
    "forbidden": Kind("answer", "status", "403 AuthorizationFailed", dict(_BEFORE)),
    "claims-challenge": Kind("answer", "put", "401 insufficient_claims", {**_BEFORE, "acrs": "p1"}),
    "expired-token": Kind("answer", "arm", "401 ExpiredAuthenticationToken", dict(_BEFORE)),
    # What becomes of an accepted PUT or DELETE.
    "fail": Kind("plan", "put", "accepted, then Failed with an error tree", {"cause": "offer"}),
    "fail-silently": Kind("plan", "put", "accepted, then Failed without any error", {"monitor": "Failed"}),
    "cancel": Kind("plan", "put", "accepted, then Canceled"),
    "never-ends": Kind("plan", "put", "accepted, then nothing"),
    "duration": Kind("plan", "put", "accepted, takes this long", {"seconds": 120}),
    # How the answer to a PUT or DELETE says where to look.
    "no-monitor": Kind("headers", "put", "no Azure-AsyncOperation", {"location": "none"}),
    "foreign-monitor": Kind("headers", "put", "both URLs on another origin", {"origin": "http://127.0.0.1:9"}),
    "retry-after": Kind("headers", "put", "a Retry-After on the answer", {"seconds": 10}),
    # What a read shows.
    "unknown-state": Kind("read", "resource", "states nobody has heard of", {"state": "Hibernating"}),
    "extra-fields": Kind("read", "resource", "fields nobody has heard of"),
    "no-provisioning-state": Kind("read", "resource", "no provisioningState"),
    "unknown-status": Kind("read", "status", "a status nobody has heard of", {"status": "Resolving"}),
    "whole-percent": Kind("read", "status", "percentComplete as a whole number", {"percent": 50}),
    # Entra.
    "revoked": Kind("token", "token", "invalid_grant 50173 on refresh"),
    "mfa-required": Kind("token", "token", "interaction_required 50076 on refresh"),
    "consent-missing": Kind("token", "token", "invalid_grant 65001 on refresh"),
    "secret-expired": Kind("token", "token", "invalid_client 7000222"),
    "bad-id-token": Kind(
        "id-token",
        "token",
        "aud, iss, tid, signature, exp, nonce or auth_time is wrong, or it is one-minute-ahead or ten-minutes-ahead",
        {"flaw": "aud"},
    ),
    "short-token": Kind("id-token", "token", "an access token that ends soon", {"seconds": 360}),
}


@dataclass(slots=True)
class Fault:
    id: int
    kind: str
    where: str
    match: str
    times: int | None
    settings: dict[str, Any]

    def fits(self, where: str, names: tuple[str, ...]) -> bool:
        sort = "entra" if where in ENTRA_PLACES else "arm"
        if self.where not in {"any", sort, where}:
            return False
        return not self.match or any(fnmatchcase(name.casefold(), self.match.casefold()) for name in names)


class Refused(ValueError):
    """A fault that cannot be switched on, in a sentence for whoever asked."""


_lock = threading.Lock()
_faults: list[Fault] = []
_numbers = itertools.count(1)


def switch_on(wish: dict[str, Any]) -> Fault:
    """Read a wish such as {"kind": "throttle", "where": "put", "match": "my-*", "times": 2, "retry_after": 3}."""
    settings = dict(wish)
    name, where, match, times = (settings.pop(key, None) for key in ("kind", "where", "match", "times"))
    kind = KINDS.get(str(name))
    if kind is None:
        raise Refused(f"There is no kind '{name}'. There are: {', '.join(KINDS)}.")
    where = where or kind.where
    if where not in WHERE:
        raise Refused(f"There is no place '{where}'. There are: {', '.join(WHERE)}.")
    if strangers := sorted(settings.keys() - kind.settings.keys()):
        raise Refused(f"'{name}' takes {', '.join(kind.settings) or 'no settings'}, not {', '.join(strangers)}.")
    if times is not None and (not isinstance(times, int) or times < 1):
        raise Refused("'times' is a whole number from 1, or absent for every time.")
    fault = Fault(next(_numbers), str(name), where, str(match or ""), times, {**kind.settings, **settings})
    with _lock:
        _faults.append(fault)
    return fault


def take(group: str, where: str, names: tuple[str, ...]) -> Fault | None:
    """The first fault of a group that fits, counted down by one."""
    return _take(lambda fault: KINDS[fault.kind].group == group and fault.fits(where, names))


def take_kind(kind: str, where: str, names: tuple[str, ...]) -> Fault | None:
    """The first fault of one kind that fits, counted down by one."""
    return _take(lambda fault: fault.kind == kind and fault.fits(where, names))


def _take(is_due: Callable[[Fault], bool]) -> Fault | None:
    if not _faults:
        return None
    with _lock:
        fault = next(filter(is_due, _faults), None)
        if fault:
            _count_down(fault)
    return fault


def _count_down(fault: Fault) -> None:
    if fault.times is None:
        return
    fault.times -= 1
    if fault.times == 0:
        _faults.remove(fault)


def switched_on() -> list[dict[str, Any]]:
    with _lock:
        return [asdict(fault) for fault in _faults]


def switch_off(number: int | None = None) -> int:
    """Switch one off, or all; says how many."""
    with _lock:
        doomed = [fault for fault in _faults if number in (None, fault.id)]
        for fault in doomed:
            _faults.remove(fault)
    return len(doomed)
