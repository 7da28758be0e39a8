"""What happens to endpoints without anybody here asking for it."""

from dataclasses import replace

from emulator import clock, faults, state
from emulator.arm.resources import model_of
from emulator.faults import Target
from emulator.state import Resource

OTHER = "somebody.else@emulator.test"
# Until which part of its suspension an endpoint shows which word.
WORDS = ((0.1, "Suspending"), (0.7, "Suspended"), (1.0, "Reinstating"))


def befall(rows: dict[str, Resource], key: str, target: Target) -> None:
    """Let others have done to an endpoint what the faults say they did."""
    row = rows.get(key)
    if row is None or not faults.any_on():
        return
    about = replace(target, name=row.document["name"], model=model_of(row.document))
    is_online = row.document["properties"]["endpointState"] == "Online"
    if faults.take_kind("deleted-elsewhere", about):
        del rows[key]
    elif fault := faults.take_kind("changed-elsewhere", about):
        system = {"By": OTHER, "ByType": "User", "At": clock.iso(clock.now())}
        row.document["tags"] = dict(fault.settings["tags"])
        row.document["systemData"] |= {f"lastModified{name}": value for name, value in system.items()}
    elif is_online and row.suspended_at is None and (fault := faults.take_kind("suspended", about)):
        row.suspended_at, row.suspended_seconds = clock.now(), float(fault.settings["seconds"])
        go_on(row, row.suspended_at)
    else:
        return
    state.changed()


def go_on(row: Resource, since: float) -> None:
    """Bring a suspended endpoint to where it is by now."""
    part = (clock.now() - since) / row.suspended_seconds if row.suspended_seconds else 1.0
    row.document["properties"]["endpointState"] = next((word for end, word in WORDS if part < end), "Online")
    if part >= 1:
        row.suspended_at = None
        state.changed()
