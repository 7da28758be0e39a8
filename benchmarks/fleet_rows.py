"""Commands on the database of `benchmarks/fleet.py`: register, read, spread, ids and changed."""

import os
import random
import re
import resource
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

import django

django.setup()

import requests  # noqa: E402
from django.conf import settings  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.identity import watcher  # noqa: E402
from endpoints.arm.budget import MemoryBudget  # noqa: E402
from endpoints.fleet.reader import FleetReader, add_missing_reads  # noqa: E402
from endpoints.models import Endpoint, Workspace, WorkspaceRead  # noqa: E402


def register() -> None:
    """Register every workspace that the watcher may read."""
    identity = watcher()
    assert identity is not None
    token, now = identity.token(), timezone.now()
    for subscription in _list("/subscriptions?api-version=2022-12-01", token):
        path = f"{subscription['id']}/providers/Microsoft.MachineLearningServices/workspaces"
        for found in _list(f"{path}?api-version={settings.ARM_API_VERSION}", token):
            parts = found["id"].split("/")
            Workspace.objects.create(
                subscription_id=parts[2],
                resource_group=parts[4],
                name=found["name"],
                location=found["location"],
                registered_at=now,
            )


def _list(path: str, token: str) -> Iterator[dict[str, Any]]:
    url = f"{settings.ARM_BASE_URL}{path}"
    while url:
        page = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=30).json()
        yield from page["value"]
        url = page.get("nextLink", "")


def read() -> None:
    """Read all workspaces, as "Check all now" does."""
    add_missing_reads()
    now = timezone.now()
    WorkspaceRead.objects.update(wanted_at=now, due_at=now)
    reader = FleetReader(MemoryBudget())
    started, cpu = time.monotonic(), _cpu_seconds()
    while WorkspaceRead.objects.exclude(wanted_at=None).exists():
        reader.run_due(until=timezone.now() + timedelta(seconds=1))
    seconds, cpu = time.monotonic() - started, _cpu_seconds() - cpu
    failed = WorkspaceRead.objects.exclude(problem="").count()
    number, endpoints = WorkspaceRead.objects.count(), Endpoint.objects.count()
    print(
        f"{seconds:6.1f} s   {number / seconds:4.0f} workspaces a second   "
        f"{1e6 * cpu / endpoints:5.0f} µs of processor time an endpoint   {failed} failed"
    )


def spread() -> None:
    """Due times as they are after a while: not all at once."""
    now = timezone.now()
    for one in WorkspaceRead.objects.all():
        WorkspaceRead.objects.filter(pk=one.pk).update(due_at=now + timedelta(seconds=random.uniform(0, 30)))


def ids() -> None:
    print("\n".join(one.arm_id for one in Endpoint.objects.select_related("workspace")))


def changed() -> None:
    """The endpoints that show a change, each with the time of its record."""
    for one in Endpoint.objects.select_related("workspace").filter(events__text__contains="Tag changed").distinct():
        event = one.events.filter(text__contains="Tag changed").order_by("id")[0]
        assert re.search(r"Tag changed", event.text)
        print(one.arm_id, event.at.timestamp())


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    {"register": register, "read": read, "spread": spread, "ids": ids, "changed": changed}[sys.argv[1]]()
