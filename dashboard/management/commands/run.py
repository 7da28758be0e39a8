"""Runs all of Endpoint Desk on one host: web, worker, beat and, unless a real Azure is configured, the emulator."""

import fcntl
import socket
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import requests
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections
from django.utils import timezone

from accounts.identity import describe_identities
from dashboard import processes
from dashboard.supervisor import Child, Supervisor
from emulator.directory import PEOPLE
from emulator.seed import FIRST_WORKSPACES
from endpoints.models import Workspace
from endpoints.watcher import TooPowerful, require_harmless_watcher

START_TIMEOUT = 60.0


class Command(BaseCommand):
    help = "Prepare the database and run everything on this host until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--provisioning-seconds", default="8-40", help="how long the emulator takes to create an endpoint"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        data: Path = settings.DATA_DIR
        with ExitStack() as stack:
            stack.enter_context(_exclusive_lock(data))
            _require_free_ports()
            self._prepare()
            self._check_watcher()
            children = _children(data, options["provisioning_seconds"])
            supervisor = stack.enter_context(Supervisor(children, self._log))
            deadline = time.monotonic() + START_TIMEOUT
            if supervisor.watch(until=lambda: _is_up() or time.monotonic() > deadline):
                self._greet(data)
                supervisor.watch()

    def _prepare(self) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        call_command("collectstatic", verbosity=0, interactive=False)
        if settings.EMULATED and not Workspace.objects.exists():
            now = timezone.now()
            for seed in FIRST_WORKSPACES:
                Workspace.objects.create(
                    subscription_id=seed.subscription_id,
                    resource_group=seed.resource_group,
                    name=seed.name,
                    location=seed.location,
                    registered_at=now,
                )
        connections.close_all()

    def _check_watcher(self) -> None:
        if settings.EMULATED:
            return  # the emulator is not running yet
        try:
            unknown = require_harmless_watcher()
        except TooPowerful as error:
            raise CommandError(str(error)) from error
        connections.close_all()
        for sentence in (*describe_identities(), *unknown):
            self._log(sentence)

    def _greet(self, data: Path) -> None:
        if not _is_up():
            self._log(f"Endpoint Desk does not answer after {START_TIMEOUT:.0f} s. See {data / 'log'}.")
            return
        account = "with Entra ID"
        if settings.EMULATED:
            users = [person for person in PEOPLE if person.roles and person.tenant_id == PEOPLE[0].tenant_id]
            account = "as " + ", ".join(user.name for user in users)
        self._log(f"Open {settings.PUBLIC_BASE_URL} and sign in {account}. Press Ctrl-C to stop.")

    def _log(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


@contextmanager
def _exclusive_lock(data: Path) -> Iterator[None]:
    """Lock the data folder. Raises CommandError if another run holds the lock, or the folder cannot be written."""
    try:
        for folder in (data, data / "log"):
            folder.mkdir(parents=True, exist_ok=True)
        lock = (data / "run.lock").open("a")
    except OSError as error:
        raise CommandError(
            f"Endpoint Desk keeps its data in {data}, which cannot be written ({error.strerror}). "
            "Make it writable, or set DATA_DIR to another folder."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CommandError(
                f"Endpoint Desk is already running with the data in {data}. "
                "Stop it with Ctrl-C in its terminal, or set DATA_DIR to another folder."
            ) from None
        yield


def _require_free_ports() -> None:
    ports = {"PORT": settings.PORT, **({"EMULATOR_PORT": settings.EMULATOR_PORT} if settings.EMULATED else {})}
    for name, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise CommandError(
                    f"Port {port} cannot be used ({error.strerror}). "
                    f"Stop the program that uses it, or choose another port: make run {name}={port + 100}"
                ) from error


def _children(data: Path, provisioning_seconds: str) -> list[Child]:
    commands = {
        "web": processes.web("127.0.0.1", settings.PORT, workers=1, threads=4),
        "worker": processes.worker(concurrency=4),
        "beat": processes.beat(settings.CELERY_BEAT_SCHEDULE_FILENAME),
    }
    if settings.EMULATED:
        commands["emulator"] = _emulator(data, provisioning_seconds)
    return [Child(name, command, _new_log(data / "log", name)) for name, command in commands.items()]


def _emulator(data: Path, provisioning_seconds: str) -> list[str]:
    options = {
        "--port": str(settings.EMULATOR_PORT),
        "--public-url": settings.EMULATOR_URL,
        "--backchannel": settings.EMULATOR_AUTHORITY_HOST,
        "--client-redirect": f"{settings.PUBLIC_BASE_URL}/auth/callback",
        "--post-logout-redirect": f"{settings.PUBLIC_BASE_URL}/auth/signed-out",
        "--provisioning-seconds": provisioning_seconds,
        "--state-file": str(data / "emulator.json"),
    }
    return [sys.executable, "-m", "emulator", *(part for option in options.items() for part in option)]


def _new_log(folder: Path, name: str) -> Path:
    """A new log file; the previous one is kept beside it."""
    log = folder / f"{name}.log"
    if log.exists():
        log.replace(folder / f"{name}.before.log")
    return log


def _is_up() -> bool:
    urls = [f"http://127.0.0.1:{settings.PORT}/readyz"]
    if settings.EMULATED:
        urls.append(f"{settings.EMULATOR_URL}/healthz")
    host = {"Host": settings.ALLOWED_HOSTS[0]}
    try:
        with requests.Session() as session:
            session.trust_env = False
            return all(session.get(url, headers=host if "readyz" in url else {}, timeout=2).ok for url in urls)
    except requests.RequestException:
        return False
