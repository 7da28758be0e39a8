"""The end of a deletion: Deleted takes two proofs of absence, some seconds apart.

A DELETE that Azure reported as finished counts as both: then any 404 about the resource confirms it.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from endpoints.arm.absence import Absence, absence
from endpoints.arm.headers import retry_after
from endpoints.arm.http import ArmResponse
from endpoints.arm.operations import Done, InProgress, Outcome, PollState
from endpoints.arm.serverless_endpoint import ServerlessEndpoint
from endpoints.engine.creation import MAX_SENDS, send_again, show_found
from endpoints.engine.provenance import created
from endpoints.engine.update import (
    RowUpdate,
    client_error,
    could_not_read,
    deadline,
    in_progress,
    is_past_deadline,
    next_poll,
    settle,
    settle_with_error,
    timed_out,
)
from endpoints.models import Operation
from endpoints.observed import observed_columns, state_of
from endpoints.states import Phase, State

PROOFS = 2
BETWEEN_PROOFS = timedelta(seconds=5)
# A resource that ARM just accepted may be missing from its next responses for a moment, and a deleted one still there.
MAX_MISSING = 3


def on_never_sent(operation: Operation, response: ArmResponse | None, now: datetime) -> RowUpdate:
    """A creation that was never sent left nothing to delete. Another endpoint of its name is shown, not deleted."""
    resource = ServerlessEndpoint.from_json(response.object if response and response.status == 200 else {})
    if resource.is_resource:
        name = operation.endpoint.name
        text = f"Nothing was deleted: Azure holds an endpoint named {name}{created(resource)}, not requested here."
        return show_found(operation, resource, client_error("CreatedElsewhere", text), now)
    text = "Deleted here. Nothing was ever sent to Azure, so nothing was deleted there."
    return replace(settle(operation, Done(Outcome.SUCCEEDED), now), text=text, confirmed=False)


def on_refused_as_missing(operation: Operation, response: ArmResponse, now: datetime) -> RowUpdate:
    """DELETE returned 404. About the resource itself, that is a first proof; any other did not reach the service."""
    kind = absence(response, operation.endpoint.arm_id)
    if kind in {Absence.OF_PARENT, Absence.UNKNOWN}:
        update = could_not_read(operation, response, now)
        return update if update.is_settled else replace(update, operation={**update.operation, "phase": Phase.QUEUED})
    columns = {
        # If the resource turns out to exist, the DELETE is sent again.
        "phase": Phase.SENDING,
        "absences": int(kind is Absence.PROVED),
        "faults": 0,
        "unreadable": 0,
        "next_step_at": now + BETWEEN_PROOFS,
    }
    return RowUpdate(columns, State.DELETING, text="Azure returned 404.", confirmed=False)


def on_deletion_read(operation: Operation, response: ArmResponse, now: datetime) -> RowUpdate:
    """A GET of what is being deleted."""
    if response.status == 404:
        return _on_missing(operation, response, now)
    if response.status != 200:
        return settle_with_error(operation, response, now)
    resource = ServerlessEndpoint.from_json(response.object)
    if not resource.is_resource:
        return could_not_read(operation, response, now)
    if is_past_deadline(operation, now):
        return replace(settle(operation, timed_out(), now), endpoint=observed_columns(resource, now))
    if resource.provisioning_state.lower() == "deleting":
        state = PollState("DELETE", confirming=operation.phase == Phase.CONFIRMING)
        step = InProgress(state, retry_after(response), resource.provisioning_state, response.object)
        return _without_first_proof(operation, in_progress(operation, step, now))
    return _without_first_proof(operation, _still_there(operation, response, resource, now))


def _on_missing(operation: Operation, response: ArmResponse, now: datetime) -> RowUpdate:
    kind = absence(response, operation.endpoint.arm_id)
    proofs = operation.absences + (kind is Absence.PROVED)
    if kind in {Absence.PROVED, Absence.LIKELY} and proofs >= PROOFS:
        return settle(operation, Done(Outcome.SUCCEEDED), now)
    if kind is not Absence.PROVED:
        return could_not_read(operation, response, now)
    columns = {
        "absences": proofs,
        "faults": 0,
        "unreadable": 0,
        "next_step_at": now + BETWEEN_PROOFS,
        # Not before: the proofs must be some seconds apart.
        "has_retry_after": True,
    }
    return RowUpdate(columns, State.DELETING, text="Azure does not show it any more; reading once more.")


def _without_first_proof(operation: Operation, update: RowUpdate) -> RowUpdate:
    """The resource exists, so a single proof of its absence was wrong."""
    if operation.absences != 1:
        return update
    return replace(update, operation={**update.operation, "absences": 0}, is_unchanged=False)


def _still_there(operation: Operation, response: ArmResponse, resource: ServerlessEndpoint, now: datetime) -> RowUpdate:
    observed = observed_columns(resource, now)
    if operation.phase == Phase.SENDING and operation.sends < MAX_SENDS:
        update = send_again(operation, State.DELETING, "Azure still holds it; sending the deletion again.", now)
        return replace(update, endpoint=observed)
    if operation.confirmations < MAX_MISSING:
        columns = {
            "phase": Phase.CONFIRMING,
            "confirmations": operation.confirmations + 1,
            "next_step_at": next_poll(deadline(operation, now), operation.confirmations, retry_after(response), now),
        }
        return RowUpdate(columns, State.DELETING, endpoint=observed)
    failed = client_error("NotDeleted", "Azure reported the end of the deletion and still shows the endpoint.")
    state, reason = state_of(resource)
    update = replace(settle(operation, failed, now), endpoint=observed, state=state, reason=reason)
    return replace(
        update, text=operation.spec.failed_text.format(cause="Azure still shows the endpoint"), confirmed=True
    )
