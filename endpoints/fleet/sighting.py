"""Bring one row in line with its endpoint as Azure showed it.

Reading confers nothing: an endpoint that was made elsewhere belongs to no one here, until an Admin adopts it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F
from django.utils.dateparse import parse_datetime

from accounts import audit
from endpoints import history
from endpoints.arm.serverless_endpoint import ServerlessEndpoint
from endpoints.drift import Difference, changes_between, drift_of
from endpoints.engine.provenance import is_foreign
from endpoints.kinds import CREATIONS
from endpoints.models import Endpoint, Operation, Workspace
from endpoints.observed import hash_of, observed_columns, state_of
from endpoints.parking import end_parked
from endpoints.states import State, Urgency

# After a deletion, ARM's lists may show an endpoint for a moment longer.
# https://learn.microsoft.com/en-us/azure/azure-resource-manager/troubleshooting/error-not-found
STALE_AFTER_DELETION = timedelta(minutes=2)
MAX_NAME = 255


@dataclass(frozen=True)
class Sighting:
    """One read of Azure: when it began, who read, and the time of the record."""

    began: datetime
    read_as: str
    now: datetime


@dataclass
class Change:
    """The columns of a row and what its history says about them."""

    columns: dict[str, Any] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    audited: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    is_shown: bool = False


def found(workspace: Workspace, resources: Mapping[str, ServerlessEndpoint], sighting: Sighting) -> None:
    """Add the rows of endpoints, given by name, that were not created here."""
    rows = [_found_row(workspace, name, resource, sighting) for name, resource in resources.items()]
    Endpoint.objects.bulk_create(rows)
    news = list(zip(rows, resources.values(), strict=True))
    history.add_endpoint_events(
        ((row.pk, _found_text(resource), row.state) for row, resource in news), sighting.now, read_as=sighting.read_as
    )
    audit.record_for_azure((*_found_audit(resource), row.arm_id) for row, resource in news)


def _found_row(workspace: Workspace, name: str, resource: ServerlessEndpoint, sighting: Sighting) -> Endpoint:
    return Endpoint(
        workspace=workspace,
        name=name,
        created_at=sighting.now,
        **_shown(*state_of(resource), sighting.now),
        **_observed(resource, sighting),
    )


def seen(row: Endpoint, resource: ServerlessEndpoint, sighting: Sighting, *, is_parked: bool = False) -> bool:
    """Update the row of an endpoint that Azure showed; returns whether that is final.

    False if the read began before the latest change of the row: then the next read decides. A parked operation keeps
    its state.
    """
    if sighting.began < _latest_change(row) or _is_stale(row, resource, sighting):
        return False
    is_same = is_same_resource(row, resource)
    if is_parked and not is_same:
        # Else its sign-in would send it to the other endpoint.
        end_parked(row, "CreatedElsewhere", _replaced_text, sighting.now)
    change = _change(row, resource, sighting, is_parked) if is_same else _new_generation(row, resource, sighting)
    return save(row, change, sighting) if change.columns else True


def save(row: Endpoint, change: Change, sighting: Sighting) -> bool:
    """Write the change with its history; False if the row has changed since it was read."""
    columns = dict(change.columns)
    if change.is_shown:
        columns["version"] = F("version") + 1
    if not Endpoint.objects.filter(pk=row.pk, version=row.version).update(**columns):
        return False
    _record(row, change, sighting)
    return True


def _change(row: Endpoint, resource: ServerlessEndpoint, sighting: Sighting, is_parked: bool) -> Change:
    change = Change()
    if row.observed_hash != hash_of(resource):
        _settings_change(change, row, resource, sighting)
    if not is_parked:
        _state_change(change, row, resource, sighting)
    if row.listed_as != sighting.read_as:
        change.columns["listed_as"] = sighting.read_as
    if row.missing_since or row.problem:
        change.columns |= {"missing_since": None, "problem": "", "problem_since": None}
        change.is_shown = True
    return change


def _settings_change(change: Change, row: Endpoint, resource: ServerlessEndpoint, sighting: Sighting) -> None:
    change.columns |= _observed(resource, sighting)
    change.is_shown = True
    drift = drift_of(row.requested, resource) or None
    if drift != row.drift:
        change.columns |= {"drift": drift, "drift_since": drift and (row.drift_since or sighting.now)}
    if row.observed is None:
        return
    if differences := changes_between(row.observed, resource):
        by = modified_by(row.observed, resource)
        change.texts += [_changed_text(difference, by) for difference in differences]
        change.audited.append(("changed-in-azure", {**_who(resource), "changes": differences}))


def _state_change(change: Change, row: Endpoint, resource: ServerlessEndpoint, sighting: Sighting) -> None:
    state, reason = state_of(resource)
    if state == row.state == State.FAILED:
        reason = row.reason  # the failed operation said why, the resource only says that
    if (state, reason) == (row.state, row.reason):
        return
    change.columns |= _shown(state, reason, sighting.now, since=row.state_since if state == row.state else None)
    change.is_shown = True
    change.texts.append(_state_text(row, state, reason))


def _new_generation(row: Endpoint, resource: ServerlessEndpoint, sighting: Sighting) -> Change:
    """Azure holds another endpoint under the name: its row starts over, without an owner."""
    columns = {
        "owner": None,
        "requested": ServerlessEndpoint(),
        "sent_at": None,
        "drift": None,
        "drift_since": None,
        "missing_since": None,
        "problem": "",
        "problem_since": None,
        **_shown(*state_of(resource), sighting.now),
        **_observed(resource, sighting),
    }
    return Change(columns, [_found_text(resource)], [_found_audit(resource)], is_shown=True)


def is_same_resource(row: Endpoint, resource: ServerlessEndpoint) -> bool:
    """Whether Azure's resource is the one that the row is about, rather than another one of that name."""
    if row.observed is not None:
        before, created = _time(row.observed.system_data.created_at), _time(resource.system_data.created_at)
        return before is None or created is None or before == created
    operation = row.operations.filter(kind__in=CREATIONS).order_by("-requested_at").first()
    return row.sent_at is not None and operation is not None and not is_foreign(operation, resource)


