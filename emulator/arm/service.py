"""The parts that all of ARM's responses share: the token and api-version checks before, headers and errors after.

https://github.com/cloud-and-ai-microsoft/resource-provider-contract/blob/master/v1.0/common-api-details.md
"""

import json
import re
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse

from emulator import clock, state
from emulator.arm import registration, throttle, tokens
from emulator.arm.errors import ArmError, Document
from emulator.numbers import whole_number
from emulator.options import options

# Any version: clients send others than 2025-09-01, and ARM's own resource types have other ones.
VERSION = re.compile(r"20\d\d-\d\d-\d\d(-preview)?")
MAX_BODY = 1_000_000

ArmView = Callable[..., HttpResponse]


def arm(*methods: str) -> Callable[[ArmView], Callable[..., HttpResponse]]:
    """Make a view of ARM out of a function that takes the request, the caller, and the names in the path."""

    def decorate(view: ArmView) -> Callable[..., HttpResponse]:
        @wraps(view)
        def checked(request: HttpRequest, **names: str) -> HttpResponse:
            started = time.perf_counter()
            headers: dict[str, str] = {}
            try:
                if request.method not in methods:
                    raise ArmError(405, "HttpMethodNotAllowed", f"The method '{request.method}' is not supported here.")
                _check_version(request)
                caller = tokens.caller(request)
                headers = throttle.hit(caller.person.oid, names.get("subscription", ""), request.method)
                with state.lock:
                    response = _without_registration(request) or view(request, caller, **names)
            except ArmError as error:
                response = json_response(error.document, error.status)
                headers |= error.headers | {"x-ms-response-type": "error"}
            return _with_headers(response, request, headers, started)

        return checked

    return decorate


def _without_registration(request: HttpRequest) -> HttpResponse | None:
    document = registration.check(str(request.method), request.path, request.GET["api-version"])
    return json_response(document) if document else None


def json_response(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    if document is None:
        return HttpResponse(status=status, headers=headers)
    return HttpResponse(json.dumps(document), "application/json; charset=utf-8", status, headers=headers)


def body_of(request: HttpRequest) -> Document:
    """The JSON object of a request. Raises ArmError."""
    if len(request.body) > MAX_BODY:
        raise ArmError(413, "RequestContentTooLarge", "The request content is too large.")
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        raise ArmError(400, "InvalidRequestContent", "The request content was invalid and could not be read.") from None
    if not isinstance(body, dict):
        raise ArmError(400, "InvalidRequestContent", "The request content must be a JSON object.")
    return body


def page(request: HttpRequest, items: list[Document], next_link: str | None = None) -> HttpResponse:
    """One page of a list, with the link to the next; the last page has none, or an empty one."""
    size, first = options().page_size, _skip(request)
    document: Document = {"value": items[first : first + size]}
    if next_link is not None:
        document["nextLink"] = next_link
    if len(items) > first + size:
        query = request.GET.copy()
        query["$skip"] = str(first + size)
        document["nextLink"] = f"{options().public_url}{quote(request.path)}?{query.urlencode()}"
    return json_response(document)


def _skip(request: HttpRequest) -> int:
    number = whole_number(request.GET.get("$skip", "0"))
    if number is None:
        raise ArmError(400, "InvalidSkipToken", "The value of '$skip' is not valid.")
    return number


def _check_version(request: HttpRequest) -> None:
    version = request.GET.get("api-version", "")
    if not version:
        text = "The api-version query parameter (?api-version=) is required for all requests."
        raise ArmError(400, "MissingApiVersionParameter", text)
    if not VERSION.fullmatch(version):
        raise ArmError(400, "NoRegisteredProviderFound", f"No registered resource provider found for '{version}'.")


def _with_headers(response: HttpResponse, request: HttpRequest, more: dict[str, Any], started: float) -> HttpResponse:
    correlation_id = request.headers.get("x-ms-correlation-request-id") or str(uuid.uuid4())
    stamp = datetime.fromtimestamp(clock.now(), UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {
        "Cache-Control": "no-cache",
        "Pragma": "no-cache",
        "Expires": "-1",
        "X-Content-Type-Options": "nosniff",
        "x-ms-response-type": "standard",
        "x-ms-request-id": correlation_id,
        "x-ms-correlation-request-id": correlation_id,
        "x-ms-routing-request-id": f"EMULATOR:{stamp}:{uuid.uuid4()}",
        "x-request-time": f"{time.perf_counter() - started:.3f}",
        **more,
    }
    if request.headers.get("x-ms-return-client-request-id", "").lower() == "true":
        headers["x-ms-client-request-id"] = request.headers.get("x-ms-client-request-id", "")
    for name, value in headers.items():
        response.headers.setdefault(name, value)
    if more.get("x-ms-response-type"):
        response.headers["x-ms-response-type"] = "error"
    return response
