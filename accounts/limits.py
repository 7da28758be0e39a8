"""Rate limits per user or client network, counted in the database, which all processes share."""

from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from accounts import audit
from accounts.actor import Actor
from accounts.models import RateCount

WINDOW = timedelta(minutes=1)


class RateLimit(StrEnum):
    """The value is the name of the setting with the limit per minute."""

    SIGN_INS = "SIGN_INS_PER_MINUTE"
    CREATIONS = "CREATIONS_PER_MINUTE"
    CHECKS = "CHECKS_PER_MINUTE"
    KEYS = "KEY_READS_PER_MINUTE"


class RateLimited(Exception):
    """The client has used up its requests for this minute."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many requests. Try again in {seconds} seconds.")
        self.seconds = seconds


def hit(limit: RateLimit, client: str, actor: Actor, *, target: str) -> None:
    """Count a request. Raises RateLimited if the client exceeds its limit within a minute of its first request."""
    now, maximum = timezone.now(), getattr(settings, limit)
    key = f"{limit}:{client}"
    current = RateCount.objects.filter(key=key, since__gt=now - WINDOW)
    if not current.update(count=F("count") + 1):
        RateCount.objects.update_or_create(key=key, defaults={"since": now, "count": 1})
        return
    counted = current.first()
    if counted is None or counted.count <= maximum:
        return
    if counted.count == maximum + 1:  # once per window, so that no client can flood the log
        audit.record("refused", actor, target=target, outcome="refused", details={"limit": f"{maximum} a minute"})
    raise RateLimited(max(1, round((counted.since + WINDOW - now).total_seconds())))


def delete_expired(now: datetime) -> None:
    RateCount.objects.filter(since__lt=now - WINDOW).delete()


def client_network(actor: Actor) -> str:
    """The network that one client controls: its IPv4 address, or its IPv6 /64, the smallest network a site gets.

    https://www.rfc-editor.org/rfc/rfc6177
    """
    address = ip_address(actor.address or "0.0.0.0")  # noqa: S104  (nothing listens there)
    return str(ip_network((address, 64), strict=False)) if isinstance(address, IPv6Address) else str(address)
