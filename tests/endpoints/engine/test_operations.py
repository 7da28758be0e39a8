"""What becomes of a deletion, a change, a new key and another look, against the emulator over HTTP."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry, User
from endpoints import services
from endpoints.arm.http import ArmRequest, ArmResponse
from endpoints.arm.operations import DEFAULT_OPERATION_TIMEOUT
from endpoints.arm.serverless_endpoint import EndpointUpdate
from endpoints.engine import step
from endpoints.models import Endpoint, Operation, Workspace
from tests.conftest import SignIn
from tests.support.arm_responses import answer, resource
from tests.support.azure import Azure
from tests.support.creation import Ask, one_step, settle, submit, texts
from tests.support.worker import run_due

TAGS = EndpointUpdate(tags={"team": "search"})


def press(client: Client, endpoint: Endpoint, button: str, **form: str) -> int:
    return client.post(f"{endpoint.get_absolute_url()}{button}", form).status_code


def delete(client: Client, endpoint: Endpoint) -> int:
    return press(client, endpoint, "delete", submission_id=str(uuid4()), typed_name=endpoint.name)


def held_by_azure(azure: Azure, endpoint: Endpoint) -> dict[str, Any] | None:
    """The resource, read past all that is tested."""
    url = f"{azure.url}{endpoint.arm_id}?api-version=2025-09-01"
    answer = azure.http.get(url, headers={"Authorization": f"Bearer {azure.application_token()}"}, timeout=10)
    return answer.json() if answer.status_code == 200 else None


def carried_out(azure: Azure, method: str, ending: str = "/chat") -> int:
    return len([one for one in azure.requests(method, ending) if one["status"] in {200, 201, 202, 204}])


# --- Deletion


def test_a_deletion_ends_when_azure_holds_it_no_more(azure: Azure, ada: Client, chat: Endpoint) -> None:
    assert delete(ada, chat) == 303
    one_step(azure)
    assert settle(azure, chat).state == "deleted"
    assert held_by_azure(azure, chat) is None
    assert texts(chat)[-1] == "Deleted"


def test_what_is_online_takes_its_name_once_more(ada: Client, chat: Endpoint) -> None:
    answer = ada.post(f"{chat.get_absolute_url()}delete", {"submission_id": str(uuid4()), "typed_name": "chart"})
    assert answer.status_code == 422
    assert "This is not its name. Type chat to delete it." in answer.content.decode()
    assert chat.operations.count() == 1


def test_a_double_click_deletes_once(ada: Client, chat: Endpoint) -> None:
    form = {"submission_id": str(uuid4()), "typed_name": "chat"}
    assert [press(ada, chat, "delete", **form) for _ in range(2)] == [303, 409]
    assert chat.operations.count() == 2


def test_what_is_being_created_cannot_be_deleted_yet(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    endpoint = submit(ada, workspaces[0])
    assert delete(ada, endpoint) == 409
    assert "cannot be deleted now" in ada.get(f"{endpoint.get_absolute_url()}delete").content.decode()


def test_a_deleted_name_can_be_used_again(
    azure: Azure, ada: Client, chat: Endpoint, workspaces: list[Workspace]
) -> None:
    delete(ada, chat)
    settle(azure, chat)
    again = settle(azure, submit(ada, workspaces[0]))
    assert (again.pk, again.state, carried_out(azure, "PUT")) == (chat.pk, "online", 2)


def test_what_is_gone_already_is_deleted(azure: Azure, ada: Client, chat: Endpoint) -> None:
    azure.fault("deleted-elsewhere", times=1)
    delete(ada, chat)
    assert settle(azure, chat).state == "deleted"


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("result-204", {}),
        ("no-monitor", {"where": "delete", "location": "result"}),
        ("no-monitor", {"where": "delete", "location": "none"}),
        ("server-error", {"where": "delete", "times": 2, "status": 503}),
        ("server-error", {"where": "delete", "times": 1, "status": 500, "when": "after"}),
        ("drop", {"where": "delete", "times": 1}),
        ("drop", {"where": "delete", "times": 1, "when": "after"}),
        ("throttle", {"where": "delete", "times": 1, "retry_after": 1}),
        ("not-found", {"where": "status"}),
        ("html", {"where": "status", "times": 2}),
        ("drop", {"where": "resource", "times": 2}),
        ("drift", {"where": "delete", "seconds": 30}),
        ("expired-token", {"where": "delete", "times": 1}),
    ],
)
def test_a_deletion_overcomes_what_can_be_overcome(
    azure: Azure, ada: Client, chat: Endpoint, kind: str, settings: dict[str, Any]
) -> None:
    azure.fault(kind, match="*", **settings)
    delete(ada, chat)
    assert settle(azure, chat).state == "deleted", texts(chat)
    assert held_by_azure(azure, chat) is None


def test_a_refused_deletion_leaves_it_online(azure: Azure, ada: Client, chat: Endpoint) -> None:
    azure.fault("error", where="delete", status=403, code="AuthorizationFailed", message="No.")
    delete(ada, chat)
    endpoint = settle(azure, chat)
    assert endpoint.state == "online"
    assert "Not deleted: Azure does not let you do this" in texts(endpoint)


def test_a_deletion_that_failed_in_azure_says_so(azure: Azure, ada: Client, chat: Endpoint) -> None:
    azure.fault("fail", where="delete")
    delete(ada, chat)
    endpoint = settle(azure, chat)
    assert (endpoint.state, endpoint.operations.latest("requested_at").outcome) == ("failed", "failed")


def test_what_somebody_else_made_under_a_name_that_was_refused_is_not_deleted(
    azure: Azure, ada: Client, chat: Endpoint, workspaces: list[Workspace]
) -> None:
    Endpoint.objects.all().delete()
    endpoint = settle(azure, submit(ada, workspaces[0]))
    assert (endpoint.state, endpoint.reason) == ("failed", "The name is taken in this workspace")
    assert delete(ada, endpoint) == 303
    assert settle(azure, endpoint).state == "deleted"
    assert held_by_azure(azure, endpoint)


def test_what_waits_for_somebody_who_never_signs_in_can_be_deleted(
    azure: Azure, ada: Client, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    endpoint = submit(sign_in("oscar"), workspaces[0])
    one_step(azure)
    azure.revoke("oscar")
    assert settle(azure, endpoint).state == "needs-sign-in"
    assert delete(ada, endpoint) == 303
    assert settle(azure, endpoint).state == "deleted"
    assert held_by_azure(azure, endpoint) is None
    assert "It waited for Oscar Operator to sign in, until Ada Admin made another request." in texts(endpoint)
    assert AuditEntry.objects.filter(action="endpoint-created", outcome="failed").count() == 1


# --- RowUpdate


def test_a_change_arrives_and_the_endpoint_stays_online(azure: Azure, chat: Endpoint, ask: Ask) -> None:
    ask(services.update_endpoint, TAGS)
    assert settle(azure, chat).state == "online"
    assert (held_by_azure(azure, chat) or {})["tags"] == {"team": "search"}
    assert chat.observed is not None
    assert chat.observed.tags == {"team": "search"}


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("at-once", {}),
        ("no-monitor", {"where": "patch", "location": "result"}),
        ("no-monitor", {"where": "patch", "location": "none"}),
        ("throttle", {"where": "patch", "times": 2, "retry_after": 1}),
        ("drop", {"where": "patch", "times": 1, "when": "after"}),
        ("server-error", {"where": "patch", "times": 1, "status": 504, "when": "after"}),
        ("not-found", {"where": "status"}),
    ],
)
def test_a_change_is_sent_once_and_found_again(
    azure: Azure, chat: Endpoint, ask: Ask, kind: str, settings: dict[str, Any]
) -> None:
    azure.fault(kind, match="*", **settings)
    operation = ask(services.update_endpoint, TAGS)
    assert settle(azure, chat).state == "online", texts(chat)
    operation.refresh_from_db()
    assert operation.outcome == "succeeded", texts(chat)
    reached = [one for one in azure.requests("PATCH", "/chat") if one["status"] != 429]
    assert len(reached) == 1


def test_a_change_that_azure_does_not_show_is_not_sent_twice(azure: Azure, chat: Endpoint, ask: Ask) -> None:
    azure.fault("server-error", where="patch", times=1, status=500)
    operation = ask(services.update_endpoint, TAGS)
    endpoint = settle(azure, chat)
    operation.refresh_from_db()
    assert (operation.outcome, (operation.error or {})["code"]) == ("error", "ChangeNotSeen")
    assert len(azure.requests("PATCH", "/chat")) == 1
    assert endpoint.state == "online"


# --- A new key


def test_a_new_key_is_made_once_and_not_kept(azure: Azure, chat: Endpoint, ask: Ask) -> None:
    operation = ask(services.regenerate_key, "Primary")
    assert settle(azure, chat).state == "online"
    operation.refresh_from_db()
    assert operation.outcome == "succeeded"
    assert carried_out(azure, "POST", "/regenerateKeys") == 1
    kept = str(list(Operation.objects.values())) + str(list(Endpoint.objects.values())) + str(texts(chat))
    assert "primaryKey" not in kept


def test_a_new_key_is_not_kept_whatever_azure_puts_it_into(azure: Azure, chat: Endpoint, ask: Ask) -> None:
    operation = ask(services.regenerate_key, "Primary")
    operation.phase, operation.result_url = "following", f"{azure.url}/result"
    response = answer(200, {"status": "Succeeded", "properties": {"primaryKey": "top-secret"}})
    change = step.conclude(operation, ArmRequest("GET", operation.result_url), chat.arm_id, response, timezone.now())
    assert change.is_settled
    assert "top-secret" not in repr(change)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [("operation-not-found", {}), ("at-once", {"where": "regenerate"}), ("throttle", {"times": 2})],
)
def test_a_new_key_overcomes_what_can_be_overcome(
    azure: Azure, chat: Endpoint, ask: Ask, kind: str, settings: dict[str, Any]
) -> None:
    azure.fault(kind, **{"where": "regenerate", **settings})
    operation = ask(services.regenerate_key, "Secondary")
    settle(azure, chat)
    operation.refresh_from_db()
    assert operation.outcome == "succeeded", texts(chat)
    assert carried_out(azure, "POST", "/regenerateKeys") == 1


@pytest.mark.parametrize("fault", ["drop", "server-error"])
def test_a_new_key_is_never_asked_for_twice(azure: Azure, chat: Endpoint, ask: Ask, fault: str) -> None:
    azure.fault(fault, where="regenerate", when="after")
    operation = ask(services.regenerate_key, "Primary")
    assert settle(azure, chat).state == "online"
    operation.refresh_from_db()
    assert (operation.outcome, (operation.error or {})["code"]) == ("error", "OutcomeUnknown")
    assert len(azure.requests("POST", "/regenerateKeys")) == 1


def test_a_new_key_whose_worker_was_killed_is_not_asked_for_again(azure: Azure, chat: Endpoint, ask: Ask) -> None:
    operation = ask(services.regenerate_key, "Primary")
    long_ago = timezone.now() - timedelta(minutes=5)
    Operation.objects.filter(pk=operation.pk).update(phase="sending", sends=1, lease=uuid4(), lease_until=long_ago)
    settle(azure, chat)
    operation.refresh_from_db()
    assert (operation.error or {})["code"] == "OutcomeUnknown"
    assert azure.requests("POST", "/regenerateKeys") == []
    assert "Worker stopped responding; resuming with another one." in texts(chat)


# --- Another look


def test_a_look_that_is_refused_leaves_online_what_was_online(azure: Azure, ada: Client, chat: Endpoint) -> None:
    press(ada, chat, "refresh")
    User.objects.update(roles=[])
    assert settle(azure, chat).state == "online"
    assert texts(chat)[-1] == "Could not be checked: You may not do this any more"


def test_an_operation_that_was_given_up_is_found_by_another_look(
    azure: Azure, ada: Client, workspaces: list[Workspace]
) -> None:
    endpoint = submit(ada, workspaces[0], "slow-chat")
    one_step(azure)
    Operation.objects.update(deadline_at=timezone.now() - timedelta(seconds=1))
    assert settle(azure, endpoint, rounds=1).state == "unknown"
    assert "Check now" in ada.get(endpoint.get_absolute_url()).content.decode()
    assert press(ada, endpoint, "refresh") == 303
    assert settle(azure, endpoint).state == "online"
    assert carried_out(azure, "PUT", "/slow-chat") == 1


def test_what_azure_holds_with_another_model_is_shown_and_not_overwritten(
    azure: Azure, ada: Client, workspaces: list[Workspace]
) -> None:
    endpoint = submit(ada, workspaces[0], "slow-chat")
    one_step(azure)
    Operation.objects.update(deadline_at=timezone.now() - timedelta(seconds=1))
    assert settle(azure, endpoint, rounds=1).state == "unknown"
    azure.advance(200)
    other = endpoint.model_id.replace("Phi-4-mini-instruct", "Phi-4")
    endpoint = settle(azure, submit(ada, workspaces[0], "slow-chat", model_id=other))
    assert (endpoint.state, endpoint.model_id.rpartition("/")[2]) == ("online", "Phi-4-mini-instruct")
    assert "Azure holds it with another model" in ada.get(endpoint.get_absolute_url()).content.decode()
    assert carried_out(azure, "PUT", "/slow-chat") == 1


def test_another_look_finds_what_somebody_else_deleted(azure: Azure, ada: Client, chat: Endpoint) -> None:
    azure.fault("deleted-elsewhere", times=1)
    press(ada, chat, "refresh")
    assert settle(azure, chat).state == "deleted"
    assert texts(chat)[-1] == "It no longer exists in Azure."
    assert "note error" not in ada.get(chat.get_absolute_url()).content.decode()


def test_another_look_at_what_was_never_made_says_so(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    azure.fault("refuse", cause="policy")
    endpoint = settle(azure, submit(ada, workspaces[0]))
    press(ada, endpoint, "refresh")
    endpoint = settle(azure, endpoint)
    assert (endpoint.state, endpoint.reason) == ("failed", "It does not exist in Azure.")


def test_one_thing_at_a_time(ada: Client, chat: Endpoint) -> None:
    delete(ada, chat)
    assert press(ada, chat, "refresh") == 303
    assert "Wait until this has ended" in ada.get(chat.get_absolute_url()).content.decode()
    assert chat.operations.filter(settled_at=None).count() == 1


def test_what_was_set_aside_goes_on_when_somebody_looks_again(
    azure: Azure, ada: Client, workspaces: list[Workspace]
) -> None:
    endpoint = submit(ada, workspaces[0])
    one_step(azure)
    Operation.objects.update(monitor_url="https://evil.example/status", next_step_at=timezone.now())
    run_due()
    page = ada.get(endpoint.get_absolute_url()).content.decode()
    assert "Endpoint Desk could not continue. Trying again in 15 minutes." in page
    assert "ForeignOrigin" in page
    Operation.objects.update(monitor_url="")
    press(ada, endpoint, "refresh")
    azure.advance(60)
    run_due()
    endpoint.refresh_from_db()
    assert endpoint.state == "online"
    assert endpoint.operations.count() == 1


@pytest.mark.parametrize("where", ["delete", "patch"])
def test_the_endpoint_is_read_instead_of_a_result_that_may_not_be_read(
    azure: Azure, ada: Client, chat: Endpoint, ask: Ask, where: str
) -> None:
    azure.fault("no-monitor", where=where, location="result", match="*")
    azure.fault("forbidden", where="result", match="*")
    if where == "delete":
        ask(services.delete_endpoint)
    else:
        ask(services.update_endpoint, TAGS)
    settle(azure, chat)
    assert chat.operations.latest("requested_at").outcome == "succeeded", texts(chat)


@pytest.mark.parametrize(("status", "body"), [(503, None), (200, resource("Updating"))])
def test_nothing_rests_longer_than_it_is_followed_however_long_azure_asks_to_wait(
    chat: Endpoint, ask: Ask, status: int, body: dict[str, Any] | None
) -> None:
    operation = ask(services.refresh_endpoint)
    response = answer(status, body, Retry_After="86400")
    change = step.conclude(operation, ArmRequest("GET", chat.arm_id), chat.arm_id, response, timezone.now())
    assert change.operation["next_step_at"] <= timezone.now() + DEFAULT_OPERATION_TIMEOUT


@pytest.mark.parametrize(
    ("phase", "response"),
    [
        ("queued", answer(200, resource("Succeeded", endpointState="Creating"))),
        ("confirming", answer(200, resource("Succeeded", endpointState="Creating"))),
        ("following", answer(200, resource("Creating"))),
        ("following", answer(503)),
    ],
)
def test_a_token_that_azure_took_is_kept(chat: Endpoint, ask: Ask, phase: str, response: ArmResponse) -> None:
    operation = ask(services.refresh_endpoint)
    operation.phase, operation.force_token_refresh = phase, True
    change = step.conclude(operation, ArmRequest("GET", chat.arm_id), chat.arm_id, response, timezone.now())
    assert change.operation["force_token_refresh"] is False
