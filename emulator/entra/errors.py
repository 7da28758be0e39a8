"""Entra ID's errors: an OAuth code, an AADSTS number in the description, and ids for support."""

import uuid
from datetime import UTC, datetime
from typing import Any

from django.http import JsonResponse

from emulator import clock

CLIENT = "invalid_client"
GRANT = "invalid_grant"
REQUEST = "invalid_request"


class EntraError(Exception):
    """A refusal: OAuth's word, Entra's number, a sentence, and what else the answer carries."""

    def __init__(self, error: str, code: int, text: str, status: int = 400, **more: Any) -> None:
        super().__init__(text)
        self.error, self.code, self.text, self.status, self.more = error, code, text, status, more

    @property
    def description(self) -> str:
        return f"AADSTS{self.code}: {self.text}"

    def answer(self) -> JsonResponse:
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
