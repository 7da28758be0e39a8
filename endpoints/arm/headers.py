"""Headers of ARM's long-running operations."""

import re
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime

from endpoints.arm.http import ArmResponse

DURATION = re.compile(
    r"P(?:(?P<days>\d{1,4})D)?(?:T(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,8})M)?(?:(?P<seconds>\d{1,9})S)?)?",
    re.ASCII,
)
# More than anybody waits, and few enough to add to a date.
MAX_SECONDS = 10.0**8


def retry_after(response: ArmResponse) -> float | None:
    """Seconds to wait as RFC 9110 writes them, number or date, never negative; None when absent or not readable."""
    value = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"-?[0-9]+", value):
        return min(MAX_SECONDS, max(0.0, float(value)))
    try:
        moment = parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return min(MAX_SECONDS, max(0.0, (moment - response.received_at).total_seconds()))
    except (ValueError, OverflowError):
        return None


def operation_timeout(response: ArmResponse) -> timedelta | None:
    """How long ARM means to follow the operation (`x-ms-async-operation-timeout`, an ISO 8601 duration)."""
    match = DURATION.fullmatch(response.headers.get("x-ms-async-operation-timeout", "").strip())
    parts = {name: int(value) for name, value in match.groupdict(default="0").items()} if match else {}
    return timedelta(**parts) if any(parts.values()) else None
