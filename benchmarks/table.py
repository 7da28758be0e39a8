"""How long does the table take with 1,000 and 10,000 endpoints, compared with Django's own admin on the same rows?

Server time of one page in this process: middleware, session, queries and template, without a network. Both show 50 rows
with the same columns and a filter by state.
"""

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="endpoint-desk-benchmark-")
os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.admin_settings"
os.environ["LOG_LEVEL"] = "ERROR"

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from benchmarks.figures import seconds_of, show  # noqa: E402
from benchmarks.rows import make_rows, signed_in_client  # noqa: E402

TIMES = 40
SIZES = (1_000, 10_000)


def main() -> None:
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    client, existing = signed_in_client(), 0
    for size in map(int, sys.argv[1:] or SIZES):
        make_rows(existing, size)
        existing = size
        table_seconds = measure(client, "/", f"{size:,} endpoints: the table")
        etag = client.get("/")["ETag"]
        measure_poll(client, etag, f"{size:,} endpoints: a poll when nothing changed")
        admin_seconds = measure(client, "/admin/endpoints/endpoint/", f"{size:,} endpoints: Django admin's changelist")
        print(f"{size:,} endpoints: the admin takes {admin_seconds / table_seconds:.1f} times as long as the table\n")


def measure_poll(client: Client, etag: str, label: str) -> None:
    headers = {"hx-request": "true", "if-none-match": etag}
    assert client.get("/", headers=headers).status_code == 304
    show(label, seconds_of(lambda: client.get("/", headers=headers), TIMES))


def measure(client: Client, url: str, label: str) -> float:
    assert client.get(url).status_code == 200
    with CaptureQueriesContext(connection) as queries:
        client.get(url)
        number = len(queries)
    seconds = seconds_of(lambda: client.get(url), TIMES)
    show(f"{label}, {number} queries", seconds)
    return sorted(seconds)[len(seconds) // 2]


if __name__ == "__main__":
    main()
