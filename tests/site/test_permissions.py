"""The table in docs/permissions.md: every effect, tried by every kind of user."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from emulator.directory import CLIENT_ID
from endpoints.models import Endpoint, Workspace
from tests.accounts.test_access import OPEN, VIEWS, url_of
from tests.conftest import SignIn
from tests.support.azure import Azure
from tests.support.effects import (
    ACTS,
    PEOPLE,
    PREPARE,
    Changes,
    Effect,
    Scene,
    effects,
    found_endpoint,
    let_workers_work,
)

EFFECTS = effects()
REFUSALS = {"no": (403, {"refused"}), "hidden": (404, set()), "taken": (422, {"refused"})}


def cases() -> Iterator[Any]:
    """Every cell that applies. One that needs Keys is tried without and with that role."""
    for effect in EFFECTS:
        for column in PEOPLE:
            cell = effect.cells[column]
            tries = {"–": [], "with Keys": [("no", False), ("yes", True)]}.get(cell, [(cell, False)])
            for expected, has_keys in tries:
                label = f"{effect} by {column}{' with Keys' if has_keys else ''}"
                yield pytest.param(effect, column, expected, has_keys, id=label)


def scene_of(effect: Effect, column: str, has_keys: bool, azure: Azure, sign_in: SignIn) -> Scene:
    """A user of the column, and an endpoint of theirs, of another user's or of no one's."""
    workspace = Workspace.objects.order_by("name")[0]
    sign_in("ada").get("/")
    endpoint = found_endpoint(azure, workspace)
    person, roles = PEOPLE[column]
    client = sign_in(person)
    user = User.objects.get(username=f"{person}@emulator.test")
    user.roles = [*roles, "Keys"] if has_keys else roles
    user.save(update_fields=["roles"])
    client.get("/")
    scene = Scene(azure, client, user, workspace, endpoint)
    Endpoint.objects.update(owner=owner_for(column, user))
    if prepare := PREPARE.get(str(effect)):
        prepare(scene)
    endpoint.refresh_from_db()
    return scene


def owner_for(column: str, user: User) -> User | None:
    if column == "Operator, no one's":
        return None
    other, _ = User.objects.get_or_create(tid="t", oid="o", username="other@emulator.test", name="Other")
    return user if column == "Operator, own" else other


@pytest.mark.parametrize(("effect", "column", "expected", "has_keys"), list(cases()))
def test_effect(
    azure: Azure,
    sign_in: SignIn,
    workspaces: list[Workspace],
    effect: Effect,
    column: str,
    expected: str,
    has_keys: bool,
) -> None:
    scene = scene_of(effect, column, has_keys, azure, sign_in)
    changes = Changes(azure)
    status = ACTS[str(effect)](scene)
    rows = changes.changed_rows()
    let_workers_work(azure)
    writes = changes.methods() - {"GET"}
    if expected == "yes":
        assert status in {200, 302, 303}
        assert rows == effect.listed("rows")
        assert writes == effect.listed("Azure") - {"GET"}
        assert "GET" not in effect.listed("Azure") or "GET" in changes.methods()
        assert changes.audited() == effect.listed("audit log")
    else:
        assert (status, changes.audited()) == REFUSALS[expected]
        assert (rows, writes) == (set(), set())


@pytest.mark.parametrize(
    "effect", [effect for effect in EFFECTS if effect.cells["watcher"] in {"no", "reads"}], ids=str
)
def test_watcher_only_reads(
    settings: object, azure: Azure, sign_in: SignIn, workspaces: list[Workspace], effect: Effect
) -> None:
    settings.WATCHER_IDENTITY = "client"  # type: ignore[attr-defined]
    scene = scene_of(effect, "Admin", True, azure, sign_in)
    changes = Changes(azure)
    ACTS[str(effect)](scene)
    let_workers_work(azure)
    watched = {row["method"] for row in changes.requests() if row["who"] == CLIENT_ID}
    assert watched == {"GET"} if effect.cells["watcher"] == "reads" else watched <= {"GET"}
    assert changes.methods() - {"GET"} == effect.listed("Azure") - {"GET"}


def test_every_effect_is_tried() -> None:
    assert [str(effect) for effect in EFFECTS] == list(ACTS)


def test_every_view_that_changes_something_is_listed(ada: Client) -> None:
    listed = {name for effect in EFFECTS for name in re.findall(r"`([\w:]+)`", effect.cells["where"])}
    # The last one ends the session.
    names = sorted(VIEWS.keys() - OPEN, key=lambda name: name == "accounts:sign_out")
    unsafe = {name for name in names if ada.post(url_of(name)).status_code != 405}
    assert {"endpoints:create", "endpoints:delete", "accounts:sign_out"} <= unsafe
    assert unsafe <= listed
