"""The tables of kinds and states are complete."""

import pytest

from endpoints.kinds import ALLOWED, KINDS, Kind
from endpoints.states import State


@pytest.mark.parametrize("kind", Kind)
def test_kind_has_a_row(kind: Kind) -> None:
    assert kind.spec is KINDS[kind]


@pytest.mark.parametrize("state", State)
def test_every_state_lists_what_it_allows(state: State) -> None:
    assert ALLOWED[state] <= set(Kind)


@pytest.mark.parametrize("state", [state for state in State if state.is_working])
def test_working_state_allows_nothing(state: State) -> None:
    assert not ALLOWED[state]


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind.spec.replaces_parked])
def test_kind_that_replaces_parked_is_allowed_there(kind: Kind) -> None:
    assert kind in ALLOWED[State.NEEDS_SIGN_IN]
