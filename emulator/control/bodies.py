"""Bodies of requests to the control API."""

import json
from typing import Any

from django.http import HttpRequest


def json_body(request: HttpRequest) -> dict[str, Any]:
    """Raises ValueError, in a sentence."""
    try:
        body = json.loads(request.body or b"{}")
    except RecursionError:
        raise ValueError("Send a flat JSON object.") from None
    if not isinstance(body, dict):
        raise ValueError("Send a JSON object.")
    return body
