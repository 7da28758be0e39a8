"""The audit log is append-only, through the model and in the database."""

import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from accounts import audit
from accounts.models import AuditEntry
from tests.support.processes import ROOT, manage, postgres_server

Execute = Callable[[str], object]
INSERT = (
    "INSERT INTO accounts_auditentry (id, at, action, outcome, actor_name, actor_oid, target, details, request_id,"
    " correlation_id, user_agent) VALUES (1, '2026-01-01', 'tested', 'done', '', '', '', '{}', '', '', '')"
)


@pytest.fixture
def entry(db: None) -> AuditEntry:
    audit.record("tested", None)
    return AuditEntry.objects.get()


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: entry.save(),
        lambda entry: entry.delete(),
        lambda entry: AuditEntry.objects.update(outcome="refused"),
        lambda entry: AuditEntry.objects.all().delete(),
    ],
)
def test_model_refuses_to_change_an_entry(entry: AuditEntry, change: Callable[[AuditEntry], object]) -> None:
    with pytest.raises(TypeError):
        change(entry)
    assert AuditEntry.objects.get().outcome == "done"


def migrate(url: str) -> None:
    environment = {**os.environ, "DATABASE_URL": url}
    subprocess.run(manage("migrate"), cwd=ROOT, env=environment, check=True, capture_output=True)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def execute(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Execute]:
    """A migrated database with one entry, through a client other than Django."""
    folder: Path = tmp_path_factory.mktemp("database")
    if request.param == "sqlite":
        migrate(f"sqlite:///{folder / 'desk.sqlite3'}")
        with closing(sqlite3.connect(folder / "desk.sqlite3", isolation_level=None)) as connection:
            connection.execute(INSERT)
            yield connection.execute
    else:
        with postgres_server(folder) as url:
            migrate(url)
            with closing(psycopg.connect(url, autocommit=True)) as other:
                other.execute(INSERT)
                yield other.execute


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_auditentry SET outcome = 'refused'",
        "DELETE FROM accounts_auditentry",
        "TRUNCATE accounts_auditentry",
        INSERT.replace("INSERT", "INSERT OR REPLACE"),
        INSERT,
    ],
)
def test_database_refuses_to_change_an_entry(execute: Execute, statement: str) -> None:
    with pytest.raises((sqlite3.Error, psycopg.Error)):
        execute(statement)
    rows = execute("SELECT outcome FROM accounts_auditentry")
    assert [row[0] for row in rows] == ["done"]  # type: ignore[attr-defined]


def test_database_error_names_the_reason(execute: Execute) -> None:
    with pytest.raises((sqlite3.Error, psycopg.Error), match="An audit entry is never changed or deleted"):
        execute("UPDATE accounts_auditentry SET outcome = 'refused'")
