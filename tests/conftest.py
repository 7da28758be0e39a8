from collections.abc import Callable, Iterable, Iterator
from importlib import import_module

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.signals import setting_changed
from django.db import connection
from django.dispatch import receiver
from django.test import Client
from django.utils import timezone

from accounts import entra
from accounts.models import User
from emulator.seed import FIRST_WORKSPACES
from endpoints import arm_clients
from endpoints.models import Workspace
from tests.support import environment
from tests.support.azure import Azure, end, start_azure
from tests.support.definition import problems
from tests.support.worker import shared_worker

SignIn = Callable[[str], Client]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what talks to the emulator as slow. Modules that start other processes mark themselves."""
    for item in items:
        uses_emulator = "azure" in getattr(item, "fixturenames", ())
        if uses_emulator or item.path.parent.name in {"browser", "emulator", "faults"}:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def _static_files() -> None:
    call_command("collectstatic", verbosity=0, interactive=False)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    """Transactional tests flush the database afterwards, which the triggers of the audit log would refuse."""
    triggers, flush = import_module("accounts.migrations.0002_audit_entries_are_only_added"), connection.ops

    def execute_sql_flush(statements: Iterable[str]) -> None:
        with connection.schema_editor() as editor:
            triggers.drop(None, editor)
        type(flush).execute_sql_flush(flush, statements)
        with connection.schema_editor() as editor:
            triggers.create(None, editor)

    flush.execute_sql_flush = execute_sql_flush  # type: ignore[assignment, method-assign]


@pytest.fixture(scope="session")
def azure_process() -> Iterator[Azure]:
    process = start_azure(environment.EMULATOR_PORT, dashboard_url=settings.PUBLIC_BASE_URL, seconds="30")
    yield Azure(settings.EMULATOR_URL)
    end(process)


@pytest.fixture
def azure(azure_process: Azure) -> Iterator[Azure]:
    """The emulator, empty. Provisioning takes 30 s of its clock, which `advance` moves forward.

    Every exchange with its ARM during a test must conform to the public API definition.
    """
    azure_process.reset()
    azure_process.http.cookies.clear()
    entra.reset_clients()  # msal repeats a refusal from its HTTP cache for a minute
    yield azure_process
    assert [problem for exchange in azure_process.conversation() for problem in problems(exchange)] == []


@pytest.fixture
def sign_in(azure: Azure, db: None) -> SignIn:
    """Signs a user in through the real flow, and returns their browser."""

    def sign_in(person: str) -> Client:
        client = Client(headers={"host": settings.PUBLIC_HOST})
        start = client.get("/auth/start")
        back = azure.pick(start["Location"], person)
        response = client.get(back.removeprefix(settings.PUBLIC_BASE_URL))
        assert response.status_code == 302, response.content.decode()
        return client

    return sign_in


@pytest.fixture
def ada(sign_in: SignIn) -> Client:
    """The browser of Ada, who is an Admin and may read keys."""
    return sign_in("ada")


@pytest.fixture
def ada_user(ada: Client) -> User:
    return User.objects.get(username="ada@emulator.test")


@pytest.fixture
def workspaces(db: None) -> list[Workspace]:
    """ml-production in East US 2 and ml-research in Sweden Central."""
    return [
        Workspace.objects.create(
            subscription_id=seed.subscription_id,
            resource_group=seed.resource_group,
            name=seed.name,
            location=seed.location,
            registered_at=timezone.now(),
        )
        for seed in FIRST_WORKSPACES
    ]


@receiver(setting_changed)
def reset_clients(setting: str, **signal: object) -> None:
    """Clients are built from the settings once, and a test may change these."""
    if setting.startswith(("ARM_", "EMULATOR_", "ENTRA_", "WATCHER_")):
        entra.reset_clients()
        arm_clients.reset()
        shared_worker.cache_clear()
