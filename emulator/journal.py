"""The latest requests and responses, for people and tests: in memory only, and without secrets."""

import itertools
import re
import threading
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from emulator import faults

MAX_ENTRIES = 1000
MAX_BODY = 20_000
# Headers that authenticate the caller.
SECRET = {"authorization", "cookie", "set-cookie", "x-identity-header", "api-key"}
KEYS = re.compile(r'("(?:primaryKey|secondaryKey|keyValue)": *")[^"]*')
SIGNED = {"azure-asyncoperation", "location"}


@dataclass(frozen=True)
class Entry:
    number: int
    at: str
    method: str
    path: str
    status: int
    who: str
    milliseconds: float
    client_request_id: str
    correlation_id: str
    faults: tuple[str, ...]


@dataclass(frozen=True)
class _Kept:
    """A request and its response as they were; secrets are removed on reading."""

    entry: Entry
    request: HttpRequest
    response_headers: dict[str, str]
    response_body: bytes

    def detail(self) -> dict[str, Any]:
        query, is_arm = self.request.META.get("QUERY_STRING", ""), self.entry.path.lower().startswith("/subscriptions")
        return {
            **asdict(self.entry),
            "query": query if is_arm and "&s=" not in query else "",
            "headers": _shown(dict(self.request.headers)),
            "body": _text(getattr(self.request, "_body", b"")) if is_arm else "",
            "response_headers": _shown(self.response_headers),
            "response_body": _text(self.response_body) if is_arm else "",
        }


_lock = threading.Lock()
_entries: deque[_Kept] = deque(maxlen=MAX_ENTRIES)
_numbers = itertools.count(1)


def write(request: HttpRequest, response: HttpResponseBase, *, at: str, who: str, milliseconds: float) -> None:
    entry = Entry(
        number=next(_numbers),
        at=at,
        method=request.method or "",
        path=request.path,
        status=response.status_code,
        who=who,
        milliseconds=milliseconds,
        client_request_id=request.headers.get("x-ms-client-request-id", ""),
        correlation_id=request.headers.get("x-ms-correlation-request-id", ""),
        faults=faults.applied(),
    )
    body = response.content[: MAX_BODY + 1] if isinstance(response, HttpResponse) else b""
    with _lock:
        _entries.append(_Kept(entry, request, dict(response.items()), body))


def newest_first(limit: int = MAX_ENTRIES) -> list[dict[str, Any]]:
    with _lock:
        newest = list(itertools.islice(reversed(_entries), limit))
    return [asdict(kept.entry) for kept in newest]


def details(number: int | None = None) -> list[dict[str, Any]]:
    """All requests in full, oldest first, or one of them."""
    with _lock:
        return [kept.detail() for kept in _entries if number in (None, kept.entry.number)]


def clear() -> None:
    with _lock:
        _entries.clear()


def _shown(headers: dict[str, str]) -> dict[str, str]:
    return {name: _without_secret(name.lower(), value) for name, value in headers.items()}


def _without_secret(name: str, value: str) -> str:
    if name in SECRET:
        return "(secret)"
    if name == "location" and "code=" in value:
        return f"{value.partition('?')[0]}?(secret)"
    return f"{value.partition('&t=')[0]}&t=(signed)" if name in SIGNED and "&t=" in value else value


def _text(body: bytes) -> str:
    text = KEYS.sub(r"\1(secret)", body.decode(errors="replace"))
    return f"{text[:MAX_BODY]} (cut)" if len(text) > MAX_BODY else text
