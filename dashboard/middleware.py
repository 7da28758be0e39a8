"""Middleware for the whole site."""

import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

# The longest form, filled to its limits, is half this size.
MAX_BODY_BYTES = 256 * 1024
MAX_QUERY_BYTES = 8 * 1024
View = Callable[[HttpRequest], HttpResponse]


class CorrelationIdMiddleware:
    """Gives each request an id, which its page, its audit entries and its calls to Azure share."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.correlation_id = str(uuid.uuid4())  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Correlation-Id"] = request.correlation_id  # type: ignore[attr-defined]
        return response


class RequestLimitsMiddleware:
    """Refuses requests that no page of this site sends, before anything reads them."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.headers.get("Content-Length", "")
        if length.isascii() and length.isdigit() and int(length) > MAX_BODY_BYTES:
            return _refused(413, "This request is too large. Send less.")
        if len(request.META.get("QUERY_STRING", "")) > MAX_QUERY_BYTES:
            return _refused(414, "This address is too long. Shorten the part after the question mark.")
        if "%00" in request.META.get("QUERY_STRING", ""):
            return _refused(400, "This address contains a null character. Remove it.")
        return self.get_response(request)


def _refused(status: int, sentence: str) -> HttpResponse:
    return HttpResponse(sentence, status=status, content_type="text/plain; charset=utf-8")


class SignedInPagesAreNotStoredMiddleware:
    """Keeps signed-in pages out of every cache, and stops Back from showing a fragment in place of its page.

    https://htmx.org/docs/#caching
    """

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        patch_vary_headers(response, ["HX-Request", "Cookie"])
        response.setdefault("Cache-Control", "no-store")
        response["Cross-Origin-Resource-Policy"] = "same-origin"
        return response
