"""Changes to endpoints that no one made through this API: a deletion, a change of tags, a suspension."""

from dataclasses import replace

from emulator import clock, faults, state
from emulator.arm.resources import model_of
from emulator.fault_kinds import Group
from emulator.faults import Target
from emulator.state import Resource

OTHER_USER = "somebody.else@emulator.test"
# How far into its suspension an endpoint still shows which state.
SUSPENSION_STATES = ((0.1, "Suspending"), (0.7, "Suspended"), (1.0, "Reinstating"))


def apply(rows: dict[str, Resource], key: str, target: Target) -> None:
    """Do to an endpoint what the faults say that others did."""
    row = rows.get(key)
    if row is None or not faults.any_on(Group.EXTERNAL):
        return
    target = replace(target, name=row.document["name"], model=model_of(row.document))
    is_online = row.document["properties"]["endpointState"] == "Online"
    if faults.take_kind("deleted-elsewhere", target):
        del rows[key]
    elif fault := faults.take_kind("changed-elsewhere", target):
        change_tags(row, fault.settings["tags"])
    elif is_online and row.suspended_at is None and (fault := faults.take_kind("suspended", target)):
        row.suspended_at, row.suspended_seconds = clock.now(), float(fault.settings["seconds"])
        update_suspension(row, row.suspended_at)
    else:
        return
    state.changed()


def change_tags(row: Resource, tags: dict[str, str]) -> None:
    modified = {"By": OTHER_USER, "ByType": "User", "At": clock.iso(clock.now())}
    row.document["tags"] = dict(tags)
    row.document["systemData"] |= {f"lastModified{name}": value for name, value in modified.items()}


def update_suspension(row: Resource, since: float) -> None:
    """Show the state that a suspended endpoint is in by now."""
    part = (clock.now() - since) / row.suspended_seconds if row.suspended_seconds else 1.0
    states = (name for end, name in SUSPENSION_STATES if part < end)
    row.document["properties"]["endpointState"] = next(states, "Online")
    if part >= 1:
        row.suspended_at = None
        state.changed()
