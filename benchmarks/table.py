"""What do the table, and a poll of it, cost with 1,000, 10,000 and 100,000 endpoints in 750 workspaces?

Middleware, session, queries and template, without a network: with SQLite the processor time of this process, which
does all of it, with PostgreSQL the elapsed time. For readers of 5, 400 and 750
of the workspaces, beside a view that does nothing and Django's own admin on the same rows, which shows 50 rows with the
same columns and a filter by state. Requests of all kinds alternate, so that a busy machine slows all of them alike.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import django
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks.figures import medians_of
from tests.support.processes import postgres_server

SIZES = (1_000, 10_000, 100_000)
READERS = (5, 400, 750)
ADMIN = "/admin/endpoints/endpoint/"
PAGES: tuple[str, ...] = (
    "?sort=name",
    "?sort=-state",
    "?sort=changed",
    "?state=failed",
    "?state=online&sort=-name",
    "?sort=owner",
)
PAGES += ("?sort=workspace", "?state=online&sort=changed", "?state=failed&sort=changed", "?q=0042", "?page=7")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES)
    parser.add_argument("--postgresql", action="store_true", help="instead of SQLite")
    parser.add_argument("--pages", action="store_true", help="instead of the comparison, pages of other orders")
    parser.add_argument("--times", type=int, default=40, help="requests of each kind (default: %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="endpoint-desk-benchmark-") as folder, ExitStack() as stack:
        os.environ |= {"DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "benchmarks.admin_settings", "LOG_LEVEL": "ERROR"}
        if options.postgresql:
            os.environ["DATABASE_URL"] = stack.enter_context(postgres_server(Path(folder)))
        django.setup()
        call_command("migrate", verbosity=0)
        call_command("collectstatic", verbosity=0, interactive=False)
        measure(options.sizes, partial(pages if options.pages else compare, times=options.times))
        connection.close()


def measure(sizes: list[int], describe: Callable[[Client], str]) -> None:
    from benchmarks.rows import make_endpoints, make_reader, make_workspaces, signed_in

    make_workspaces()
    clients = {number: signed_in(make_reader(number)) for number in READERS}
    for first, size in pairwise([0, *sizes]):
        make_endpoints(first, size)
        for number, client in clients.items():
            print(f"{connection.vendor}, {size:,} endpoints, reads {number}: {describe(client)}", flush=True)


def compare(client: Client, times: int) -> str:
    """The page and an unchanged poll, beside the view that does nothing and the admin."""
    first = client.get("/")
    assert b'<tr id="row-' in first.content
    headers = {"hx-request": "true", "x-poll": "1", "if-none-match": first["ETag"]}
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/", headers=headers).status_code == 304
        number = len(queries)
    page, poll, empty, admin = medians_of(
        lambda: client.get("/"),
        lambda: client.get("/", headers=headers),
        lambda: client.get("/empty", headers=headers),
        lambda: client.get(ADMIN),
        times=times,
        clock=clock(),
    )
    return (
        f"page {page:.1f} ms, {page / empty:.1f} times an empty view; "
        f"poll {poll:.2f} ms, {poll / empty:.2f} times, {number} queries; "
        f"empty view {empty:.2f} ms; admin {admin:.1f} ms, {admin / page:.1f} times the page"
    )


def pages(client: Client, times: int) -> str:
    """Pages in other orders, with filters, and further back."""
    medians = medians_of(*(partial(client.get, f"/{query}") for query in PAGES), times=times, clock=clock())
    return "; ".join(f"{query} {median:.1f} ms" for query, median in zip(PAGES, medians, strict=True))


def clock() -> Callable[[], float]:
    return time.process_time if connection.vendor == "sqlite" else time.perf_counter


if __name__ == "__main__":
    main()
