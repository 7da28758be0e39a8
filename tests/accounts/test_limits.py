"""Rate limits of sign-ins, creations and key reads."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client, RequestFactory, override_settings
from django.utils import timezone

from accounts.actor import Actor, actor_of
from accounts.limits import RateLimit, RateLimited, client_network, hit
from accounts.models import AuditEntry, RateCount
from endpoints.models import Endpoint, Workspace
from tests.conftest import SignIn
from tests.support.azure import Azure
from tests.support.creation import filled_in

VISITOR = Actor(address="10.1.2.3")


@pytest.mark.parametrize("page", ["/auth/start", "/auth/callback"])
def test_sign_ins_from_one_address_are_limited(azure: Azure, db: None, page: str) -> None:
    browser = Client(headers={"host": settings.PUBLIC_HOST})
    with override_settings(SIGN_INS_PER_MINUTE=3):
        statuses = [browser.get(page).status_code for _ in range(5)]
        elsewhere = browser.get(page, REMOTE_ADDR="10.0.0.9").status_code
    assert statuses[3:] == [429, 429]
    assert 429 not in [*statuses[:3], elsewhere]
    assert AuditEntry.objects.filter(outcome="refused").count() == 1


def test_creations_are_limited_and_the_form_keeps_its_input(sign_in: SignIn, workspaces: list[Workspace]) -> None:
    client, colleague = sign_in("oscar"), sign_in("olga")
    with override_settings(CREATIONS_PER_MINUTE=1):
        responses = [client.post("/endpoints/new", filled_in(workspaces[0], name)) for name in ("one", "two")]
        assert colleague.post("/endpoints/new", filled_in(workspaces[0], "three")).status_code == 303
    assert [response.status_code for response in responses] == [303, 429]
    assert 'value="two"' in responses[1].content.decode()
    assert "Too many requests" in responses[1].content.decode()
    assert set(Endpoint.objects.values_list("name", flat=True)) == {"one", "three"}


def test_limit_resets_after_a_minute(db: None) -> None:
    with override_settings(KEY_READS_PER_MINUTE=1):
        hit(RateLimit.KEYS, "7", VISITOR, target="/endpoints/key")
        with pytest.raises(RateLimited):
            hit(RateLimit.KEYS, "7", VISITOR, target="/endpoints/key")
        RateCount.objects.update(since=timezone.now() - timedelta(seconds=61))
        hit(RateLimit.KEYS, "7", VISITOR, target="/endpoints/key")


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", "0.0.0.0"),
    ],
)
def test_ipv6_addresses_of_one_network_count_together(address: str, counted: str) -> None:
    assert client_network(actor_of(RequestFactory().get("/", REMOTE_ADDR=address))) == counted
