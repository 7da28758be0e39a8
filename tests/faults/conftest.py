import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.support.azure import Azure
from tests.support.installation import TIMEOUTS, Fleet, migrated
from tests.support.processes import Server, postgres_on, redis_on


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A cluster with a database named `prepared` to copy.

    Not in pytest's own folder, which the next run of pytest closes to the user that PostgreSQL runs as.
    """
    with TemporaryDirectory(prefix="endpoint-desk-postgres-") as folder, postgres_on(Path(folder)) as server:
        _execute(server, "CREATE DATABASE prepared")
        migrated({"DATABASE_URL": _database_url(server, "prepared"), "DATA_DIR": f"{folder}/data"})
        yield server
        server.end(signal.SIGINT)  # at once, whoever is still connected


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file to copy."""
    folder = tmp_path_factory.mktemp("sqlite")
    migrated({"DATA_DIR": str(folder)})
    return folder / "endpoint-desk.sqlite3"


@pytest.fixture
def embedded(azure: Azure, sqlite: Path, tmp_path: Path) -> Iterator[Fleet]:
    """As `make run` has it: SQLite, and messages through files."""
    data = _data(tmp_path)
    shutil.copy(sqlite, data)
    with Fleet(tmp_path, {"DATA_DIR": str(data), **TIMEOUTS}, _quick(azure)) as fleet:
        yield fleet


@pytest.fixture
def served(azure: Azure, postgres: Server, tmp_path: Path) -> Iterator[Fleet]:
    """As compose has it: PostgreSQL and Redis."""
    database = tmp_path.name.replace("-", "_")
    _execute(postgres, f'CREATE DATABASE "{database}" TEMPLATE prepared')
    with redis_on(tmp_path) as redis:
        urls = {"DATABASE_URL": _database_url(postgres, database), "REDIS_URL": redis.url}
        with Fleet(tmp_path, {"DATA_DIR": str(_data(tmp_path)), **urls, **TIMEOUTS}, _quick(azure)) as fleet:
            fleet.redis, fleet.postgres = redis, postgres
            yield fleet


@pytest.fixture(params=["embedded", "served"])
def fleet(request: pytest.FixtureRequest) -> Fleet:
    found: Fleet = request.getfixturevalue(request.param)
    return found


def _data(folder: Path) -> Path:
    data = folder / "data"
    (data / "static").mkdir(parents=True)
    return data


def _quick(azure: Azure) -> Azure:
    """Everything takes a second, and is polled as often."""
    azure.fault("duration", where="arm", seconds=1)
    azure.fault("retry-after", where="arm", retry_after=1)
    return azure


def _database_url(server: Server, name: str) -> str:
    return urlsplit(server.url)._replace(path=f"/{name}").geturl()


def _execute(server: Server, statement: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(statement)
