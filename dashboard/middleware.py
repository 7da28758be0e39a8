"""Middleware of the whole site."""

import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

View = Callable[[HttpRequest], HttpResponse]


class CorrelationIdMiddleware:
    """Give each request an id that its page, its log lines and its calls to Azure share."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.correlation_id = str(uuid.uuid4())  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Correlation-Id"] = request.correlation_id  # type: ignore[attr-defined]
        return response


class SignedInPagesAreNotStoredMiddleware:
    """Keep signed-in pages out of every cache, and a fragment from being shown for its page on Back."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        patch_vary_headers(response, ["HX-Request", "Cookie"])
        response.setdefault("Cache-Control", "no-store")
        return response
