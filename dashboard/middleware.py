"""Middleware of the whole site."""

import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

# The longest form, filled to its limits, is half of this.
MAX_BODY_BYTES = 256 * 1024
MAX_QUERY_BYTES = 8 * 1024
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


class RequestLimitsMiddleware:
    """Refuse, before anything reads it, what no page of this site sends."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.headers.get("Content-Length", "")
        if length.isascii() and length.isdigit() and int(length) > MAX_BODY_BYTES:
            return _refused(413, "This is more than any form here sends. Send less.")
        if len(request.META.get("QUERY_STRING", "")) > MAX_QUERY_BYTES:
            return _refused(414, "This address is too long. Shorten what comes after the question mark.")
        if "%00" in request.META.get("QUERY_STRING", ""):
            return _refused(400, "This address holds a null character, which no text here can have. Remove it.")
        return self.get_response(request)


def _refused(status: int, sentence: str) -> HttpResponse:
    return HttpResponse(sentence, status=status, content_type="text/plain; charset=utf-8")


class SignedInPagesAreNotStoredMiddleware:
    """Keep signed-in pages out of every cache, and a fragment from being shown for its page on Back."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        patch_vary_headers(response, ["HX-Request", "Cookie"])
        response.setdefault("Cache-Control", "no-store")
        response["Cross-Origin-Resource-Policy"] = "same-origin"
        return response
