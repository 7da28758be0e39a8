"""Every address and every person."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.models import AuditEntry, User
from accounts.policy import may
from accounts.roles import Action
from endpoints.models import Workspace
from tests.conftest import SignIn

OPEN = {"alive", "ready", "accounts:sign_in", "accounts:start", "accounts:callback", "accounts:signed_out"}
FOR_ANYBODY_SIGNED_IN = {"accounts:sign_out"}
PEOPLE = ("ada", "oscar", "vera", "kim", "nora", "gus")
ALLOWED = {
    Action.VIEW_ENDPOINTS: {"ada", "oscar", "vera", "kim"},
    Action.CREATE_ENDPOINT: {"ada", "oscar", "kim"},
    Action.REGISTER_WORKSPACE: {"ada"},
    Action.READ_AUDIT_LOG: {"ada"},
}


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for one in resolver.url_patterns:
        if isinstance(one, URLResolver):
            yield from patterns(one, f"{one.namespace}:" if one.namespace else prefix)
        else:
            yield f"{prefix}{one.name}", one


EVERY_ADDRESS = dict(patterns(get_resolver()))


def address(name: str) -> str:
    takes = EVERY_ADDRESS[name].pattern.converters
    return reverse(name, kwargs={key: uuid4() for key in takes})


@pytest.mark.parametrize("name", EVERY_ADDRESS)
def test_every_view_says_who_may_use_it(name: str) -> None:
    view = EVERY_ADDRESS[name].callback
    is_open = not getattr(view, "login_required", True)
    assert is_open == (name in OPEN)
    assert is_open or hasattr(view, "requires") or name in FOR_ANYBODY_SIGNED_IN


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(EVERY_ADDRESS.keys() - OPEN))
@pytest.mark.parametrize("method", ["get", "post"])
def test_without_a_sign_in_nothing_is_shown(name: str, method: str) -> None:
    answer = getattr(Client(headers={"host": settings.PUBLIC_HOST}), method)(address(name))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/auth/sign-in")


@pytest.mark.parametrize("person", PEOPLE)
def test_everybody_gets_what_the_role_allows_and_no_more(
    sign_in: SignIn, workspaces: list[Workspace], person: str
) -> None:
    client = sign_in(person)
    for name in EVERY_ADDRESS.keys() - OPEN - FOR_ANYBODY_SIGNED_IN:
        action = EVERY_ADDRESS[name].callback.requires  # type: ignore[attr-defined]
        statuses = {client.get(address(name)).status_code, client.post(address(name)).status_code}
        if person in ALLOWED[action]:
            assert 403 not in statuses, name
        else:
            assert statuses <= {403, 405}, name
            assert 403 in statuses, name


def test_a_refusal_is_told_and_recorded(sign_in: SignIn) -> None:
    answer = sign_in("vera").get("/endpoints/new")
    assert "you need one of the roles Admin or Operator" in answer.content.decode()
    assert AuditEntry.objects.get(outcome="refused").actor_name == "vera@emulator.test"


def test_an_unknown_role_allows_nothing() -> None:
    assert not any(may(User(roles=["Owner", "admin", "Keys"]), action) for action in Action)


@pytest.mark.django_db
def test_the_audit_log_is_only_added_to(sign_in: SignIn) -> None:
    sign_in("ada")
    entry = AuditEntry.objects.get()
    with pytest.raises(TypeError):
        entry.save()
    with pytest.raises(TypeError):
        entry.delete()


@pytest.mark.django_db
def test_every_page_is_strict_about_what_it_loads_and_is_not_stored(sign_in: SignIn) -> None:
    for answer in (Client(headers={"host": settings.PUBLIC_HOST}).get("/auth/sign-in"), sign_in("ada").get("/")):
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer["Cache-Control"] == "no-store"
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["X-Correlation-Id"]
        assert "<script>" not in answer.content.decode()
        assert 'style="' not in answer.content.decode()


def test_a_post_without_the_csrf_token_does_nothing(sign_in: SignIn) -> None:
    client = sign_in("ada")
    strict = Client(enforce_csrf_checks=True, headers={"host": settings.PUBLIC_HOST})
    strict.cookies = client.cookies
    answer = strict.post("/auth/sign-out")
    assert answer.status_code == 403
    assert b"Load the page again" in answer.content
