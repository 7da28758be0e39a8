"""Writes the audit log."""

from typing import Any

from django.http import HttpRequest

from accounts.models import AuditEntry, User


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
        address=(request.META.get("REMOTE_ADDR") or None) if request else None,
        user_agent=headers.get("User-Agent", "")[:300],
    )
