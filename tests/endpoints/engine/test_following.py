"""What becomes of a creation, against the emulator over HTTP."""

from datetime import timedelta
from threading import Thread
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts import entra
from accounts.models import TokenCache, User
from endpoints.models import Endpoint, Operation, Workspace
from tests.conftest import SignIn
from tests.support.azure import Azure
from tests.support.creation import one_step, settle, submit, texts
from tests.support.processes import eventually
from tests.support.worker import run_due


def puts(azure: Azure) -> int:
    return len(azure.requests("PUT", "/chat"))


def test_a_creation_comes_online(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    endpoint = settle(azure, submit(sign_in("oscar"), workspaces[0]))
    assert (endpoint.state, endpoint.inference_uri) == ("online", "https://chat.eastus2.models.ai.azure.com")
    assert puts(azure) == 1
    assert texts(endpoint)[0] == "Creation requested"
    assert texts(endpoint)[-1] == "Online"


def test_the_request_carries_the_persons_name_and_one_correlation_id(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    endpoint = settle(azure, submit(sign_in("oscar"), workspaces[0]))
    sent = [one for one in azure.requests() if one["correlation_id"] == str(endpoint.operations.get().correlation_id)]
    assert {one["who"] for one in sent} == {"oscar@emulator.test"}
    assert {"GET", "PUT"} == {one["method"] for one in sent}
    assert {one["client_request_id"] for one in sent} == {sent[0]["correlation_id"]}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("fail-region-a", "ServerlessModelNotAvailableInRegion"),
        ("fail-offer-a", "ServerlessOfferNotFound"),
        ("fail-taken-a", "UserError"),
        ("fail-quota-a", "QuotaExceeded"),
    ],
)
def test_a_failure_keeps_its_cause(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace], name: str, code: str
) -> None:
    endpoint = settle(azure, submit(sign_in("ada"), workspaces[0], name))
    page = sign_in("ada").get(endpoint.get_absolute_url()).content.decode()
    assert endpoint.state == "failed"
    assert endpoint.reason in page
    assert f"<code>{code}</code>" in page


