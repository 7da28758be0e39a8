"""Headers of ARM's long-running operations."""

import pytest

from endpoints.arm.headers import operation_timeout, retry_after
from tests.support.arm_responses import arm_response


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2", 2),
        ("0", 0),
        ("-5", 0),
        ("Tue, 24 Nov 2026 12:00:04 GMT", 4),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("/bar", None),
        ("", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(text: str, seconds: float | None) -> None:
    assert retry_after(arm_response(202, Retry_After=text)) == seconds


def test_operation_timeout_is_an_iso_duration() -> None:
    limit = operation_timeout(arm_response(201, x_ms_async_operation_timeout="PT1H30M"))
    assert limit is not None
    assert limit.total_seconds() == 5400
    assert operation_timeout(arm_response(201)) is None
