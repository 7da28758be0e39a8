"""From a complete list of a workspace to its rows: what appeared, changed, was suspended, or vanished."""

from datetime import timedelta
from operator import itemgetter
from uuid import UUID

from accounts import audit
from endpoints.arm.json_fields import JsonObject
from endpoints.arm.serverless_endpoint import ServerlessEndpoint
from endpoints.fleet.sighting import MAX_NAME, Change, Sighting, found, save, seen
from endpoints.models import Endpoint, EndpointCheck, Operation, Workspace
from endpoints.states import State, Urgency

# Two proofs of absence are this far apart.
SECOND_PROOF_AFTER = timedelta(seconds=5)
# ARM may not list an endpoint for a while after it accepted the PUT.
# https://learn.microsoft.com/en-us/azure/azure-resource-manager/troubleshooting/error-not-found
NOT_LISTED_YET = timedelta(minutes=2)


def reconcile(workspace: Workspace, items: list[JsonObject], sighting: Sighting) -> bool:
    """Apply the list within the caller's transaction; returns whether that is final.

    It is not if some row waits for the next read: because an operation runs on it, because it changed after the list
    began, because ARM may not list it yet, or because its absence needs a second proof.
    """
    rows = {row.name.lower(): row for row in _rows(workspace)}
    running, parked = busy(workspace.pk)
    is_final = True
    new: dict[str, ServerlessEndpoint] = {}
    named = _resources(items)
    for name, resource in named.items():
        row = rows.pop(name.lower(), None)
        if row is None:
            new[name] = resource
        elif row.pk in running:
            is_final = False
        elif resource.is_resource:  # an item without properties shows that the endpoint exists, and no more
            is_final &= seen(row, resource, sighting, is_parked=row.pk in parked)
    found(workspace, new, sighting)
    for row in rows.values():
        if row.pk in running or not _can_vanish(row, sighting):
            continue
        is_final = False
        if not _may_be_unlisted(row, sighting):
            # Azure may answer an empty list while the resource provider is not registered, which proves nothing, and an
            # item without a name may be the endpoint.
            not_listed(row, sighting, is_proof=bool(items) and all(map(_name, items)))
    return is_final


def busy(workspace_id: UUID) -> tuple[set[UUID], set[UUID]]:
    """The endpoints with a running operation, and those whose operation waits for a sign-in."""
    operations = Operation.objects.filter(endpoint__workspace=workspace_id, settled_at=None)
    running: set[UUID] = set()
    parked: set[UUID] = set()
    for endpoint_id, needs_sign_in in operations.values_list("endpoint_id", "needs_sign_in"):
        (parked if needs_sign_in else running).add(endpoint_id)
    return running, parked


def not_listed(row: Endpoint, sighting: Sighting, *, is_proof: bool) -> None:
    """A complete list did not show the endpoint: check it by itself, and believe a second list too."""
    # RBAC may hide single endpoints, so a list counts only if its reader has listed this endpoint before.
    is_proof = is_proof and row.listed_as == sighting.read_as
    if is_proof and absent(row, sighting):
        return
    due_at = sighting.now + SECOND_PROOF_AFTER if is_proof else sighting.now
    EndpointCheck.objects.get_or_create(endpoint=row, defaults={"requested_at": sighting.now, "due_at": due_at})


def absent(row: Endpoint, sighting: Sighting) -> bool:
    """Note a proof of absence; with the second one, some seconds after the first, the endpoint is deleted.

    Returns whether it is.
    """
    if row.missing_since is None:
        save(row, Change({"missing_since": sighting.began}), sighting)
        return False
    if sighting.began < row.missing_since + SECOND_PROOF_AFTER:
        return False
    return delete_row(row, sighting, "Deleted in Azure, not from here.")


def delete_row(row: Endpoint, sighting: Sighting, text: str, reason: str = "") -> bool:
    """Show an endpoint as deleted, or as failed if Azure never held it."""
    state = State.DELETED if row.observed_at else State.FAILED
    columns = {
        "state": state,
        "reason": reason if row.observed_at else "It does not exist in Azure.",
        "urgency": Urgency.of(state),
        "state_since": sighting.now,
        "changed_at": sighting.now,
        "confirmed_at": sighting.now,
        "inference_uri": "",
        "missing_since": None,
        "problem": "",
        "problem_since": None,
        "drift": None,
        "drift_since": None,
    }
    if not row.observed_at:
        text = "It does not exist in Azure."
    change = Change(columns, [text], is_shown=True)
    if row.observed_at:
        change.audited.append(("deleted-in-azure", {}))
    return save(row, change, sighting)


def workspace_vanished(workspace: Workspace, sighting: Sighting) -> None:
    """Azure answered twice that the workspace does not exist: its endpoints went with it."""
    Workspace.objects.filter(pk=workspace.pk).update(gone_at=sighting.now)
    running, _ = busy(workspace.pk)
    for row in _rows(workspace):
        if row.pk not in running and row.state != State.DELETED and row.observed_at:
            delete_row(row, sighting, "Its workspace was deleted in Azure.", "Its workspace was deleted in Azure.")
    audit.record("workspace-gone", None, target=workspace.arm_id)


def _rows(workspace: Workspace) -> list[Endpoint]:
    rows = list(Endpoint.objects.filter(workspace=workspace).defer("observed").order_by("name", "pk"))
    for row in rows:
        row.workspace = workspace
    return rows


def _resources(items: list[JsonObject]) -> dict[str, ServerlessEndpoint]:
    """By name, in the order in which rows are locked. Names compare without case."""
    named = {name.lower(): (name, item) for item in items if (name := _name(item))}
    return {name: ServerlessEndpoint.from_json(item) for name, item in sorted(named.values(), key=itemgetter(0))}


def _name(item: JsonObject) -> str:
    """From the id if it is not given otherwise; empty if neither can be read."""
    name, arm_id = item.get("name"), item.get("id")
    if not (name and isinstance(name, str)):
        name = arm_id.rpartition("/")[2] if isinstance(arm_id, str) else ""
    return name[:MAX_NAME]


def _can_vanish(row: Endpoint, sighting: Sighting) -> bool:
    """Whether its absence from a list is news: Azure held it, or may have, and nothing is newer than the list."""
    if row.state == State.DELETED or not row.is_ours:
        return False
    if row.state == State.FAILED and row.observed_at is None:
        return False
    return sighting.began >= max(row.changed_at, row.observed_at or row.changed_at)


def _may_be_unlisted(row: Endpoint, sighting: Sighting) -> bool:
    """Whether its PUT is so recent that ARM may not list it yet."""
    return row.sent_at is not None and sighting.began < row.sent_at + NOT_LISTED_YET
