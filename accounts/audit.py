"""Writes, searches and exports the audit log."""

import csv
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from functools import partial, reduce
from operator import or_
from typing import Any

from django.db.models import Q, QuerySet

from accounts.actor import Actor
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
# A spreadsheet reads a cell with one of these prefixes as a formula.
# https://owasp.org/www-community/attacks/CSV_Injection
FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r")


def record(
    action: str,
    actor: Actor | None,
    *,
    target: str = "",
    outcome: str = "done",
    details: dict[str, Any] | None = None,
    correlation_id: str = "",
) -> None:
    """Add an entry; `actor` is None for actions of the system. `correlation_id` is set for actions that call Azure.

    An "attempted" action gets a second entry when its outcome is known.
    """
    actor = actor or Actor()
    AuditEntry.objects.create(
        action=action,
        outcome=outcome,
        actor=actor.user,
        actor_name=actor.user.username if actor.user else "",
        actor_oid=actor.user.oid if actor.user else "",
        target=target[:1024],
        details=details or {},
        request_id=actor.request_id,
        correlation_id=correlation_id,
        address=actor.address,
        user_agent=actor.user_agent[:300],
    )


def record_for_azure(entries: Iterable[tuple[str, dict[str, Any], str]]) -> None:
    """Add entries of what others did in Azure, given as action, details and target."""
    AuditEntry.objects.bulk_create(
        AuditEntry(action=action, outcome="done", target=target[:1024], details=details)
        for action, details, target in entries
    )


@contextmanager
def attempt(
    action: str,
    actor: Actor | None,
    *,
    target: str = "",
    details: dict[str, Any] | None = None,
    correlation_id: str = "",
) -> Iterator[None]:
    """Record an action before it starts, and its outcome after. Not within a transaction, which could undo both."""
    add_entry = partial(record, action, actor, target=target, correlation_id=correlation_id)
    add_entry(outcome="attempted", details=details)
    try:
        yield
    except BaseException as error:
        # The message may quote a secret; the class does not.
        add_entry(outcome="failed", details={**(details or {}), "error": type(error).__name__})
        raise
    add_entry(outcome="done", details=details)


def record_role_change(user: User, before: list[str], actor: Actor | None = None) -> None:
    """Add an entry if Entra ID now gives the user other roles than before."""
    if set(before) != set(user.roles):
        record("role-changed", actor or Actor(user), details={"from": before, "to": user.roles})


def find(text: str = "", action: str = "", outcome: str = "", since: str = "", until: str = "") -> QuerySet[AuditEntry]:
    """Matching entries, newest first. `text` is searched in actor, target, address and ids; the days are inclusive."""
    entries = AuditEntry.objects.all()
    if text:
        columns = ("actor_name", "actor_oid", "target", "address", "request_id", "correlation_id")
        entries = entries.filter(reduce(or_, (Q(**{f"{column}__icontains": text}) for column in columns)))
    exact = {"action": action, "outcome": outcome, "at__gte": _day(since), "at__lt": _day(until, days_later=1)}
    return entries.filter(**{name: value for name, value in exact.items() if value})


def _day(text: str, days_later: int = 0) -> datetime | None:
    """The start of a day such as 2026-11-25; None if the text is not a date."""
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC) + timedelta(days=days_later)
    except (ValueError, OverflowError):
        return None


def as_csv(entries: QuerySet[AuditEntry]) -> Iterator[str]:
    """The entries as CSV, line by line: a long log does not fit in memory."""
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
    return f"'{text}" if text.startswith(FORMULA_PREFIXES) else text
