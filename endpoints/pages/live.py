"""The live part of a page, which htmx polls. It is sent only if it changed.

A tag has two parts, `digest.detail`. Two pages with the same digest look the same; the detail says what the browser
shows, for the announcement. Browser and server exchange it as an entity tag:
https://www.rfc-editor.org/rfc/rfc9110#field.if-none-match
"""

import hashlib
from collections.abc import Callable
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render

from accounts.http import SignedInRequest

POLL_WHILE_WORKING_SECONDS, POLL_AT_REST_SECONDS = 2, 15


def shown_tag(request: SignedInRequest) -> str:
    """The tag of the page that the browser shows; empty for its first request."""
    return request.headers.get("If-None-Match", "").strip().removeprefix("W/").strip('"')


def not_modified(tag: object) -> HttpResponse:
    """The browser shows this already; it sends this tag the next time."""
    return HttpResponse(status=304, headers={"ETag": f'"{tag}"'})


@cache
def release() -> str:
    """Changes with the templates, so that a new release redraws every open page."""
    templates = sorted((settings.BASE_DIR / "templates").rglob("*.html"))
    return hashlib.sha256(b"".join(template.read_bytes() for template in templates)).hexdigest()


def live_response(
    request: SignedInRequest,
    template: str,
    tag: str,
    *,
    context: Callable[[], dict[str, Any]],
    announcement: Callable[[], str],
) -> HttpResponse:
    """The whole page; for htmx the partial `live` of its template, or 304 if the browser already shows it."""
    shown = shown_tag(request)
    if shown and shown.partition(".")[0] == tag.partition(".")[0]:
        return not_modified(tag)
    if not request.htmx or request.htmx.history_restore_request:
        response = render(request, template, context())
    else:
        response = render(request, f"{template}#live", {**context(), "announcement": announcement()})
    response["ETag"] = f'"{tag}"'
    return response
