"""What holds for every kind of operation: who may, what is told, and that a stronger sign-in is waited for."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import AuditEntry, User
from endpoints import services
from endpoints.arm.serverless_endpoint import EndpointUpdate
from endpoints.models import Endpoint, Operation
from tests.conftest import SignIn
from tests.support.azure import Azure
from tests.support.creation import Ask, settle, texts

EVERY_KIND = [
    (services.update_endpoint, [EndpointUpdate(tags={"team": "search"})]),
    (services.delete_endpoint, []),
    (services.regenerate_key, ["Primary"]),
]


@pytest.mark.parametrize(
    ("service", "what", "roles", "state"),
    [
        *((service, what, ["Viewer", "Keys"], "online") for service, what in EVERY_KIND),
        (services.regenerate_key, ["Primary"], ["Admin"], "online"),
        (services.refresh_endpoint, [], [], "online"),
    ],
)
def test_the_worker_does_nothing_for_who_lost_the_role(
    azure: Azure,
    chat: Endpoint,
    ask: Ask,
    service: Callable[..., Operation],
    what: list[Any],
    roles: list[str],
    state: str,
) -> None:
    operation, before = ask(service, *what), len(azure.requests("", "/chat"))
    User.objects.update(roles=roles)
    assert settle(azure, chat).state == state
    operation.refresh_from_db()
    assert (operation.error or {})["code"] == "RoleLost"
    assert len(azure.requests("", "/chat")) == before
    assert azure.requests("POST", "/regenerateKeys") == []


@pytest.mark.parametrize(("service", "what"), EVERY_KIND[:2])
@pytest.mark.parametrize(("own", "outcome"), [(True, "succeeded"), (False, "error")])
def test_the_worker_changes_for_operators_what_they_created(
    azure: Azure, chat: Endpoint, ask: Ask, service: Callable[..., Operation], what: list[Any], own: bool, outcome: str
) -> None:
    operation = ask(service, *what)
    User.objects.update(roles=["Operator"])
    if not own:
        Endpoint.objects.update(owner=User.objects.create(tid="t", oid="o", username="olga@emulator.test"))
    settle(azure, chat)
    operation.refresh_from_db()
    assert operation.outcome == outcome


@pytest.mark.parametrize(
    ("service", "what", "action"),
    [
        (*one, action)
        for one, action in zip(EVERY_KIND, ["endpoint-changed", "endpoint-deleted", "key-regenerated"], strict=True)
    ],
)
@pytest.mark.parametrize(("cause", "outcome"), [({}, "done"), ({"status": 403, "code": "No"}, "failed")])
def test_it_is_told_before_and_after(
    azure: Azure,
    chat: Endpoint,
    ask: Ask,
    service: Callable[..., Operation],
    what: list[Any],
    action: str,
    cause: dict[str, Any],
    outcome: str,
) -> None:
    told = AuditEntry.objects.filter(action=action).order_by("id")
    operation = ask(service, *what)
    assert [entry.outcome for entry in told.all()] == ["attempted"]
    for where in ("patch", "delete", "regenerate") if cause else ():
        azure.fault("error", where=where, **cause)
    settle(azure, chat)
    assert [entry.outcome for entry in told.all()] == ["attempted", outcome]
    assert {(entry.actor_name, entry.target) for entry in told.all()} == {("ada@emulator.test", chat.arm_id)}
    assert {entry.correlation_id for entry in told.all()} == {str(operation.correlation_id)}


@pytest.mark.parametrize(
    ("service", "what", "where"),
    [(*one, where) for one, where in zip(EVERY_KIND, ["patch", "delete", "regenerate"], strict=True)],
)
def test_it_waits_for_a_stronger_sign_in_and_goes_on_after_it(
    azure: Azure,
    sign_in: SignIn,
    chat: Endpoint,
    ask: Ask,
    service: Callable[..., Operation],
    what: list[Any],
    where: str,
) -> None:
    azure.fault("claims-challenge", where=where, times=1)
    operation = ask(service, *what)
    assert settle(azure, chat).state == "needs-sign-in"
    operation.refresh_from_db()
    assert '"acrs"' in operation.claims
    sign_in("ada")
    settle(azure, chat)
    operation.refresh_from_db()
    assert operation.outcome == "succeeded", texts(chat)
    sent = [
        one for one in azure.requests(operation.spec.method) if one["correlation_id"] == str(operation.correlation_id)
    ]
    assert [one["faults"] for one in sent].count(["claims-challenge"]) == 1
    assert len(sent) == 2
