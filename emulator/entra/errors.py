"""Entra ID's errors: an OAuth code, an AADSTS number in the description, and ids for support.

https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes
"""

import uuid
from datetime import UTC, datetime
from typing import Any

from django.http import JsonResponse

from emulator import clock

CLIENT = "invalid_client"
GRANT = "invalid_grant"
REQUEST = "invalid_request"


class EntraError(Exception):
    """OAuth's error code, Entra's number, a sentence, and further fields of the response."""

    def __init__(self, error: str, code: int, text: str, status: int = 400, **more: Any) -> None:
        super().__init__(text)
        self.error, self.code, self.text, self.status, self.more = error, code, text, status, more

    @property
    def description(self) -> str:
        return f"AADSTS{self.code}: {self.text}"

    def response(self) -> JsonResponse:
        now = datetime.fromtimestamp(clock.wall(), UTC)
        trace_id, correlation_id = str(uuid.uuid4()), str(uuid.uuid4())
        stamp = f"{now:%Y-%m-%d %H:%M:%SZ}"
        ids = f"Trace ID: {trace_id} Correlation ID: {correlation_id} Timestamp: {stamp}"
        body = {
            "error": self.error,
            "error_description": f"{self.description} {ids}",
            "error_codes": [self.code],
            "timestamp": stamp,
            "trace_id": trace_id,
            "correlation_id": correlation_id,
            **self.more,
        }
        return JsonResponse(body, status=self.status)
