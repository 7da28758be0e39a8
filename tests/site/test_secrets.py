"""After a whole journey no secret lies where it does not belong."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.directory import CLIENT_SECRET
from tests.machine import eventually
from tests.site.test_run import Desk, desk, environment

# Every JSON Web Token begins like this, and every Fernet token like that.
JWT, FERNET = re.compile(r"eyJ[\w-]{10,}\.[\w-]{10,}"), re.compile(r"gAAAA[\w-]{20,}")
SIGNED_QUERY = re.compile(r"[?&]c=[\w-]{40,}")


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[str]]]:
    """The data folder and the pages after a creation that worked, one that failed, and one that waits."""
    folder, pages = tmp_path_factory.mktemp("desk") / "var", []
    with desk(folder, environment(folder), seconds="1") as started:
        browser = started.visitor("ada")
        for name, model in {"chat": "Phi-4", "fail-offer-x": "Phi-4-reasoning"}.items():
            page = started.submit(browser, started.form(browser, name, model))
            assert eventually(lambda page=page: started.state(browser, page) in {"online", "failed"}, 60)
            pages.append(browser.get(page, timeout=10).text)
        started.azure.fault("html", where="workspace", times=1)
        pages.append(browser.get(f"{started.url}/workspaces/", timeout=10).text)
        pages.append(browser.get(f"{started.url}/auth/callback?code=secret-code&state=x", timeout=10).text)
        _wait_for_quiet(started)
    yield folder, pages


def _wait_for_quiet(started: Desk) -> None:
    assert eventually(lambda: not list((started.log.parent / "var" / "broker" / "taken").glob("*.msg")), 10)


def rows(folder: Path) -> Iterator[tuple[str, str]]:
    """Every value of every table."""
    with sqlite3.connect(folder / "endpoint-desk.sqlite3") as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    yield table, value.decode("latin-1") if isinstance(value, bytes) else str(value)


def test_the_database_holds_tokens_only_encrypted(left_behind: tuple[Path, list[str]]) -> None:
    kept = list(rows(left_behind[0]))
    assert any(table == "accounts_tokencache" and FERNET.match(value) for table, value in kept)
    for table, value in kept:
        assert not JWT.search(value), table
        assert not SIGNED_QUERY.search(value), table
        assert CLIENT_SECRET not in value, table
        assert table == "accounts_tokencache" or not FERNET.search(value), table


def test_logs_messages_and_pages_hold_none(left_behind: tuple[Path, list[str]]) -> None:
    folder, pages = left_behind
    files = [*(folder / "log").glob("*.log"), *(folder / "broker").rglob("*.msg")]
    assert files
    for text in [*(path.read_text() for path in files), *pages]:
        assert not JWT.search(text)
        assert not FERNET.search(text)
        assert not SIGNED_QUERY.search(text)
        assert CLIENT_SECRET not in text
        assert "secret-code" not in text
        assert "refresh_token" not in text


def test_what_a_laptop_keeps_is_its_owners_alone(left_behind: tuple[Path, list[str]]) -> None:
    for name in ("secret-key", "token-cache-key", "emulator.json"):
        assert (left_behind[0] / name).stat().st_mode & 0o077 == 0
