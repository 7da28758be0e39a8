"""What does the table cost with 1,000 and 10,000 endpoints, beside Django's own admin on the same rows in the same run?

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
from benchmarks.rows import make_rows, signed_in  # noqa: E402

TIMES = 40
SIZES = (1_000, 10_000)


def main() -> None:
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    client, made = signed_in(), 0
    for size in map(int, sys.argv[1:] or SIZES):
        make_rows(made, size)
        made = size
        ours = measure(client, "/", f"{size:,} endpoints: the table")
        shown = client.get("/")["ETag"].strip('"')
        measure_poll(client, shown, f"{size:,} endpoints: a poll when nothing changed")
        admins = measure(client, "/admin/endpoints/endpoint/", f"{size:,} endpoints: Django admin's changelist")
        print(f"{size:,} endpoints: the admin takes {admins / ours:.1f} times as long as the table\n")


def measure_poll(client: Client, shown: str, what: str) -> None:
    headers = {"hx-request": "true", "if-none-match": f'"{shown}"'}
    assert client.get("/", headers=headers).status_code == 304
    show(what, seconds_of(lambda: client.get("/", headers=headers), TIMES))


def measure(client: Client, address: str, what: str) -> float:
    assert client.get(address).status_code == 200
    with CaptureQueriesContext(connection) as queries:
        client.get(address)
        number = len(queries)
    taken = seconds_of(lambda: client.get(address), TIMES)
    show(f"{what}, {number} queries", taken)
    return sorted(taken)[len(taken) // 2]


if __name__ == "__main__":
    main()
