"""How often somebody may do what costs others something: counted in the database, which all processes share."""

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
    """Each is the name of its setting."""

    SIGN_INS = "SIGN_INS_PER_MINUTE"
    CREATIONS = "CREATIONS_PER_MINUTE"
    KEYS = "KEY_READS_PER_MINUTE"


class RateLimited(Exception):
    """The share of this minute is used up."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"That was too often in one minute. Wait {seconds} seconds, then try again.")
        self.seconds = seconds


def hit(limit: RateLimit, who: str, actor: Actor, *, target: str) -> None:
    """Count one more. Raises RateLimited until the minute that the first one began is over."""
    now, most = timezone.now(), getattr(settings, limit)
    key = f"{limit}:{who}"
    current = RateCount.objects.filter(key=key, since__gt=now - WINDOW)
    if not current.update(count=F("count") + 1):
        RateCount.objects.update_or_create(key=key, defaults={"since": now, "count": 1})
        return
    counted = current.first()
    if counted is None or counted.count <= most:
        return
    if counted.count == most + 1:  # once a minute, so that nobody fills the log
        audit.record("refused", actor, target=target, outcome="refused", details={"limit": f"{most} a minute"})
    raise RateLimited(max(1, round((counted.since + WINDOW - now).total_seconds())))


def forget_counts(now: datetime) -> None:
    RateCount.objects.filter(since__lt=now - WINDOW).delete()


def client_network(actor: Actor) -> str:
    """The network a request comes from, as far as one client owns it: with IPv6 every client has 2^64 addresses.

    https://www.rfc-editor.org/rfc/rfc6177
    """
    address = ip_address(actor.address or "0.0.0.0")  # noqa: S104  (nothing listens there)
    return str(ip_network((address, 64), strict=False)) if isinstance(address, IPv6Address) else str(address)
