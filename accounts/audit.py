"""Writes the audit log, and finds in it."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from functools import partial, reduce
from ipaddress import ip_address
from operator import or_
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from accounts.models import AuditEntry, User

COLUMNS = (
    "at",
    "actor_name",
    "actor_oid",
    "action",
    "outcome",
    "target",
    "details",
    "address",
    "user_agent",
    "request_id",
    "correlation_id",
)
# A spreadsheet takes a cell that begins like this for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def record(
    action: str,
    *,
    request: HttpRequest | None,
    actor: User | None,
    target: str = "",
    outcome: str = "done",
    details: dict[str, Any] | None = None,
    correlation_id: str = "",
) -> None:
    """Add an entry. What is only attempted here is told again, with its end, when that is known."""
    headers = request.headers if request else {}
    AuditEntry.objects.create(
        action=action,
        outcome=outcome,
        actor=actor,
        actor_name=actor.username if actor else "",
        actor_oid=actor.oid if actor else "",
        target=target[:1024],
        details=details or {},
        request_id=getattr(request, "correlation_id", ""),
        correlation_id=correlation_id,
        address=address_of(request) if request else None,
        user_agent=headers.get("User-Agent", "")[:300],
    )


@contextmanager
def attempt(
    action: str,
    *,
    request: HttpRequest | None,
    actor: User | None,
    target: str = "",
    details: dict[str, Any] | None = None,
    correlation_id: str = "",
) -> Iterator[None]:
    """Tell that something begins before it is done, and how it ended. Not within a transaction, which could undo it."""
    tell = partial(
        record, action, request=request, actor=actor, target=target, details=details, correlation_id=correlation_id
    )
    tell(outcome="attempted")
    try:
        yield
    except BaseException as error:
        # Its text may quote what was being done; its kind does not.
        tell(outcome="failed", details={**(details or {}), "error": type(error).__name__})
        raise
    tell(outcome="done")


def address_of(request: HttpRequest) -> str | None:
    """Where a request came from: behind a proxy of ours the last forwarded address, which the proxy added."""
    told = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_TLS_PROXY:
        told = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or told
    try:
        return str(ip_address(told))
    except ValueError:
        return None


def role_changed(user: User, before: list[str], request: HttpRequest | None = None) -> None:
    """Write down that Entra ID gave somebody other roles than before."""
    if set(before) != set(user.roles):
        record("role-changed", request=request, actor=user, details={"from": before, "to": user.roles})


def find(text: str = "", action: str = "", outcome: str = "", since: str = "", until: str = "") -> QuerySet[AuditEntry]:
    """Entries, newest first, of this action, outcome and days whose actor, target, address or ids contain the text."""
    found = AuditEntry.objects.all()
    if text:
        columns = ("actor_name", "actor_oid", "target", "address", "request_id", "correlation_id")
        found = found.filter(reduce(or_, (Q(**{f"{column}__icontains": text}) for column in columns)))
    exact = {"action": action, "outcome": outcome, "at__gte": _day(since), "at__lt": _day(until, days_later=1)}
    return found.filter(**{name: value for name, value in exact.items() if value})


def _day(text: str, days_later: int = 0) -> datetime | None:
    """When a day such as 2026-11-25 begins; None for what is no day."""
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC) + timedelta(days=days_later)
    except (ValueError, OverflowError):
        return None


def as_csv(entries: QuerySet[AuditEntry]) -> Iterator[str]:
    """A table for spreadsheets, line by line, so that a long log is never whole in memory."""
    line = io.StringIO()
    writer = csv.writer(line)
    writer.writerow(COLUMNS)
    for entry in entries.iterator(chunk_size=500):
        writer.writerow([_cell(getattr(entry, name)) for name in COLUMNS])
        yield line.getvalue()
        line.seek(0)
        line.truncate()
    yield line.getvalue()


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text
