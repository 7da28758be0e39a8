"""The commands of docker-compose.yml and the Dockerfile, run against a real Redis and a real PostgreSQL."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.azure import Azure, wait_for
from tests.support.desk import Desk
from tests.support.environment import free_port
from tests.support.processes import ROOT, eventually, postgres_server, redis_server, running

pytestmark = pytest.mark.slow

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]


def command_of(text: str) -> list[str]:
    program, *arguments = shlex.split(text)
    return [sys.executable if program == "python" else program, *arguments]


def is_healthy(name: str, environment: dict[str, str]) -> bool:
    command = command_of(SERVICES[name]["healthcheck"]["test"])
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True).returncode == 0


def test_services_have_health_checks_and_secret_files() -> None:
    assert all("healthcheck" in service for name, service in SERVICES.items() if name != "migrate")
    for service in SERVICES.values():
        assert set(service.get("secrets", [])) <= COMPOSE["secrets"].keys()
        secret = re.compile("SECRET|PASSWORD|KEYS|DATABASE_URL")
        assert all(name.endswith("_FILE") for name in service.get("environment", {}) if secret.search(name))


def test_image_contains_what_the_commands_need(tmp_path: Path) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    copied = re.findall(r"^COPY (\S+) (?:\S+)$", dockerfile, re.MULTILINE)
    for name in copied:
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-r", str(ROOT / name), str(target)], check=True)
    collect = re.search(r"^RUN AZURE_BACKEND=azure python (.*?) \\$", dockerfile, re.MULTILINE)
    assert collect is not None
    environment = {"PATH": os.environ["PATH"], "AZURE_BACKEND": "azure", "STATIC_ROOT": str(tmp_path / "collected")}
    environment["DATA_DIR"] = str(tmp_path / "data")
    subprocess.run(
        [sys.executable, *shlex.split(collect[1])], cwd=tmp_path, env=environment, check=True, capture_output=True
    )
    assert (tmp_path / "collected" / "staticfiles.json").exists()


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The settings of an installation with its own PostgreSQL and Redis."""
    with postgres_server(tmp_path) as database_url, redis_server(tmp_path) as redis_url:
        yield {
            "PORT": str(free_port()),
            "EMULATOR_PORT": str(free_port()),
            "DATA_DIR": str(tmp_path / "data"),
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
        }


@contextmanager
def emulator(environment: dict[str, str], log: Path) -> Iterator[Azure]:
    port, redirect_uri = environment["EMULATOR_PORT"], f"http://localhost:{environment['PORT']}/auth/callback"
    command = [sys.executable, "-m", "emulator", "--port", port, "--provisioning-seconds", "3"]
    with running([*command, "--client-redirect", redirect_uri], log):
        yield Azure(f"http://127.0.0.1:{port}")


def run_once(command: list[str], environment: dict[str, str]) -> None:
    subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=True, capture_output=True)


def test_compose_commands_bring_an_endpoint_online(environment: dict[str, str], tmp_path: Path) -> None:
    run_once(command_of(SERVICES["migrate"]["command"]), environment)
    run_once([sys.executable, "manage.py", "collectstatic", "--no-input"], environment)
    with ExitStack() as stack:
        azure = stack.enter_context(emulator(environment, tmp_path / "emulator.log"))
        processes = {
            name: stack.enter_context(
                running(command_of(SERVICES[name]["command"]), tmp_path / f"{name}.log", **environment)
            )
            for name in ("web", "worker", "beat")
        }
        port = environment["PORT"]
        wait_for(f"http://127.0.0.1:{port}/readyz", processes["web"], Host="localhost")
        desk = Desk(f"http://localhost:{port}", azure, processes["web"], tmp_path)
        browser = desk.visitor("ada")
        desk.register(browser)
        page = desk.submit(browser, desk.form(browser, "chat"))
        assert eventually(lambda: desk.state(browser, page) == "online", 60, 0.5), desk.state(browser, page)
        for name in processes:
            assert eventually(partial(is_healthy, name, environment), 20), name
