"""What waits for a person, and what only waits: told in the row, and gone on with when its cause is gone."""

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
from endpoints.engine.leases import claim_starts
from endpoints.engine.record import record
from endpoints.models import Endpoint, Workspace
from tests.conftest import SignIn
from tests.support.azure import Azure
from tests.support.creation import one_step, settle, submit


@pytest.fixture
def oscar(sign_in: SignIn) -> Client:
    return sign_in("oscar")


@pytest.fixture
def endpoint(oscar: Client, workspaces: list[Workspace]) -> Endpoint:
    """Asked for, and due; its person's roles were last seen so long ago that Entra ID is asked before the PUT."""
    endpoint = submit(oscar, workspaces[0])
    User.objects.update(roles_checked_at=timezone.now() - timedelta(minutes=30))
    return endpoint


def drop_the_key() -> None:
    with override_settings(TOKEN_CACHE_KEYS=[Fernet.generate_key().decode()]):
        store.load(User.objects.get())


def step_up(azure: Azure, client: Client, endpoint: Endpoint, person: str = "oscar") -> None:
    """The one click on the page, and what Entra ID asks then."""
    away = client.post(f"{endpoint.get_absolute_url()}sign-in")["Location"]
    back = azure.pick(away, person).removeprefix(settings.PUBLIC_BASE_URL)
    assert client.get(back)["Location"] == endpoint.get_absolute_url()


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (lambda azure: azure.fault("revoked"), "Entra ID ended your sign-in"),
        (lambda azure: azure.fault("mfa-required"), "multifactor authentication"),
        (lambda azure: azure.fault("consent-missing"), "An administrator can give it"),
        (lambda azure: azure.fault("claims-challenge", where="put", times=1), "Azure asks for a stronger sign-in"),
        (lambda azure: store.delete(User.objects.get()), "Sign in again"),
        (lambda azure: drop_the_key(), "Sign in again"),
    ],
    ids=["revoked", "mfa", "consent", "challenged", "signed out", "key dropped"],
)
def test_what_needs_its_person_waits_and_one_click_goes_on(
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


def test_a_viewers_look_goes_on_with_one_click_too(azure: Azure, sign_in: SignIn, endpoint: Endpoint) -> None:
    settle(azure, endpoint)
    vera = sign_in("vera")
    vera.post(f"{endpoint.get_absolute_url()}refresh")
    azure.fault("claims-challenge", where="resource", times=1)
    assert settle(azure, endpoint).state == "needs-sign-in"
    assert "This waits for your sign-in" in vera.get(endpoint.get_absolute_url()).content.decode()
    step_up(azure, vera, endpoint, "vera")
    assert settle(azure, endpoint).state == "online"


@pytest.mark.parametrize(
    ("kind", "where", "words"),
    [
        ("secret-expired", {}, "Endpoint Desk's own credential"),
        ("server-error", {"where": "token", "status": 503}, "Entra ID cannot"),
        ("drop", {"where": "token"}, "Entra ID cannot"),
    ],
)
def test_what_no_person_can_help_is_said_and_goes_on_by_itself(
    azure: Azure, endpoint: Endpoint, kind: str, where: dict[str, object], words: str
) -> None:
    User.objects.update(roles_checked_at=timezone.now() - timedelta(hours=2))
    azure.fault("expired-token", where="resource", times=1)  # so that a token has to be asked for
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


def test_the_table_says_who_has_to_do_what(azure: Azure, oscar: Client, sign_in: SignIn, endpoint: Endpoint) -> None:
    azure.fault("revoked", match="oscar@emulator.test")
    settle(azure, endpoint)
    page = sign_in("ada").get("/").content.decode()
    assert "Needs sign-in" in page
    assert "Entra ID ended your sign-in" in page


def test_nobody_elses_sign_in_goes_on_with_it(azure: Azure, sign_in: SignIn, endpoint: Endpoint) -> None:
    azure.fault("revoked", match="oscar@emulator.test")
    settle(azure, endpoint)
    sign_in("ada")
    assert settle(azure, endpoint).state == "needs-sign-in"


def test_the_worker_asks_entra_for_the_roles_of_now(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    client = sign_in("vera")
    User.objects.update(roles=["Operator"])
    endpoint = submit(client, workspaces[0])
    User.objects.update(roles_checked_at=timezone.now() - timedelta(minutes=6))
    assert settle(azure, endpoint).state == "failed"
    assert azure.requests("PUT", "/chat") == []
    assert User.objects.get().roles == ["Viewer"]


@pytest.mark.parametrize("roles", [["Viewer"], []])
def test_who_lost_the_role_is_refused_in_the_worker(azure: Azure, endpoint: Endpoint, roles: list[str]) -> None:
    User.objects.update(roles=roles, roles_checked_at=timezone.now())
    assert settle(azure, endpoint).state == "failed"
    assert azure.requests("PUT", "/chat") == []


def test_who_signs_in_while_a_worker_finds_out_that_it_takes_a_sign_in_is_not_asked_again(
    azure: Azure, oscar: Client, endpoint: Endpoint, sign_in: SignIn
) -> None:
    [claimed] = claim_starts(1, 1)
    sign_in("oscar")
    now = timezone.now()
    assert record(claimed, step.park(claimed, "Sign in again.", "", now), {}, now)
    assert not endpoint.operations.get().needs_sign_in
    assert settle(azure, endpoint).state == "online"


def test_an_earlier_sign_in_is_not_enough(oscar: Client, endpoint: Endpoint) -> None:
    [claimed] = claim_starts(1, 1)
    now = timezone.now()
    assert record(claimed, step.park(claimed, "Sign in again.", "", now), {}, now)
    assert endpoint.operations.get().needs_sign_in


def test_what_waited_long_for_its_person_has_all_its_time_from_then_on(
    azure: Azure, oscar: Client, endpoint: Endpoint
) -> None:
    azure.fault("revoked")
    settle(azure, endpoint)
    endpoint.operations.update(requested_at=timezone.now() - timedelta(hours=2))
    azure.no_faults()
    entra.reset_clients()
    step_up(azure, oscar, endpoint)
    azure.fault("server-error", where="resource", times=1)
    assert settle(azure, endpoint).state == "online"
