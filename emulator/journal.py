"""What came in lately, for people and tests to look at: in memory only, and without any secret."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase

_KEEP: Final = 1000
_MOST_BODY: Final = 10_000
# Headers that say who the caller is, or where only those may look who were told.
_SECRET: Final = {"authorization", "cookie", "set-cookie", "x-identity-header", "api-key"}
_SIGNED: Final = {"azure-asyncoperation", "location"}


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Detail:
    """One request and its answer, word for word but for secrets."""

    query: str
    headers: dict[str, str]
    body: str
    answer_headers: dict[str, str]
    answer_body: str


_lock = threading.Lock()
_entries: deque[tuple[Entry, HttpRequest, dict[str, str], bytes]] = deque(maxlen=_KEEP)
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
        faults=tuple(getattr(request, "faults", ())),
    )
    body = response.content[:_MOST_BODY] if isinstance(response, HttpResponse) else b""
    with _lock:
        _entries.append((entry, request, dict(response.items()), body))


def newest_first(limit: int = _KEEP) -> list[dict[str, Any]]:
    with _lock:
        chosen = list(itertools.islice(reversed(_entries), limit))
    return [asdict(entry) for entry, *_ in chosen]


def detail(number: int) -> dict[str, Any] | None:
    """Everything about one request; None when it is not kept any more."""
    with _lock:
        found = next((one for one in _entries if one[0].number == number), None)
    if found is None:
        return None
    entry, request, answer_headers, answer_body = found
    has_secrets = not request.path.startswith("/subscriptions") or request.method == "POST"
    return asdict(entry) | asdict(
        Detail(
            query="" if "&s=" in request.META.get("QUERY_STRING", "") else request.META.get("QUERY_STRING", ""),
            headers=_shown(dict(request.headers)),
            body="" if has_secrets else _text(getattr(request, "_body", b"")),
            answer_headers=_shown(answer_headers),
            answer_body="" if has_secrets else _text(answer_body),
        )
    )


def clear() -> None:
    with _lock:
        _entries.clear()


def _shown(headers: dict[str, str]) -> dict[str, str]:
    return {name: _without_secret(name.lower(), value) for name, value in headers.items()}


def _without_secret(name: str, value: str) -> str:
    if name in _SECRET:
        return "(secret)"
    return f"{value.partition('&t=')[0]}&t=(signed)" if name in _SIGNED and "&t=" in value else value


def _text(body: bytes) -> str:
    return body[:_MOST_BODY].decode(errors="replace")
