"""The faults that are switched on: the kind, the target, the scope and how often."""

import itertools
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatchcase
from typing import Any

from emulator.arm.absences import SHAPES
from emulator.arm.failures import FAILURES
from emulator.fault_kinds import KINDS, SERVICES, TARGETS, Group


@dataclass(frozen=True)
class Target:
    """The subject of a request, as far as it is known. The scope of a fault has patterns for it."""

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
class Scope:
    """Which requests a fault applies to: patterns such as my-*, case-insensitive; an empty one matches everything."""

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
        service = SERVICES.get(target.where, "arm" if target.where else "")
        return self.where in {"any", service, target.where} and self.scope.fits(target)


class InvalidFault(ValueError):
    """Why a fault cannot be switched on, in a sentence."""


_lock = threading.Lock()
_request = threading.local()
_faults: list[Fault] = []
_numbers = itertools.count(1)


def switch_on(spec: dict[str, Any]) -> Fault:
    """Read a spec such as {"kind": "throttle", "where": "put", "name": "my-*", "times": 2, "retry_after": 3}."""
    settings = dict(spec)
    name, where, times = (settings.pop(key, None) for key in ("kind", "where", "times"))
    scope = Scope(**{part.name: str(settings.pop(part.name, "") or "").strip() for part in fields(Scope)})
    kind = KINDS.get(str(name))
    if kind is None:
        raise InvalidFault(f"Unknown kind '{name}'. Kinds: {', '.join(KINDS)}.")
    where = str(where or kind.where)
    if where not in TARGETS:
        raise InvalidFault(f"Unknown target '{where}'. Targets: {', '.join(TARGETS)}.")
    if unknown_keys := sorted(settings.keys() - kind.settings.keys()):
        raise InvalidFault(
            f"'{name}' takes {', '.join(kind.settings) or 'no settings'}, not {', '.join(unknown_keys)}."
        )
    for key, given in settings.items():
        _check_setting(key, given, kind.settings[key])
    if times is not None and (not isinstance(times, int) or times < 1):
        raise InvalidFault("'times' must be a whole number from 1, or absent for every time.")
    fault = Fault(next(_numbers), str(name), where, scope, times, {**kind.settings, **settings})
    with _lock:
        _faults.append(fault)
    return fault


def _check_setting(key: str, given: Any, example: Any) -> None:
    if key == "cause" and given not in [*FAILURES]:
        raise InvalidFault(f"Unknown cause '{given}'. Causes: {', '.join(FAILURES)}.")
    if key == "shape" and given not in [*SHAPES]:
        raise InvalidFault(f"Unknown shape '{given}'. Shapes: {', '.join(SHAPES)}.")
    if key == "status" and isinstance(example, int) and given not in range(200, 600):
        raise InvalidFault(f"'{given}' is not an HTTP status from 200 to 599.")
    # Retry-After may also be a date, or nonsense:
    # https://datatracker.ietf.org/doc/html/rfc9110#section-10.2.3
    if not _is_like(example, given) and not (key == "retry_after" and _is_like("", given)):
        raise InvalidFault(f"'{key}' cannot be '{given}'; it is, for example, {example!r}.")


def _is_like(example: Any, given: Any) -> bool:
    """Numbers for numbers, text for text; a setting whose example is None is a number or absent."""
    if example is None:
        return given is None or isinstance(given, int)
    if isinstance(example, int | float):
        return isinstance(given, int | float) and 0 <= given < 1e9
    if isinstance(example, str):
        return isinstance(given, str) and given.isprintable()
    return isinstance(given, type(example))


def any_on(group: Group | None = None) -> bool:
    """Whether it is worth finding the target of a request, or looking for a fault of this group."""
    if group is None:
        return bool(_faults)
    with _lock:
        return any(KINDS[fault.kind].group == group for fault in _faults)


def take(group: Group, target: Target) -> Fault | None:
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
            _request.applied = (*applied(), fault.kind)
    return fault


def start_request() -> None:
    """A new request begins in this thread."""
    _request.applied = ()


def applied() -> tuple[str, ...]:
    """The kinds of the faults that changed the request of this thread."""
    return getattr(_request, "applied", ())


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
    """Switch one fault off, or all of them; returns how many."""
    with _lock:
        removed = [fault for fault in _faults if number in (None, fault.id)]
        for fault in removed:
            _faults.remove(fault)
    return len(removed)
