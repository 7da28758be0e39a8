"""What users decide about a drift: accept what Azure holds, or send the request again."""

from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts import audit
from accounts.actor import Actor
from endpoints import history
from endpoints.drift import Difference, accepted, drift_of, restoring_update
from endpoints.kinds import Kind
from endpoints.models import Endpoint, Operation
from endpoints.services import Busy, requestable, update_endpoint
from endpoints.versions import bump


class Outdated(Exception):
    """Azure holds something else by now than the user has seen."""

    def __init__(self) -> None:
        super().__init__("Azure holds something else by now, so nothing was done. Compare again below.")


def accept_drift(endpoint: Endpoint, seen_hash: str, actor: Actor) -> None:
    """Make what Azure holds the request. Raises Outdated, and Busy while an operation runs."""
    with transaction.atomic():
        locked = Endpoint.objects.select_for_update(of=("self",), no_key=True).select_related("workspace")
        endpoint = locked.get(pk=endpoint.pk)
        differences = _differences(endpoint, seen_hash)
        if endpoint.observed is None or not differences:
            return
        if Kind.UPDATE not in requestable(endpoint):
            raise Busy(endpoint)
        requested = accepted(endpoint.requested, endpoint.observed)
        Endpoint.objects.filter(pk=endpoint.pk).update(
            requested=requested, drift=None, drift_since=None, version=F("version") + 1
        )
        text = f"Accepted what Azure holds: {'; '.join(map(in_words, differences))}."
        history.add_endpoint_event(endpoint.pk, text, timezone.now(), actor=actor.user)
        audit.record("drift-accepted", actor, target=endpoint.arm_id, details={"differences": differences})
        bump(endpoint.workspace_id)


def send_again(endpoint: Endpoint, seen_hash: str, submission_id: UUID, actor: Actor) -> Operation | None:
    """Queue a PATCH with what was requested, as far as a PATCH can change it.

    None if there is nothing to send. Raises Outdated, Busy and Gone.
    """
    if not _differences(endpoint, seen_hash) or endpoint.observed is None:
        return None
    update = restoring_update(endpoint.requested, endpoint.observed)
    return update_endpoint(endpoint, update, submission_id, actor) if update else None


def in_words(difference: Difference) -> str:
    """Like "Tag team, a → b"."""
    before, after = difference["before"] or "not set", difference["after"] or "not set"
    return f"{difference['field']}, {before} → {after}"


def _differences(endpoint: Endpoint, seen_hash: str) -> list[Difference]:
    """Raises Outdated."""
    if endpoint.observed_hash != seen_hash:
        raise Outdated
    return drift_of(endpoint.requested, endpoint.observed) if endpoint.observed and endpoint.drift else []
