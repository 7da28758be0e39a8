"""Operations that wait for a sign-in or for Entra ID: the row says why, and they resume when the cause is gone."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from django.test import Client, override_settings
from django.utils import timezone

from accounts import entra, store
from accounts.models import User
from endpoints.engine import step
from endpoints.engine.leases import claim_requests
from endpoints.engine.record import record
from endpoints.models import Endpoint, Workspace
from tests.conftest import SignIn
from tests.support.azure import Azure
from tests.support.creation import one_step, settle, submit
from tests.support.fleet import shared_reader


@pytest.fixture
def oscar(sign_in: SignIn) -> Client:
    return sign_in("oscar")


@pytest.fixture
def endpoint(oscar: Client, workspaces: list[Workspace]) -> Endpoint:
    """A requested endpoint that is due; its owner's roles are so old that the worker checks them before the PUT."""
    endpoint = submit(oscar, workspaces[0])
    User.objects.update(roles_checked_at=timezone.now() - timedelta(minutes=30))
    return endpoint


def drop_the_key() -> None:
    with override_settings(TOKEN_CACHE_KEYS=[Fernet.generate_key().decode()]):
        store.load(User.objects.get())


def step_up(azure: Azure, client: Client, endpoint: Endpoint, person: str = "oscar") -> None:
    """Click Sign in on the endpoint's page, and pick the account at Entra ID."""
    authorize_url = client.post(f"{endpoint.get_absolute_url()}sign-in")["Location"]
    back = azure.pick(authorize_url, person).removeprefix(settings.PUBLIC_BASE_URL)
    assert client.get(back)["Location"] == endpoint.get_absolute_url()


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (lambda azure: azure.fault("revoked"), "Entra ID ended your sign-in"),
        (lambda azure: azure.fault("mfa-required"), "multifactor authentication"),
        (lambda azure: azure.fault("consent-missing"), "An administrator can give it"),
        (lambda azure: azure.fault("claims-challenge", where="put", times=1), "Azure requires a stronger sign-in"),
        (lambda azure: store.delete(User.objects.get()), "Sign in again"),
        (lambda azure: drop_the_key(), "Sign in again"),
    ],
    ids=["revoked", "mfa", "consent", "challenged", "signed out", "key dropped"],
)
def test_parked_operation_resumes_with_one_click(
    azure: Azure, oscar: Client, endpoint: Endpoint, cause: Callable[[Azure], None], words: str
) -> None:
    cause(azure)
    settle(azure, endpoint)
    assert (endpoint.state, endpoint.operations.get().needs_sign_in) == ("needs-sign-in", True)
    assert words in endpoint.reason
    azure.no_faults()
    entra.reset_clients()
    step_up(azure, oscar, endpoint)
    assert settle(azure, endpoint).state == "online"
    assert len(azure.requests("PUT", "/chat")) in {1, 2}


def test_claims_challenge_of_a_check_parks_nothing(azure: Azure, sign_in: SignIn, endpoint: Endpoint) -> None:
    settle(azure, endpoint)
    vera = sign_in("vera")
    Endpoint.objects.update(confirmed_at=timezone.now() - timedelta(minutes=1))
    azure.fault("claims-challenge", where="resource")
    vera.post(f"{endpoint.get_absolute_url()}check")
    shared_reader().run_due()
    endpoint.refresh_from_db()
    assert endpoint.state == "online"
    assert endpoint.problem


@pytest.mark.parametrize(
    ("kind", "where", "words"),
    [
        ("secret-expired", {}, "Endpoint Desk's own credential"),
        ("server-error", {"where": "token", "status": 503}, "Entra ID cannot"),
        ("drop", {"where": "token"}, "Entra ID cannot"),
    ],
)
def test_entra_failure_is_shown_and_retried(
    azure: Azure, endpoint: Endpoint, kind: str, where: dict[str, object], words: str
) -> None:
    User.objects.update(roles_checked_at=timezone.now() - timedelta(hours=2))
    azure.fault("expired-token", where="resource", times=1)  # so that a new token is needed
    azure.fault(kind, **where)
    for _ in range(3):
        one_step(azure)
    endpoint.refresh_from_db()
    assert endpoint.state == "queued"
    assert words in endpoint.reason
    assert not endpoint.operations.get().needs_sign_in
    azure.no_faults()
    entra.reset_clients()
    assert settle(azure, endpoint).state == "online"


def test_table_shows_why_an_operation_is_parked(
    azure: Azure, oscar: Client, sign_in: SignIn, endpoint: Endpoint
) -> None:
    azure.fault("revoked", match="oscar@emulator.test")
    settle(azure, endpoint)
    page = sign_in("ada").get("/").content.decode()
    assert "Needs sign-in" in page
    assert "Entra ID ended your sign-in" in page


def test_sign_in_of_another_user_does_not_resume_it(azure: Azure, sign_in: SignIn, endpoint: Endpoint) -> None:
    azure.fault("revoked", match="oscar@emulator.test")
    settle(azure, endpoint)
    sign_in("ada")
    assert settle(azure, endpoint).state == "needs-sign-in"


def test_worker_checks_the_current_roles(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    client = sign_in("vera")
    User.objects.update(roles=["Operator"])
    endpoint = submit(client, workspaces[0])
    User.objects.update(roles_checked_at=timezone.now() - timedelta(minutes=6))
    assert settle(azure, endpoint).state == "failed"
    assert azure.requests("PUT", "/chat") == []
    assert User.objects.get().roles == ["Viewer"]


@pytest.mark.parametrize("roles", [["Viewer"], []])
def test_worker_refuses_a_user_who_lost_the_role(azure: Azure, endpoint: Endpoint, roles: list[str]) -> None:
    User.objects.update(roles=roles, roles_checked_at=timezone.now())
    assert settle(azure, endpoint).state == "failed"
    assert azure.requests("PUT", "/chat") == []


def test_sign_in_during_a_step_resumes_it(azure: Azure, oscar: Client, endpoint: Endpoint, sign_in: SignIn) -> None:
    [claimed] = claim_requests(1, 1)
    sign_in("oscar")
    now = timezone.now()
    assert record(claimed, step.park(claimed, "Sign in again.", "", now), {}, now)
    assert not endpoint.operations.get().needs_sign_in
    assert settle(azure, endpoint).state == "online"


def test_sign_in_before_a_step_does_not_resume_it(oscar: Client, endpoint: Endpoint) -> None:
    [claimed] = claim_requests(1, 1)
    now = timezone.now()
    assert record(claimed, step.park(claimed, "Sign in again.", "", now), {}, now)
    assert endpoint.operations.get().needs_sign_in


def test_resumed_operation_gets_a_new_deadline(azure: Azure, oscar: Client, endpoint: Endpoint) -> None:
    azure.fault("revoked")
    settle(azure, endpoint)
    endpoint.operations.update(requested_at=timezone.now() - timedelta(hours=2))
    azure.no_faults()
    entra.reset_clients()
    step_up(azure, oscar, endpoint)
    azure.fault("server-error", where="resource", times=1)
    assert settle(azure, endpoint).state == "online"