def modified_by(before: ServerlessEndpoint, after: ServerlessEndpoint) -> str:
    """Who made the latest change, if Azure says that there was one."""
    data = after.system_data
    return data.last_modified_by if data.last_modified_at != before.system_data.last_modified_at else ""


def _is_stale(row: Endpoint, resource: ServerlessEndpoint, sighting: Sighting) -> bool:
    is_deleted = row.state == State.DELETED and is_same_resource(row, resource)
    return is_deleted and sighting.began < row.state_since + STALE_AFTER_DELETION


def _latest_change(row: Endpoint) -> datetime:
    return max(row.changed_at, row.observed_at or row.changed_at)


def _observed(resource: ServerlessEndpoint, sighting: Sighting) -> dict[str, Any]:
    # Whatever the item is, its hash is kept, so that it is not compared again until it changes.
    columns = {"observed": resource, "observed_at": sighting.now, "observed_hash": hash_of(resource)}
    return (
        columns
        | observed_columns(resource, sighting.now)
        | {"listed_as": sighting.read_as, "confirmed_at": sighting.now}
    )


def _shown(state: State, reason: str, now: datetime, since: datetime | None = None) -> dict[str, Any]:
    return {
        "state": state,
        "reason": reason[:300],
        "urgency": Urgency.of(state),
        "state_since": since or now,
        "changed_at": now,
    }


def _record(row: Endpoint, change: Change, sighting: Sighting) -> None:
    new_state = change.columns.get("state", row.state)
    state = new_state if new_state != row.state else ""
    for number, text in enumerate(change.texts):
        is_last = number == len(change.texts) - 1
        shown = state if is_last else ""
        history.add_endpoint_event(row.pk, text, sighting.now, state=shown, read_as=sighting.read_as)
    for action, details in change.audited:
        audit.record(action, None, target=row.arm_id, details=details)


def _replaced_text(operation: Operation) -> str:
    return f"Azure holds another endpoint named {operation.endpoint.name}, created by others. Nothing was sent to it."


def _found_text(resource: ServerlessEndpoint) -> str:
    data = resource.system_data
    by = f" by {data.created_by}" if data.created_by else ""
    at = f" at {data.created_at[:19].replace('T', ' ')} UTC" if data.created_at else ""
    return f"Found in Azure. It was not created here{f', but{by}{at}' if by or at else ''}."


def _found_audit(resource: ServerlessEndpoint) -> tuple[str, dict[str, Any]]:
    data = resource.system_data
    return "found-in-azure", {"by": data.created_by, "type": data.created_by_type, "at": data.created_at}


def _who(resource: ServerlessEndpoint) -> dict[str, Any]:
    data = resource.system_data
    return {"by": data.last_modified_by, "type": data.last_modified_by_type, "at": data.last_modified_at}


def _changed_text(difference: Difference, by: str) -> str:
    who = f" by {by}" if by else ""
    before, after = difference["before"] or "not set", difference["after"] or "not set"
    return f"Changed in Azure{who}: {difference['field']}, {before} → {after}."


def _state_text(row: Endpoint, state: State, reason: str) -> str:
    if state.is_working:
        return f"{state.label} in Azure, not requested here."
    return f"{state.label}: {reason}" if reason else f"{state.label}, as Azure reports."


def _time(text: str) -> datetime | None:
    try:
        return parse_datetime(text) if text else None
    except ValueError:
        return None
