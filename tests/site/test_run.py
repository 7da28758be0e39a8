"""`manage.py run`: it starts everything, restarts killed processes, and stops everything."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from emulator.directory import CLIENT_ID
from emulator.seed import FIRST_WORKSPACES
from tests.support.creation import PHI
from tests.support.desk import desk, environment
from tests.support.environment import free_port
from tests.support.fleet import others
from tests.support.processes import ROOT, children_of, command_line, eventually, is_alive, manage

pytestmark = pytest.mark.slow


def test_run_starts_everything_and_ctrl_c_stops_it(tmp_path: Path) -> None:
    ports = environment(tmp_path / "var")
    with desk(tmp_path / "var", ports) as started:
        line = started.log.read_text()
        assert f"Open http://localhost:{ports['PORT']} and sign in as Ada Admin" in line
        assert line.count("\n") == 1
        children = children_of(started.process.pid)
        names = " ".join(map(command_line, children))
        assert all(name in names for name in ("granian", "worker", "beat", "emulator"))
        started.process.send_signal(signal.SIGINT)
        assert started.process.wait(30) == 0
        assert not [command_line(pid) for pid in children if is_alive(pid)]


def test_acts_of_others_show_up_without_a_click(tmp_path: Path) -> None:
    with desk(tmp_path / "var", environment(tmp_path / "var")) as started:
        ada = started.visitor("ada")
        assert eventually(lambda: "Read from Azure" in ada.get(started.url, timeout=20).text, 60)
        theirs = f"{FIRST_WORKSPACES[0].resource_id}/serverlessEndpoints/theirs"
        others(started.azure, "PUT", theirs, {"properties": {"modelSettings": {"modelId": PHI}}})
        assert eventually(lambda: ">theirs<" in ada.get(started.url, timeout=20).text, 120, every=1)
        others(started.azure, "PATCH", theirs, {"properties": {"endpointState": "Suspended"}})
        assert eventually(lambda: "Azure reports Suspended" in ada.get(started.url, timeout=20).text, 120, every=1)


def test_creation_survives_the_kill_of_its_worker(tmp_path: Path) -> None:
    with desk(tmp_path / "var", environment(tmp_path / "var"), seconds="6") as started:
        browser = started.visitor("ada")
        models = {"one": "Phi-4", "fail-offer-two": "Phi-4-mini-instruct", "three": "Phi-4-reasoning"}
        pages = {name: started.submit(browser, started.form(browser, name, model)) for name, model in models.items()}
        for _ in range(3):
            started.kill("celery --app dashboard --quiet worker")
            time.sleep(1.5)
        expected = {"one": "online", "fail-offer-two": "failed", "three": "online"}

        def states() -> dict[str, str]:
            return {name: started.state(browser, page) for name, page in pages.items()}

        eventually(lambda: states() == expected, 150, 1)
        assert states() == expected
        for name in pages:
            accepted = [put for put in started.azure.requests("PUT", f"/{name}") if put["status"] in {200, 201}]
            assert len(accepted) == 1


def test_second_start_keeps_data_and_resumes(tmp_path: Path) -> None:
    ports = environment(tmp_path / "var")
    with desk(tmp_path / "var", ports, seconds="8") as started:
        browser = started.visitor("ada")
        page = started.submit(browser, started.form(browser, "chat"))
        assert eventually(lambda: started.state(browser, page) == "creating")
    with desk(tmp_path / "var", ports, seconds="8") as started:
        assert eventually(lambda: started.state(browser, page) == "online", 90)
        assert len(started.azure.requests("PUT", "/chat")) == 0
        kept = json.loads((tmp_path / "var" / "emulator.json").read_text())
        assert sum(len(rows) for rows in kept["endpoints"].values()) == 1


def refused(**settings: str) -> str:
    done = subprocess.run(
        manage("run"), cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


def test_used_port_is_explained(tmp_path: Path) -> None:
    import socket

    ports = environment(tmp_path / "var")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(ports["PORT"])))
        taken.listen()
        sentence = refused(**ports)
    assert f"Port {ports['PORT']} cannot be used (Address already in use)." in sentence
    assert f"make run PORT={int(ports['PORT']) + 100}" in sentence


def test_read_only_folder_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    sentence = refused(**environment(tmp_path / "file" / "var"))
    assert "which cannot be written (Not a directory)" in sentence
    assert "set DATA_DIR to another folder" in sentence


def test_second_run_with_the_same_data_is_refused(tmp_path: Path) -> None:
    ports = environment(tmp_path / "var")
    with desk(tmp_path / "var", ports):
        assert "Endpoint Desk is already running" in refused(**{**ports, "PORT": str(free_port())})


AZURE = {"AZURE_BACKEND": "azure"}


def check(command: str, settings: dict[str, str]) -> str:
    done = subprocess.run(
        manage(command), cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("command", ["web", "worker", "beat"])
def test_no_process_starts_without_a_required_setting(command: str) -> None:
    output = check(command, AZURE)
    for sentence in [
        "ENTRA_TENANT_ID is not the id of one tenant.",
        "ENTRA_CLIENT_ID is not the id of an application.",
        "Endpoint Desk has no credential for Entra ID.",
        "PUBLIC_BASE_URL is not the address that users open.",
        "TOKEN_CACHE_KEYS is empty",
        "SECRET_KEY is missing",
    ]:
        assert sentence in output


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (AZURE | {"ENTRA_TENANT_ID": "common"}, "ENTRA_TENANT_ID is not the id of one tenant."),
        (AZURE | {"ENTRA_CLIENT_ID": CLIENT_ID}, "The ids of the emulator are set, but AZURE_BACKEND is azure."),
        (AZURE | {"PUBLIC_BASE_URL": "http://desk.example.com"}, "PUBLIC_BASE_URL is http"),
        (AZURE | {"ARM_BASE_URL": "http://arm.example.com"}, "ARM_BASE_URL is not https"),
        (AZURE | {"TOKEN_CACHE_KEYS": "short"}, "Key 1 in TOKEN_CACHE_KEYS is not a Fernet key."),
        (AZURE | {"ENTRA_CERTIFICATE_FILE": "/no/such.pfx"}, "names /no/such.pfx, which is not a file."),
        ({"PUBLIC_BASE_URL": "https://desk.example.com"}, "where anyone can sign in as any user"),
        ({"AZURE_BACKEND": "moon"}, "AZURE_BACKEND is 'moon'."),
        ({"DEBUG": "perhaps"}, "Endpoint Desk cannot start. DEBUG is 'perhaps'. Set it to true or false."),
        ({"SECRET_KEY_FILE": "/no/such"}, "SECRET_KEY_FILE names '/no/such', which cannot be read"),
    ],
)
def test_wrong_setting_is_explained(settings: dict[str, str], sentence: str) -> None:
    assert sentence in check("check", settings)
