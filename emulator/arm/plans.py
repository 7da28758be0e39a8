"""How operations end: decided by a fault, or by the name of the resource."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emulator import faults
from emulator.fault_kinds import Group
from emulator.faults import Target
from emulator.options import options

# The resource may be ready a little before or after the status says so, and clients must handle both. A deleted
# resource is gone by then.
DRIFT = 0.15
# How long each takes compared with the creation of an endpoint.
RELATIVE_DURATION = {"create": 1.0, "update": 0.5, "patch": 0.25, "delete": 0.4, "regenerate": 0.1}


@dataclass(frozen=True)
class Plan:
    """How an operation ends. By default it succeeds after a random time."""

    outcome: str = "Succeeded"
    # The outcome in the status document, if it differs.
    status_outcome: str = ""
    # A key of FAILURES.
    cause: str = ""
    never_ends: bool = False
    seconds: float | None = None
    factor: float = 1.0


@dataclass(frozen=True)
class MagicName:
    """A prefix of names that decides how the creation ends."""

    plan: Plan
    about: str


def failing(cause: str) -> Plan:
    return Plan("Failed", cause=cause)


MAGIC_NAMES = {
    "fail-region-": MagicName(failing("region"), "fails: the model is not available in the region"),
    "fail-offer-": MagicName(failing("offer"), "fails: the marketplace offer is missing"),
    "fail-taken-": MagicName(failing("taken"), "fails: the name is taken"),
    "fail-quota-": MagicName(failing("quota"), "fails: the quota is used up"),
    "fail-payment-": MagicName(failing("payment"), "fails: no valid payment method"),
    "break-": MagicName(Plan("Failed"), "fails without a reason"),
    "never-": MagicName(Plan(never_ends=True), "never ends"),
    "slow-": MagicName(Plan(factor=4.0), "takes four times as long"),
}
PLAN_OF_FAULT: dict[str, Callable[[dict[str, Any]], Plan]] = {
    "fail": lambda settings: failing(settings["cause"]),
    "fail-silently": lambda settings: Plan("Failed", status_outcome=settings["monitor"]),
    "cancel": lambda settings: Plan("Canceled"),
    "never-ends": lambda settings: Plan(never_ends=True),
    "duration": lambda settings: Plan(seconds=float(settings["seconds"])),
}


def plan_of(kind: str, name: str, target: Target) -> Plan:
    """A fault wins over a magic name, which decides about creations only, so that the endpoint can be deleted."""
    if fault := faults.take(Group.PLAN, target):
        return PLAN_OF_FAULT[fault.kind](fault.settings)
    if kind != "create":
        return Plan()
    return next((magic.plan for prefix, magic in MAGIC_NAMES.items() if name.lower().startswith(prefix)), Plan())


def ends_of(kind: str, now: float, plan: Plan, target: Target) -> tuple[float | None, float | None]:
    """When the status ends, and when the resource shows it."""
    seconds = 0.0 if faults.take_kind("at-once", target) else duration(kind, plan)
    if plan.never_ends:
        return None, None
    fault, latest = faults.take_kind("drift", target), 0.0 if kind == "delete" else DRIFT
    drift = float(fault.settings["seconds"]) if fault else seconds * random.uniform(-DRIFT, latest)  # noqa: S311
    return now + seconds, now + seconds + drift


def duration(kind: str, plan: Plan) -> float:
    if plan.seconds is not None:
        return plan.seconds
    low, high = options().provisioning_seconds
    return random.uniform(low, high) * RELATIVE_DURATION[kind] * plan.factor  # noqa: S311
