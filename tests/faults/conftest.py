import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.support.azure import Azure
from tests.support.installation import TIMEOUTS, Installation, migrate
from tests.support.processes import Server, postgres_on, redis_on


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A cluster with a database named `prepared` to copy.

    Not in pytest's own folder, which the next run of pytest closes to the user that PostgreSQL runs as.
    """
    with TemporaryDirectory(prefix="endpoint-desk-postgres-") as folder, postgres_on(Path(folder)) as server:
        _execute(server, "CREATE DATABASE prepared")
        migrate({"DATABASE_URL": _database_url(server, "prepared"), "DATA_DIR": f"{folder}/data"})
        yield server
        server.end(signal.SIGINT)  # at once, despite open connections


@pytest.fixture(scope="session")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file to copy."""
    folder = tmp_path_factory.mktemp("sqlite")
    migrate({"DATA_DIR": str(folder)})
    return folder / "endpoint-desk.sqlite3"


@pytest.fixture
def local(azure: Azure, sqlite: Path, tmp_path: Path) -> Iterator[Installation]:
    """As with `make run`: SQLite, and messages through files."""
    data = _data(tmp_path)
    shutil.copy(sqlite, data)
    with Installation(tmp_path, {"DATA_DIR": str(data), **TIMEOUTS}, _fast(azure)) as installation:
        yield installation


@pytest.fixture
def production(azure: Azure, postgres: Server, tmp_path: Path) -> Iterator[Installation]:
    """As with compose: PostgreSQL and Redis."""
    database = tmp_path.name.replace("-", "_")
    _execute(postgres, f'CREATE DATABASE "{database}" TEMPLATE prepared')
    with redis_on(tmp_path) as redis:
        urls = {"DATABASE_URL": _database_url(postgres, database), "REDIS_URL": redis.url}
        settings = {"DATA_DIR": str(_data(tmp_path)), **urls, **TIMEOUTS}
        with Installation(tmp_path, settings, _fast(azure)) as installation:
            installation.redis, installation.postgres = redis, postgres
            yield installation


@pytest.fixture(params=["local", "production"])
def installation(request: pytest.FixtureRequest) -> Installation:
    installation: Installation = request.getfixturevalue(request.param)
    return installation


def _data(folder: Path) -> Path:
    data = folder / "data"
    (data / "static").mkdir(parents=True)
    return data


def _fast(azure: Azure) -> Azure:
    """Every operation takes a second, and is polled every second."""
    azure.fault("duration", where="arm", seconds=1)
    azure.fault("retry-after", where="arm", retry_after=1)
    return azure


def _database_url(server: Server, name: str) -> str:
    return urlsplit(server.url)._replace(path=f"/{name}").geturl()


def _execute(server: Server, statement: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(statement)
