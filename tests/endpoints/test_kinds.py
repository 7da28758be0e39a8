"""The states in which each kind of operation can be requested."""

import pytest

from endpoints.kinds import ALLOWED
from endpoints.models import Endpoint, Operation
from endpoints.services import requestable, resume_parked
from endpoints.states import State

CHANGES = {"update", "delete", "regenerate-key"}
# Written out, independent of the code.
EXPECTED = {
    "queued": set(),
    "creating": set(),
    "updating": set(),
    "deleting": set(),
    "needs-sign-in": {"delete"},
    "online": CHANGES,
    "degraded": CHANGES,
    "failed": CHANGES | {"create"},
    "unknown": CHANGES | {"create"},
    "deleted": {"create"},
}


@pytest.mark.parametrize("state", State)
def test_state_allows_these_kinds(state: State) -> None:
    assert {kind.value for kind in ALLOWED[state]} == EXPECTED[state.value]


def test_quarantined_operation_allows_nothing(chat: Endpoint) -> None:
    unsettle(chat, State.UNKNOWN)
    assert requestable(chat) == set()


def test_resumed_operation_allows_nothing(chat: Endpoint) -> None:
    operation = unsettle(chat, State.NEEDS_SIGN_IN)
    Operation.objects.filter(pk=operation.pk).update(needs_sign_in=True)
    assert requestable(chat) == {"delete"}
    resume_parked(operation.requested_by)
    assert requestable(chat) == set()


def unsettle(endpoint: Endpoint, state: State) -> Operation:
    """Put the endpoint's operation back to work, in this state."""
    endpoint.operations.update(settled_at=None, phase="following")
    endpoint.state = state
    endpoint.save(update_fields=["state"])
    return endpoint.operations.get()