def test_a_failure_without_a_cause_says_so(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    endpoint = settle(azure, submit(sign_in("ada"), workspaces[0], "break-it"))
    assert endpoint.state == "failed"
    assert endpoint.reason


def test_a_cancelled_operation_failed(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    azure.fault("cancel")
    endpoint = settle(azure, submit(sign_in("ada"), workspaces[0]))
    assert (endpoint.state, endpoint.operations.get().outcome) == ("failed", "canceled")


def test_a_refused_request_is_not_repeated(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    azure.fault("refuse", cause="policy")
    endpoint = settle(azure, submit(sign_in("ada"), workspaces[0]))
    assert (endpoint.state, puts(azure)) == ("failed", 1)


@pytest.mark.parametrize("location", ["none", "resource", "result"])
def test_without_a_monitor_the_other_ways_are_followed(
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
def test_what_can_be_overcome_is_overcome(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace], kind: str, settings: dict[str, object]
) -> None:
    client = sign_in("ada")
    azure.fault(kind, match="*", **settings)
    endpoint = settle(azure, submit(client, workspaces[0]))
    assert endpoint.state == "online", texts(endpoint)
    again = [one for one in azure.requests("PUT", "/chat") if one["status"] == 200 and not one["faults"]]
    assert not again, "the request was carried out twice"


def test_a_monitor_on_another_host_gets_no_token(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    azure.fault("foreign-monitor")
    endpoint = settle(azure, submit(sign_in("ada"), workspaces[0]))
    assert endpoint.state == "unknown"
    assert endpoint.operations.get().error is not None


def test_throttling_waits_as_long_as_azure_says(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    azure.fault("throttle", where="put", retry_after=40)
    endpoint = submit(sign_in("ada"), workspaces[0])
    run_due()
    due = endpoint.operations.get().next_step_at
    assert due is not None
    assert timedelta(seconds=38) < due - timezone.now() < timedelta(seconds=50)


def test_a_name_that_somebody_else_holds_is_not_overwritten(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    client = sign_in("ada")
    settle(azure, submit(client, workspaces[0]))
    Endpoint.objects.all().delete()
    endpoint = settle(azure, submit(client, workspaces[0]))
    assert endpoint.state == "failed"
    assert puts(azure) == 1


def test_a_failed_creation_is_tried_again_under_the_same_name(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    client = sign_in("ada")
    azure.fault("fail", times=1)
    assert settle(azure, submit(client, workspaces[0])).state == "failed"
    endpoint = settle(azure, submit(client, workspaces[0]))
    assert (endpoint.state, endpoint.operations.count(), Endpoint.objects.count()) == ("online", 2, 1)


def test_a_stronger_sign_in_is_asked_for_and_the_creation_goes_on(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    client = sign_in("mira")
    endpoint = settle(azure, submit(client, workspaces[0]))
    assert endpoint.state == "needs-sign-in"
    page = client.get(endpoint.get_absolute_url()).content.decode()
    assert "Sign in again" in page
    leaving = client.post(f"{endpoint.get_absolute_url()}sign-in")
    back = azure.pick(leaving["Location"], "mira")
    answer = client.get(back.removeprefix(settings.PUBLIC_BASE_URL))
    assert answer["Location"] == endpoint.get_absolute_url()
    assert settle(azure, endpoint).state == "online"


def test_entra_being_away_when_a_stronger_sign_in_is_asked_for_is_said(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    client = sign_in("mira")
    endpoint = settle(azure, submit(client, workspaces[0]))
    entra.reset_clients()
    azure.fault("server-error", where="discovery", status=503)
    answer = client.post(f"{endpoint.get_absolute_url()}sign-in", follow=True)
    assert "Endpoint Desk got no answer from Entra ID" in answer.content.decode()


def test_a_revoked_sign_in_parks_the_creation_until_the_next(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    endpoint = submit(sign_in("oscar"), workspaces[0])
    one_step(azure)
    azure.revoke("oscar")
    assert settle(azure, endpoint).state == "needs-sign-in"
    sign_in("oscar")
    assert settle(azure, endpoint).state == "online"
    assert puts(azure) == 1


def test_signing_out_parks_what_is_under_way(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    client = sign_in("oscar")
    endpoint = submit(client, workspaces[0])
    client.post("/auth/sign-out")
    assert not TokenCache.objects.exists()
    assert settle(azure, endpoint).state == "needs-sign-in"


def test_who_lost_the_role_is_refused_in_the_worker_too(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    endpoint = submit(sign_in("oscar"), workspaces[0])
    User.objects.update(roles=["Viewer"])
    assert settle(azure, endpoint).state == "failed"
    assert puts(azure) == 0


def test_an_outage_of_entra_delays_and_ends_nothing(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    endpoint = submit(sign_in("oscar"), workspaces[0])
    Operation.objects.update(force_token_refresh=True)
    azure.fault("server-error", where="token", status=503)
    one_step(azure)
    endpoint.refresh_from_db()
    assert (endpoint.state, endpoint.reason) == ("queued", "Entra ID cannot be reached at the moment. Trying again.")


def test_past_its_deadline_an_operation_is_unknown_and_not_failed(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    endpoint = submit(sign_in("ada"), workspaces[0], "never-ends")
    one_step(azure)
    Operation.objects.update(deadline_at=timezone.now() - timedelta(seconds=1))
    assert settle(azure, endpoint).state == "unknown"


def test_the_operations_addresses_are_forgotten_when_it_is_over(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    endpoint = submit(sign_in("ada"), workspaces[0])
    one_step(azure)
    assert len(endpoint.operations.get().monitor_url) > 3000
    settle(azure, endpoint)
    assert endpoint.operations.get().monitor_url == ""


def test_a_leased_operation_is_nobody_elses(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    endpoint = submit(sign_in("ada"), workspaces[0])
    Operation.objects.update(lease=uuid4(), lease_until=timezone.now() + timedelta(minutes=1))
    assert run_due() == 0
    Operation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert settle(azure, endpoint).state == "online"


def test_a_row_that_raises_does_not_stop_the_others(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace], caplog: pytest.LogCaptureFixture
) -> None:
    client = sign_in("ada")
    broken, sound = submit(client, workspaces[0], "broken"), submit(client, workspaces[0], "sound")
    one_step(azure)
    Operation.objects.filter(endpoint=broken).update(monitor_url="https://evil.example/status")
    azure.advance(60)
    Operation.objects.update(next_step_at=timezone.now())
    run_due()
    sound.refresh_from_db()
    broken.refresh_from_db()
    assert (sound.state, broken.state) == ("online", "unknown")
    assert "could not be advanced" in caplog.text
    aside = broken.events.first()
    assert aside is not None
    assert "ForeignOrigin" in aside.evidence["traceback"]


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_lost_its_lease_sends_nothing(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    submit(sign_in("ada"), workspaces[0])
    Operation.objects.update(phase="clear", force_token_refresh=True)
    azure.fault("slow", where="token", seconds=1)

    def work() -> None:
        run_due()
        connection.close()

    worker = Thread(target=work)
    worker.start()
    assert eventually(lambda: Operation.objects.get().lease)
    Operation.objects.update(lease=uuid4())
    worker.join()
    assert azure.requests("POST", "/token")
    assert not azure.requests("PUT")
