"""Response headers of ARM's long-running operations."""

import re
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime

from endpoints.arm.http import ArmResponse

# An ISO 8601 duration: https://www.rfc-editor.org/rfc/rfc3339#appendix-A
DURATION = re.compile(
    r"P(?:(?P<days>\d{1,4})D)?(?:T(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,8})M)?(?:(?P<seconds>\d{1,9})S)?)?",
    re.ASCII,
)
# Longer than any wait, and short enough to add to a date.
MAX_SECONDS = 10.0**8


def retry_after(response: ArmResponse) -> float | None:
    """Seconds to wait, never negative; None if the header is absent or unreadable.

    A number or a date: https://www.rfc-editor.org/rfc/rfc9110#name-retry-after
    """
    value = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"-?[0-9]+", value):
        return min(MAX_SECONDS, max(0.0, float(value)))
    try:
        date = parsedate_to_datetime(value)
        if date.tzinfo is None:
            date = date.replace(tzinfo=UTC)
        return min(MAX_SECONDS, max(0.0, (date - response.received_at).total_seconds()))
    except (ValueError, OverflowError):
        return None


def operation_timeout(response: ArmResponse) -> timedelta | None:
    """How long the operation may take: `x-ms-async-operation-timeout`, an ISO 8601 duration.

    https://learn.microsoft.com/en-us/rest/api/azureml/serverless-endpoints/create-or-update#response
    """
    match = DURATION.fullmatch(response.headers.get("x-ms-async-operation-timeout", "").strip())
    parts = {name: int(value) for name, value in match.groupdict(default="0").items()} if match else {}
    return timedelta(**parts) if any(parts.values()) else None
