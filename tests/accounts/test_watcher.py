"""The watcher's identity should have read permissions only."""

import os
import subprocess
from pathlib import Path

import pytest
from django.test import override_settings

from emulator.seed import FIRST_WORKSPACES
from endpoints.models import Workspace
from endpoints.watcher import TooPowerful, require_harmless_watcher, watcher_powers
from tests.accounts.fake_imds import fake_imds
from tests.conftest import SignIn
from tests.support.azure import Azure
from tests.support.processes import ROOT, eventually, manage, running

ML = "Microsoft.MachineLearningServices/workspaces"
READER = {"actions": ["*/read"], "notActions": []}
WATCHER = {"actions": [f"{ML}/read", f"{ML}/serverlessEndpoints/read"], "notActions": []}
DEVELOPER = {"actions": [f"{ML}/*/read", f"{ML}/*/action", f"{ML}/*/write"], "notActions": [f"{ML}/listKeys/action"]}
OFFERS_ONLY = {"actions": [f"{ML}/marketplaceSubscriptions/*"], "notActions": []}
KEYS_ONLY = {"actions": [f"{ML.lower()}/serverlessendpoints/LISTKEYS/action"], "notActions": []}
REGISTER = """
from django.utils import timezone
from endpoints.models import Workspace
ids = {"subscription_id": "s", "resource_group": "g", "name": "ml-one"}
Workspace.objects.create(**ids, location="eastus2", registered_at=timezone.now())
"""
NO_KEYS = {
    "actions": [f"{ML}/serverlessEndpoints/*"],
    "notActions": [f"{ML}/*/action", f"{ML}/*/write", f"{ML}/*/delete"],
}


def excess_permissions(azure: Azure, *roles: dict[str, list[str]], **settings: object) -> list[str]:
    """The excess permissions with these role assignments. Raises what the start of a worker would raise."""
    with (
        fake_imds(azure.url, list(roles)) as (url, _),
        override_settings(ARM_BASE_URL=url, **settings),
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", url)
        require_harmless_watcher()
        return [action for powers in watcher_powers() for action in powers.too_much]


@pytest.mark.parametrize("role", [READER, WATCHER, NO_KEYS])
def test_read_only_roles_may_watch(azure: Azure, workspaces: list[Workspace], role: dict[str, list[str]]) -> None:
    assert excess_permissions(azure, role, WATCHER_IDENTITY="client") == []


@pytest.mark.parametrize("role", [DEVELOPER, KEYS_ONLY, {"actions": ["*"], "notActions": []}])
def test_roles_that_write_or_read_keys_may_not_watch(
    azure: Azure, workspaces: list[Workspace], role: dict[str, list[str]]
) -> None:
    with pytest.raises(TooPowerful):
        excess_permissions(azure, READER, role, WATCHER_IDENTITY="client")
    assert f"{ML}/serverlessEndpoints/listKeys/action" in excess_permissions(
        azure, READER, role, WATCHER_IDENTITY="client", WATCHER_MAY_WRITE=True
    )


def test_permissions_of_several_roles_add_up(azure: Azure, workspaces: list[Workspace]) -> None:
    with pytest.raises(TooPowerful):
        excess_permissions(azure, NO_KEYS, KEYS_ONLY, WATCHER_IDENTITY="client")


@pytest.mark.parametrize("role", [KEYS_ONLY, OFFERS_ONLY])
@pytest.mark.parametrize(
    "settings",
    [
        {"WATCHER_IDENTITY": "client"},
        {"WATCHER_IDENTITY": "managed"},
        {"WATCHER_IDENTITY": "managed", "ARM_WRITES_AS": "app"},
    ],
)
def test_separate_watcher_may_not_write_whatever_writes(
    azure: Azure, workspaces: list[Workspace], role: dict[str, list[str]], settings: dict[str, str]
) -> None:
    with pytest.raises(TooPowerful):
        excess_permissions(azure, READER, role, **settings)


@pytest.mark.parametrize(
    "settings", [{}, {"ARM_WRITES_AS": "app"}, {"ARM_WRITES_AS": "app", "WATCHER_IDENTITY": "client"}]
)
def test_users_and_the_writing_application_are_not_checked(
    azure: Azure, workspaces: list[Workspace], settings: dict[str, str]
) -> None:
    assert excess_permissions(azure, DEVELOPER, **settings) == []


def test_registration_warns_of_a_watcher_that_can_write(azure: Azure, sign_in: SignIn) -> None:
    client = sign_in("ada")
    form = {"resource_id": FIRST_WORKSPACES[0].resource_id}
    with fake_imds(azure.url, [DEVELOPER]) as (url, _), override_settings(WATCHER_IDENTITY="client", ARM_BASE_URL=url):
        page = client.post("/workspaces/new", form, follow=True).content.decode()
    assert "ml-production is registered" in page
    assert "serverlessEndpoints/listKeys/action" in page


def test_unknown_permissions_are_reported(azure: Azure, workspaces: list[Workspace]) -> None:
    azure.fault("secret-expired")
    with override_settings(WATCHER_IDENTITY="client"):
        sentences = require_harmless_watcher()
    assert [sentence.partition(" are unknown")[0] for sentence in sentences] == [
        "The watcher's permissions in ml-production",
        "The watcher's permissions in ml-research",
    ]


def started(command: str, folder: Path, **settings: str) -> tuple[int, str]:
    environment = {**os.environ, "DATA_DIR": str(folder), **settings}
    subprocess.run(manage("migrate"), cwd=ROOT, env=environment, check=True, capture_output=True)
    subprocess.run(manage("shell", "-c", REGISTER), cwd=ROOT, env=environment, check=True, capture_output=True)
    done = subprocess.run(manage(command), cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("command", ["worker", "doctor"])
def test_start_with_a_watcher_that_can_write_is_refused(azure: Azure, tmp_path: Path, command: str) -> None:
    with fake_imds(azure.url, [DEVELOPER]) as (url, _):
        code, output = started(command, tmp_path, WATCHER_IDENTITY="client", EMULATOR_URL=url)
    assert code == 1
    assert "serverlessEndpoints/listKeys/action" in output
    assert "WATCHER_MAY_WRITE=true" in output


def test_doctor_names_the_identities(azure: Azure, tmp_path: Path) -> None:
    with fake_imds(azure.url, [WATCHER]) as (url, _):
        output = started("doctor", tmp_path, WATCHER_IDENTITY="client", EMULATOR_URL=url)[1]
    assert "Watcher: it can only read ml-one." in output
    assert "Writes to Azure use the token of the user who requests them." in output
    assert "Reads from Azure use the application" in output


def test_worker_names_the_identities_at_its_start(azure: Azure, tmp_path: Path) -> None:
    environment, log = {"DATA_DIR": str(tmp_path)}, tmp_path / "worker.log"
    subprocess.run(manage("migrate"), cwd=ROOT, env={**os.environ, **environment}, check=True, capture_output=True)
    with running(manage("worker"), log, ARM_WRITES_AS="app", **environment):
        assert eventually(lambda: "Reads from Azure use the application" in log.read_text())
    assert "the roles of Endpoint Desk are the only gate" in log.read_text()
