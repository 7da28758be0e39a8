"""Every view, for every combination of roles."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import combinations
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from accounts.models import AuditEntry, User
from accounts.policy import may
from endpoints.models import AccessRead, Workspace
from tests.conftest import SignIn
from tests.support.access import read_access
from tests.support.azure import Azure
from tests.support.creation import submit

OPEN = {"liveness", "readiness", "accounts:sign_in", "accounts:start", "accounts:callback", "accounts:signed_out"}
SIGNED_IN = {"accounts:sign_out"}
ROLES = ("Viewer", "Operator", "Admin", "Keys")
EVERY_COMBINATION = [list(some) for length in range(5) for some in combinations(ROLES, length)]


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from patterns(pattern, f"{pattern.namespace}:" if pattern.namespace else prefix)
        else:
            yield f"{prefix}{pattern.name}", pattern


VIEWS = dict(patterns(get_resolver()))


def url_of(name: str, endpoint_id: UUID | None = None) -> str:
    parameters = VIEWS[name].pattern.converters
    return reverse(name, kwargs={key: endpoint_id or uuid4() for key in parameters})


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_declares_its_permission(name: str) -> None:
    view = VIEWS[name].callback
    is_open = not getattr(view, "login_required", True)
    assert is_open == (name in OPEN)
    assert is_open or hasattr(view, "requires") or name in SIGNED_IN


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(VIEWS.keys() - OPEN))
@pytest.mark.parametrize("method", ["get", "post"])
def test_every_page_requires_a_sign_in(name: str, method: str) -> None:
    response = getattr(Client(headers={"host": settings.PUBLIC_HOST}), method)(url_of(name))
    assert response.status_code == 302
    assert response["Location"].startswith("/auth/sign-in")


@pytest.mark.parametrize("roles", EVERY_COMBINATION, ids="+".join)
def test_roles_decide_which_pages_open(sign_in: SignIn, workspaces: list[Workspace], roles: list[str]) -> None:
    endpoint = submit(sign_in("olga"), workspaces[0])
    client = sign_in("oscar")
    oscar = User.objects.get(username="oscar@emulator.test")
    User.objects.filter(pk=oscar.pk).update(roles=roles)
    oscar.roles = roles
    for name in VIEWS.keys() - OPEN - SIGNED_IN:
        action = VIEWS[name].callback.requires  # type: ignore[attr-defined]
        url = url_of(name, endpoint.pk)
        statuses = {client.get(url).status_code, client.post(url).status_code}
        if may(oscar, action, endpoint):
            assert 403 not in statuses, name
        else:
            assert statuses <= {403, 405}, name
            assert 403 in statuses, name


@pytest.mark.parametrize("name", sorted(VIEWS.keys() - OPEN - SIGNED_IN))
def test_unreadable_workspace_returns_not_found(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace], name: str
) -> None:
    if not VIEWS[name].pattern.converters:
        return
    endpoint = submit(sign_in("ada"), workspaces[1])
    client = sign_in("vera")
    User.objects.filter(username="vera@emulator.test").update(roles=["Admin", "Keys"])
    url = url_of(name, endpoint.pk)
    assert {client.get(url).status_code, client.post(url).status_code} <= {404, 405}


def test_revoked_azure_access_ends_with_the_next_read(
    azure: Azure, ada: Client, ada_user: User, workspaces: list[Workspace]
) -> None:
    endpoint = submit(ada, workspaces[0])
    azure.fault("forbidden", where="workspaces")
    azure.fault("forbidden", where="workspace")
    assert ada.get(endpoint.get_absolute_url()).status_code == 200
    read_access(ada_user)
    assert ada.get(endpoint.get_absolute_url()).status_code == 404


def test_access_outlasts_an_outage_of_azure(
    azure: Azure, ada: Client, ada_user: User, workspaces: list[Workspace]
) -> None:
    endpoint = submit(ada, workspaces[0])
    azure.fault("server-error", where="arm")
    AccessRead.objects.update(complete_at=timezone.now() - timedelta(days=1))
    read_access(ada_user)
    assert ada.get(endpoint.get_absolute_url()).status_code == 200
    assert "This page shows what was known at" in ada.get("/").content.decode()


@pytest.mark.parametrize(("owner", "status"), [("oscar", 200), ("olga", 403)])
def test_operators_delete_only_their_own_endpoints(
    sign_in: SignIn, workspaces: list[Workspace], owner: str, status: int
) -> None:
    endpoint = submit(sign_in(owner), workspaces[0])
    page = f"{endpoint.get_absolute_url()}delete"
    assert sign_in("oscar").get(page).status_code == status
    assert sign_in("ada").get(page).status_code == 200


def test_refusal_is_explained_and_recorded(sign_in: SignIn) -> None:
    response = sign_in("vera").get("/endpoints/new")
    assert "you need one of the roles Admin or Operator" in response.content.decode()
    assert AuditEntry.objects.get(outcome="refused").actor_name == "vera@emulator.test"


@pytest.mark.django_db
def test_every_page_has_a_strict_csp_and_is_not_cached(sign_in: SignIn) -> None:
    for response in (Client(headers={"host": settings.PUBLIC_HOST}).get("/auth/sign-in"), sign_in("ada").get("/")):
        policy = response["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert response["Cache-Control"] == "no-store"
        assert response["X-Frame-Options"] == "DENY"
        assert response["X-Correlation-Id"]
        assert "<script>" not in response.content.decode()
        assert 'style="' not in response.content.decode()


def test_post_without_csrf_token_is_refused(sign_in: SignIn) -> None:
    client = sign_in("ada")
    strict = Client(enforce_csrf_checks=True, headers={"host": settings.PUBLIC_HOST})
    strict.cookies = client.cookies
    response = strict.post("/auth/sign-out")
    assert response.status_code == 403
    assert b"Reload the page" in response.content
