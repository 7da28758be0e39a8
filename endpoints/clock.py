"""The time of the database.

Machines disagree about the time, and leases and due times are written by one machine and compared by another. So all
of them use the clock of the database.
"""

import time
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

MEASURED_EVERY_SECONDS = 10.0

_measured: tuple[datetime, float] | None = None


def now() -> datetime:
    """The time of the database. With SQLite there is only one machine, so its own clock will do."""
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
            # While the database is down, continue from the last measurement, so that workers survive it.
            if measured is None:
                raise
    return measured[0] + timedelta(seconds=time.monotonic() - measured[1])
