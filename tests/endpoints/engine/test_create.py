"""Creations, against the emulator over HTTP."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts import entra
from accounts.models import TokenCache, User
from endpoints.models import Endpoint, Operation, Workspace
from tests.conftest import SignIn
from tests.support.azure import Azure
from tests.support.creation import one_step, settle, submit, texts
from tests.support.worker import run_due


def puts(azure: Azure) -> int:
    return azure.count("PUT", "/chat")


def test_creation_comes_online(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    endpoint = settle(azure, submit(sign_in("oscar"), workspaces[0]))
    assert (endpoint.state, endpoint.inference_uri) == ("online", "https://chat.eastus2.models.ai.azure.com")
    assert puts(azure) == 1
    assert texts(endpoint)[0] == "Creation requested"
    assert texts(endpoint)[-1] == "Online"


def test_requests_carry_the_user_and_one_correlation_id(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    endpoint = settle(azure, submit(sign_in("oscar"), workspaces[0]))
    sent = [row for row in azure.requests() if row["correlation_id"] == str(endpoint.operations.get().correlation_id)]
    assert {row["who"] for row in sent} == {"oscar@emulator.test"}
    assert {"GET", "PUT"} == {row["method"] for row in sent}
    assert {row["client_request_id"] for row in sent} == {sent[0]["correlation_id"]}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("fail-region-a", "ServerlessModelNotAvailableInRegion"),
        ("fail-offer-a", "ServerlessOfferNotFound"),
        ("fail-taken-a", "UserError"),
        ("fail-quota-a", "QuotaExceeded"),
    ],
)
def test_failed_creation_keeps_its_cause(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace], name: str, code: str
) -> None:
    endpoint = settle(azure, submit(sign_in("ada"), workspaces[0], name))
    page = sign_in("ada").get(endpoint.get_absolute_url()).content.decode()
    assert endpoint.state == "failed"
    assert endpoint.reason in page
    assert f"<code>{code}</code>" in page


def test_failure_without_a_cause_has_a_reason(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    endpoint = settle(azure, submit(sign_in("ada"), workspaces[0], "break-it"))
    assert endpoint.state == "failed"
    assert endpoint.reason


def test_canceled_creation_is_failed(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    azure.fault("cancel")
    endpoint = settle(azure, submit(sign_in("ada"), workspaces[0]))
    assert (endpoint.state, endpoint.operations.get().outcome) == ("failed", "canceled")


def test_refused_creation_is_not_repeated(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    azure.fault("refuse", cause="policy")
    endpoint = settle(azure, submit(sign_in("ada"), workspaces[0]))
    assert (endpoint.state, puts(azure)) == ("failed", 1)


@pytest.mark.parametrize("location", ["none", "resource", "result"])
def test_creation_without_a_monitor_comes_online(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace], location: str
) -> None:
    azure.fault("no-monitor", location=location)
    assert settle(azure, submit(sign_in("ada"), workspaces[0])).state == "online"


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("throttle", {"where": "put", "times": 2, "retry_after": 1}),
        ("server-error", {"where": "put", "times": 2, "status": 500}),
        ("server-error", {"where": "put", "times": 1, "status": 503, "when": "after"}),
        ("server-error", {"where": "resource", "times": 2, "status": 502}),
        ("server-error", {"where": "status", "times": 3, "status": 504}),
        ("throttle", {"where": "status", "times": 2, "retry_after": 1}),
        ("drop", {"where": "put", "times": 1}),
        ("drop", {"where": "put", "times": 1, "when": "after"}),
        ("cut-off", {"where": "put", "times": 1, "when": "after"}),
        ("drop", {"where": "status", "times": 2}),
        ("cut-off", {"where": "status", "times": 2}),
        ("html", {"where": "status", "times": 2}),
        ("broken-json", {"where": "status", "times": 2}),
        ("empty", {"where": "status", "times": 2}),
        ("not-found", {"where": "status"}),
        ("forbidden", {"where": "status"}),
        ("unknown-status", {"times": 2}),
        ("whole-percent", {}),
        ("extra-fields", {}),
        ("expired-token", {"where": "put", "times": 1}),
        ("expired-token", {"where": "status", "times": 1}),
        ("slow", {"where": "put", "times": 1, "seconds": 0.2}),
    ],
)
def test_creation_survives_a_fault(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace], kind: str, settings: dict[str, object]
) -> None:
    client = sign_in("ada")
    azure.fault(kind, match="*", **settings)
    endpoint = settle(azure, submit(client, workspaces[0]))
    assert endpoint.state == "online", texts(endpoint)
    repeated = [row for row in azure.requests("PUT", "/chat") if row["status"] == 200 and not row["faults"]]
    assert not repeated, "the request was carried out twice"


def test_monitor_on_another_host_gets_no_token(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    azure.fault("foreign-monitor")
    endpoint = settle(azure, submit(sign_in("ada"), workspaces[0]))
    assert endpoint.state == "unknown"
    assert endpoint.operations.get().error is not None


def test_throttled_creation_waits_for_retry_after(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    azure.fault("throttle", where="put", retry_after=40)
    endpoint = submit(sign_in("ada"), workspaces[0])
    run_due()
    due = endpoint.operations.get().next_step_at
    assert due is not None
    assert timedelta(seconds=38) < due - timezone.now() < timedelta(seconds=50)


def test_existing_resource_is_not_overwritten(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    client = sign_in("ada")
    settle(azure, submit(client, workspaces[0]))
    Endpoint.objects.all().delete()
    endpoint = settle(azure, submit(client, workspaces[0]))
    assert (endpoint.operations.get().error or {})["code"] == "AlreadyExists"
    assert puts(azure) == 1


def test_failed_creation_can_be_repeated_under_its_name(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    client = sign_in("ada")
    azure.fault("fail", times=1)
    assert settle(azure, submit(client, workspaces[0])).state == "failed"
    endpoint = settle(azure, submit(client, workspaces[0]))
    assert (endpoint.state, endpoint.operations.count(), Endpoint.objects.count()) == ("online", 2, 1)


def test_creation_resumes_after_a_stronger_sign_in(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    client = sign_in("mira")
    endpoint = settle(azure, submit(client, workspaces[0]))
    assert endpoint.state == "needs-sign-in"
    page = client.get(endpoint.get_absolute_url()).content.decode()
    assert "Sign in again" in page
    sent_away = client.post(f"{endpoint.get_absolute_url()}sign-in")
    back = azure.pick(sent_away["Location"], "mira")
    response = client.get(back.removeprefix(settings.PUBLIC_BASE_URL))
    assert response["Location"] == endpoint.get_absolute_url()
    assert settle(azure, endpoint).state == "online"


def test_entra_outage_during_a_stronger_sign_in_is_shown(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    client = sign_in("mira")
    endpoint = settle(azure, submit(client, workspaces[0]))
    entra.reset_clients()
    azure.fault("server-error", where="discovery", status=503)
    response = client.post(f"{endpoint.get_absolute_url()}sign-in", follow=True)
    assert "Entra ID did not answer" in response.content.decode()


def test_revoked_sign_in_parks_until_the_next_sign_in(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    endpoint = submit(sign_in("oscar"), workspaces[0])
    one_step(azure)
    azure.revoke("oscar")
    assert settle(azure, endpoint).state == "needs-sign-in"
    sign_in("oscar")
    assert settle(azure, endpoint).state == "online"
    assert puts(azure) == 1


def test_signing_out_parks_the_creation(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    client = sign_in("oscar")
    endpoint = submit(client, workspaces[0])
    client.post("/auth/sign-out")
    assert not TokenCache.objects.exists()
    assert settle(azure, endpoint).state == "needs-sign-in"


def test_worker_refuses_a_creation_without_the_role(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    endpoint = submit(sign_in("oscar"), workspaces[0])
    User.objects.update(roles=["Viewer"])
    assert settle(azure, endpoint).state == "failed"
    assert puts(azure) == 0


def test_entra_outage_only_delays_the_creation(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    endpoint = submit(sign_in("oscar"), workspaces[0])
    Operation.objects.update(force_token_refresh=True)
    azure.fault("server-error", where="token", status=503)
    one_step(azure)
    endpoint.refresh_from_db()
    assert (endpoint.state, endpoint.reason) == ("queued", "Entra ID cannot be reached at the moment. Trying again.")


def test_overdue_creation_is_unknown(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    endpoint = submit(sign_in("ada"), workspaces[0], "never-ends")
    one_step(azure)
    Operation.objects.update(deadline_at=timezone.now() - timedelta(seconds=1))
    assert settle(azure, endpoint).state == "unknown"


def test_monitor_url_is_erased_when_the_operation_settles(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    endpoint = submit(sign_in("ada"), workspaces[0])
    one_step(azure)
    assert len(endpoint.operations.get().monitor_url) > 3000
    settle(azure, endpoint)
    assert endpoint.operations.get().monitor_url == ""


def test_resource_with_another_model_is_not_overwritten(azure: Azure, ada: Client, workspaces: list[Workspace]) -> None:
    endpoint = submit(ada, workspaces[0], "slow-chat")
    one_step(azure)
    Operation.objects.update(deadline_at=timezone.now() - timedelta(seconds=1))
    assert settle(azure, endpoint, rounds=1).state == "unknown"
    azure.advance(200)
    other_model = endpoint.model_id.replace("Phi-4-mini-instruct", "Phi-4")
    endpoint = settle(azure, submit(ada, workspaces[0], "slow-chat", model_id=other_model))
    assert (endpoint.state, endpoint.model_id.rpartition("/")[2]) == ("online", "Phi-4-mini-instruct")
    assert "Azure has this endpoint with another model" in ada.get(endpoint.get_absolute_url()).content.decode()
    assert azure.count_accepted("PUT", "/slow-chat") == 1
