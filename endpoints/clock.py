"""The time by the database's clock.

Machines disagree about the time, and leases and due times compare what different machines wrote, so all of it is
written by one clock.
"""

import time
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

MEASURED_EVERY_SECONDS = 10.0

_measured: tuple[datetime, float] | None = None


def now() -> datetime:
    """The database's time; SQLite has that of this machine, which is the only one."""
    if connection.vendor == "sqlite":
        return timezone.now()
    global _measured
    measured = _measured
    if measured is None or time.monotonic() - measured[1] > MEASURED_EVERY_SECONDS:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT clock_timestamp()")
                measured = _measured = (cursor.fetchone()[0], time.monotonic())
        except (OperationalError, InterfaceError):
            # Away for a while. What was measured goes on, so that nobody ends for want of the time.
            if measured is None:
                raise
    return measured[0] + timedelta(seconds=time.monotonic() - measured[1])
