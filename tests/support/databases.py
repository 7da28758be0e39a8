"""Run the code under test, in this process, on either database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import dj_database_url
from django.core.management import call_command
from django.db import connections
from django.db.utils import load_backend

from tests.support.processes import postgres_server


@contextmanager
def on_postgresql() -> Iterator[None]:
    """A new, migrated PostgreSQL takes the place of the database of the tests."""
    # Not in pytest's own folder, which the next run of pytest closes to the user that PostgreSQL runs as.
    with TemporaryDirectory(prefix="endpoint-desk-postgres-") as folder, postgres_server(Path(folder)) as url:
        parsed = {**connections.settings["default"], "OPTIONS": {}, **dj_database_url.parse(url)}
        replaced = connections["default"]
        connections["default"] = load_backend(parsed["ENGINE"]).DatabaseWrapper(parsed, "default")
        try:
            call_command("migrate", verbosity=0)
            yield
        finally:
            connections["default"].close()
            connections["default"] = replaced
