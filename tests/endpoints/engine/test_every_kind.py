"""Rules for every kind of operation: roles, the audit log, a stronger sign-in, and the read before the request."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import AuditEntry, User
from endpoints import services
from endpoints.arm.serverless_endpoint import EndpointUpdate
from endpoints.models import Endpoint, Operation
from tests.conftest import SignIn
from tests.support.azure import Azure
from tests.support.creation import Act, one_step, settle, texts
from tests.support.fleet import others_replace
from tests.support.strangers import resource_of
from tests.support.worker import run_due

EVERY_KIND = [
    (services.update_endpoint, [EndpointUpdate(tags={"team": "search"})]),
    (services.delete_endpoint, []),
    (services.regenerate_key, ["Primary"]),
]


@pytest.mark.parametrize(
    ("service", "arguments", "roles", "state"),
    [
        *((service, arguments, ["Viewer", "Keys"], "online") for service, arguments in EVERY_KIND),
        (services.regenerate_key, ["Primary"], ["Admin"], "online"),
    ],
)
def test_worker_refuses_users_who_lost_the_role(
    azure: Azure,
    chat: Endpoint,
    as_ada: Act,
    service: Callable[..., Operation],
    arguments: list[Any],
    roles: list[str],
    state: str,
) -> None:
    operation, before, confirmed_at = as_ada(service, *arguments), azure.count("", "/chat"), chat.confirmed_at
    User.objects.update(roles=roles)
    assert settle(azure, chat).state == state
    assert chat.confirmed_at == confirmed_at
    operation.refresh_from_db()
    assert (operation.error or {})["code"] == "RoleLost"
    assert azure.count("", "/chat") == before
    assert azure.requests("POST", "/regenerateKeys") == []


@pytest.mark.parametrize(("service", "arguments"), EVERY_KIND[:2])
@pytest.mark.parametrize(("own", "outcome"), [(True, "succeeded"), (False, "error")])
def test_operator_may_change_only_own_endpoints(
    azure: Azure,
    chat: Endpoint,
    as_ada: Act,
    service: Callable[..., Operation],
    arguments: list[Any],
    own: bool,
    outcome: str,
) -> None:
    operation = as_ada(service, *arguments)
    User.objects.update(roles=["Operator"])
    if not own:
        Endpoint.objects.update(owner=User.objects.create(tid="t", oid="o", username="olga@emulator.test"))
    settle(azure, chat)
    operation.refresh_from_db()
    assert operation.outcome == outcome


@pytest.mark.parametrize(
    ("service", "arguments", "action"),
    [
        (*call, action)
        for call, action in zip(EVERY_KIND, ["endpoint-changed", "endpoint-deleted", "key-regenerated"], strict=True)
    ],
)
@pytest.mark.parametrize(("cause", "outcome"), [({}, "done"), ({"status": 403, "code": "No"}, "failed")])
def test_operation_is_audited_before_and_after(
    azure: Azure,
    chat: Endpoint,
    as_ada: Act,
    service: Callable[..., Operation],
    arguments: list[Any],
    action: str,
    cause: dict[str, Any],
    outcome: str,
) -> None:
    entries = AuditEntry.objects.filter(action=action).order_by("id")
    operation = as_ada(service, *arguments)
    assert [entry.outcome for entry in entries.all()] == ["attempted"]
    for where in ("patch", "delete", "regenerate") if cause else ():
        azure.fault("error", where=where, **cause)
    settle(azure, chat)
    assert [entry.outcome for entry in entries.all()] == ["attempted", outcome]
    assert {(entry.actor_name, entry.target) for entry in entries.all()} == {("ada@emulator.test", chat.arm_id)}
    assert {entry.correlation_id for entry in entries.all()} == {str(operation.correlation_id)}


@pytest.mark.parametrize(
    ("service", "arguments", "where"),
    [(*call, where) for call, where in zip(EVERY_KIND, ["patch", "delete", "regenerate"], strict=True)],
)
def test_operation_resumes_after_a_stronger_sign_in(
    azure: Azure,
    sign_in: SignIn,
    chat: Endpoint,
    as_ada: Act,
    service: Callable[..., Operation],
    arguments: list[Any],
    where: str,
) -> None:
    azure.fault("claims-challenge", where=where, times=1)
    operation = as_ada(service, *arguments)
    assert settle(azure, chat).state == "needs-sign-in"
    operation.refresh_from_db()
    assert '"acrs"' in operation.claims
    sign_in("ada")
    settle(azure, chat)
    operation.refresh_from_db()
    assert operation.outcome == "succeeded", texts(chat)
    sent = [
        row for row in azure.requests(operation.spec.method) if row["correlation_id"] == str(operation.correlation_id)
    ]
    assert [row["faults"] for row in sent].count(["claims-challenge"]) == 1
    assert len(sent) == 2


def methods(azure: Azure, operation: Operation) -> list[str]:
    """Of the requests of an operation, in order."""
    return [row["method"] for row in azure.requests() if row["correlation_id"] == str(operation.correlation_id)]


@pytest.mark.parametrize(("service", "arguments"), EVERY_KIND)
def test_one_read_precedes_the_request(
    azure: Azure, chat: Endpoint, as_ada: Act, service: Callable[..., Operation], arguments: list[Any]
) -> None:
    operation, reads = as_ada(service, *arguments), azure.count("GET", "/chat")
    one_step(azure)
    assert methods(azure, operation) == ["GET", operation.spec.method]
    assert azure.count("GET", "/chat") == reads + 1


@pytest.mark.parametrize(("service", "arguments"), EVERY_KIND)
@pytest.mark.parametrize("by", ["pipeline", "ada@emulator.test"])
def test_request_for_a_replaced_endpoint_is_not_sent(
    azure: Azure, chat: Endpoint, as_ada: Act, service: Callable[..., Operation], arguments: list[Any], by: str
) -> None:
    other = others_replace(azure, chat, by=by)
    operation = as_ada(service, *arguments)
    settle(azure, chat)
    assert methods(azure, operation) == ["GET"]
    assert azure.resource("chat") == other
    operation.refresh_from_db()
    assert (operation.error or {})["code"] == "CreatedElsewhere"
    assert texts(chat)[-1].startswith("Azure holds another endpoint named chat, created by ")


@pytest.mark.parametrize(("service", "arguments"), EVERY_KIND)
def test_replaced_endpoint_is_shown_without_an_owner(
    azure: Azure, chat: Endpoint, as_ada: Act, service: Callable[..., Operation], arguments: list[Any]
) -> None:
    others_replace(azure, chat)
    as_ada(service, *arguments)
    settle(azure, chat)
    assert (chat.state, chat.owner, chat.sent_at, chat.was_requested) == ("online", None, None, False)
    assert chat.observed == resource_of(azure, "chat")


@pytest.mark.parametrize(("service", "arguments"), EVERY_KIND)
@pytest.mark.parametrize(
    ("kind", "settings"),
    [("server-error", {"status": 503}), ("drop", {}), ("throttle", {"retry_after": 1}), ("forbidden", {})],
)
def test_read_that_fails_only_delays_the_request(
    azure: Azure,
    chat: Endpoint,
    as_ada: Act,
    service: Callable[..., Operation],
    arguments: list[Any],
    kind: str,
    settings: dict[str, Any],
) -> None:
    azure.fault(kind, where="resource", times=1, **settings)
    operation = as_ada(service, *arguments)
    settle(azure, chat)
    operation.refresh_from_db()
    assert operation.outcome == "succeeded", texts(chat)
    assert methods(azure, operation).count(operation.spec.method) == 1


@pytest.mark.parametrize(
    ("service", "arguments", "where"),
    [(*call, where) for call, where in zip(EVERY_KIND, ["patch", "delete", "regenerate"], strict=True)],
)
@pytest.mark.parametrize(
    ("kind", "settings"), [("throttle", {"retry_after": 1}), ("claims-challenge", {}), ("stale", {})]
)
def test_delayed_request_is_preceded_by_another_read(
    azure: Azure,
    sign_in: SignIn,
    chat: Endpoint,
    as_ada: Act,
    service: Callable[..., Operation],
    arguments: list[Any],
    where: str,
    kind: str,
    settings: dict[str, Any],
) -> None:
    operation = as_ada(service, *arguments)
    if kind == "stale":
        Operation.objects.filter(settled_at=None).update(
            phase="clear", next_step_at=timezone.now() - timedelta(seconds=61)
        )
    else:
        azure.fault(kind, where=where, times=1, **settings)
        one_step(azure)
    other = others_replace(azure, chat)
    sign_in("ada")
    run_due() if kind == "stale" else settle(azure, chat)
    assert azure.resource("chat") == other
    operation.refresh_from_db()
    assert (operation.error or {})["code"] == "CreatedElsewhere"
