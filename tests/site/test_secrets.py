"""After a whole journey, secrets are only where they belong."""

import base64
import json
import os
import re
import sqlite3
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import redis
import requests
from cryptography.fernet import Fernet

from emulator.directory import CLIENT_SECRET
from tests.support.desk import Desk, desk, environment
from tests.support.processes import ROOT, eventually, manage, redis_server

pytestmark = pytest.mark.slow

# The prefixes of every JSON Web Token and of every Fernet token.
JWT, FERNET = re.compile(r"eyJ[\w-]{10,}\.[\w-]{10,}"), re.compile(r"gAAAA[\w-]{20,}")
SIGNED_QUERY = re.compile(r"[?&]c=[\w-]{40,}")


@dataclass
class Traces:
    """The traces of a successful creation, of a failed one, and of provoked errors."""

    folder: Path
    broker: str
    pages: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)


@pytest.fixture(scope="module", params=["files", "redis"])
def traces(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traces]:
    """The traces after the journey; with Redis they include every command it received."""
    folder = tmp_path_factory.mktemp("desk")
    traces = Traces(folder / "var", request.param)
    with ExitStack() as stack:
        settings = environment(traces.folder)
        if request.param == "redis":
            settings["REDIS_URL"] = stack.enter_context(redis_server(folder))
            stack.enter_context(monitored(settings["REDIS_URL"], traces.commands))
        _journey(traces, settings)
    yield traces


@contextmanager
def monitored(url: str, commands: list[str]) -> Iterator[None]:
    """Collect every command that a Redis receives."""
    client = redis.Redis.from_url(url, socket_timeout=None)  # MONITOR blocks until the next command

    def listen(monitor: Any) -> None:
        with suppress(redis.ConnectionError):
            commands.extend(command["command"] for command in monitor.listen())

    with client.monitor() as monitor:  # type: ignore[no-untyped-call]
        listener = Thread(target=listen, args=[monitor])
        listener.start()
        yield
        client.shutdown(nosave=True)
        listener.join()
    client.close()


def _journey(traces: Traces, settings: dict[str, str]) -> None:
    pages = traces.pages
    with desk(traces.folder, settings, seconds="1") as started:
        browser = started.visitor("ada")
        for name, model in {"chat": "Phi-4", "fail-offer-x": "Phi-4-reasoning"}.items():
            page = started.submit(browser, started.form(browser, name, model))
            assert eventually(partial(_has_settled, started, browser, page), 60)
            pages.append(browser.get(page, timeout=10).text)
        started.azure.fault("html", where="workspace", times=1)
        pages.append(browser.get(f"{started.url}/workspaces/", timeout=10).text)
        pages.append(browser.get(f"{started.url}/auth/callback?code=secret-code&state=x", timeout=10).text)
        pages.append(browser.get(f"{started.url}/auth/audit-log?format=csv", timeout=10).text)
        pages.append(_doctor(settings))
        _wait_for_quiet(started)


def _has_settled(started: Desk, browser: requests.Session, page: str) -> bool:
    return started.state(browser, page) in {"online", "failed"}


def _doctor(settings: dict[str, str]) -> str:
    """The output that operators paste into support requests."""
    environment = {**os.environ, **settings}
    return subprocess.run(manage("doctor"), cwd=ROOT, env=environment, capture_output=True, text=True).stdout


def _wait_for_quiet(started: Desk) -> None:
    assert eventually(lambda: not list((started.log.parent / "var" / "broker" / "taken").glob("*.msg")), 10)


def secrets_of(folder: Path) -> list[str]:
    """The secrets of this journey: the installation's keys, and every token in every cache."""
    keys = [(folder / name).read_text() for name in ("secret-key", "token-cache-key")]
    with sqlite3.connect(folder / "endpoint-desk.sqlite3") as connection:
        blobs = [blob for (blob,) in connection.execute("SELECT blob FROM accounts_tokencache")]
    caches = [json.loads(json.loads(Fernet(keys[1]).decrypt(blob))["cache"]) for blob in blobs]
    tokens = [
        entry["secret"] for cache in caches for kind in cache.values() for entry in kind.values() if "secret" in entry
    ]
    assert len(tokens) >= 3  # access, refresh and ID token
    return [*keys, *tokens, CLIENT_SECRET]


def rows(folder: Path) -> Iterator[tuple[str, str]]:
    """Every value of every table."""
    with sqlite3.connect(folder / "endpoint-desk.sqlite3") as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    yield table, value.decode("latin-1") if isinstance(value, bytes) else str(value)


def in_session(data: str) -> str:
    """The content of a session, which is signed, and compressed if it is long."""
    payload = data.partition(":")[0]
    content = base64.urlsafe_b64decode(payload.removeprefix(".") + "==")
    return (zlib.decompress(content) if payload.startswith(".") else content).decode()


def test_no_session_holds_a_token(traces: Traces) -> None:
    with sqlite3.connect(traces.folder / "endpoint-desk.sqlite3") as connection:
        sessions = [in_session(data) for (data,) in connection.execute("SELECT session_data FROM django_session")]
    assert any("_auth_user_id" in session for session in sessions)
    for session in sessions:
        assert not JWT.search(session)
        assert not [secret for secret in secrets_of(traces.folder) if secret in session]


def test_database_holds_only_encrypted_tokens(traces: Traces) -> None:
    kept, secrets = list(rows(traces.folder)), secrets_of(traces.folder)
    assert any(table == "accounts_tokencache" and FERNET.match(value) for table, value in kept)
    for table, value in kept:
        assert not JWT.search(value), table
        assert not SIGNED_QUERY.search(value), table
        assert not [secret for secret in secrets if secret in value], table
        assert table == "accounts_tokencache" or not FERNET.search(value), table


def test_logs_messages_and_pages_hold_no_secret(traces: Traces) -> None:
    folder = traces.folder
    files = [*(folder / "log").glob("*.log"), *(folder / "broker").rglob("*.msg")]
    assert files
    secrets = secrets_of(folder)
    for text in [*(path.read_text() for path in files), *traces.pages, *traces.commands]:
        assert not JWT.search(text)
        assert not FERNET.search(text)
        assert not SIGNED_QUERY.search(text)
        assert not [secret for secret in secrets if secret in text]
        assert "secret-code" not in text
        assert "refresh_token" not in text


def test_redis_commands_were_captured(traces: Traces) -> None:
    commands = " ".join(traces.commands)
    assert ("endpoints.tasks." in commands) == (traces.broker == "redis")


def test_local_secret_files_are_private(traces: Traces) -> None:
    for name in ("secret-key", "token-cache-key", "emulator.json"):
        assert (traces.folder / name).stat().st_mode & 0o077 == 0
