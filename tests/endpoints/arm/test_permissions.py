"""Permissions as Azure lists them."""

import pytest

from endpoints.arm.permissions import Permission, complete_list

READ_AND_WRITE = Permission(actions=("A/*/read", "A/b/Write"), not_actions=("A/secrets/*",))


@pytest.mark.parametrize(
    ("action", "allowed"),
    [("A/b/read", True), ("a/B/write", True), ("A/b/delete", False), ("A/secrets/read", False)],
)
def test_not_actions_win_and_case_does_not_matter(action: str, allowed: bool) -> None:
    assert READ_AND_WRITE.allows(action) is allowed


def test_missing_lists_of_actions_allow_nothing() -> None:
    assert complete_list({"value": [{}, {"actions": None, "notActions": None}]}) == [Permission((), ())] * 2


@pytest.mark.parametrize("body", [{}, {"value": "x"}, {"value": [], "nextLink": "https://example.org/2"}])
def test_incomplete_list_is_not_read(body: dict[str, object]) -> None:
    assert complete_list(body) is None
