"""What an endpoint serves at its own address: a stand-in that checks keys and limits, and invents its answers."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse

from emulator import clock, state
from emulator.arm import operations
from emulator.arm.resources import model_of
from emulator.catalogue import Model, find_model
from emulator.faults import Target
from emulator.options import options
from emulator.state import Resource

# What a deployment may be asked in a minute.
_REQUESTS: Final = 1000
_TOKENS: Final = 200_000
_MINUTE: Final = 60.0
_DIMENSIONS: Final = 1024


@dataclass(frozen=True, slots=True)
class Called:
    """A request to an endpoint's own address."""

    name: str
    region: str
    path: str


@dataclass(slots=True)
class _Budget:
    since: float
    requests: int = 0
    tokens: int = 0


_lock = threading.Lock()
_budgets: dict[str, _Budget] = {}


class Refused(Exception):
    def __init__(self, status: int, code: str, text: str, retry_after: int | None = None) -> None:
        super().__init__(text)
        self.status, self.code, self.text, self.retry_after = status, code, text, retry_after

    def answer(self) -> HttpResponse:
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        body = {"error": {"code": self.code, "message": self.text, "status": self.status}}
        return JsonResponse(body, status=self.status, headers=headers)


def called(request: HttpRequest) -> Called | None:
    """Which endpoint is meant, by the address it was told to have; None when the request is for Azure itself."""
    found = _address().fullmatch(f"{request.headers.get('Host', '')}{request.path}")
    return Called(found["name"], found["region"], f"/{found['path'] or ''}") if found else None


@cache
def _address() -> re.Pattern[str]:
    """The template of addresses, turned around, without the scheme, which may have been changed on the way here."""
    host, slash, path = options().inference_uri.partition("://")[2].partition("/")
    template = f"{re.escape(host) if '{' in host else '[^/]*'}{slash}{re.escape(path)}"
    for part in ("name", "region"):
        template = template.replace(rf"\{{{part}\}}", f"(?P<{part}>[a-zA-Z0-9-]+)")
    return re.compile(rf"{template}(?:/(?P<path>.*))?", re.IGNORECASE)


def target_of(request: HttpRequest, found: Called) -> Target:
    row = _endpoint(found)
    workspace = row.workspace.rpartition("/")[2] if row else ""
    model = model_of(row.document) if row else ""
    return Target("inference", request.method or "", found.path, found.name, model, workspace)


def serve(request: HttpRequest, found: Called) -> HttpResponseBase:
    try:
        with state.lock:
            row, model = _served(found)
            _check_key(request, row)
        return _answer(request, found, model)
    except Refused as error:
        return error.answer()


def _endpoint(found: Called) -> Resource | None:
    for rows in state.state().endpoints.values():
        row = rows.get(found.name.lower())
        if row and row.document["location"] == found.region.lower():
            return row
    return None


def _served(found: Called) -> tuple[Resource, Model]:
    """The endpoint and its model. Raises Refused: what is not there, not ready or retired looks the same from here."""
    row = _endpoint(found)
    if row:
        operations.settle_purchases(row.workspace)
        operations.settle(row)
    if row is None or row.document["properties"]["inferenceEndpoint"] is None:
        raise Refused(404, "NotFound", "The resource was not found.")
    model = find_model(model_of(row.document)) or Model("", model_of(row.document), frozenset(), False, False)
    if model.retired:
        raise Refused(404, "NotFound", "The resource was not found.")
    if row.document["properties"]["endpointState"] != "Online":
        raise Refused(403, "EndpointSuspended", "The endpoint is suspended and serves nothing.")
    return row, model


def _check_key(request: HttpRequest, row: Resource) -> None:
    """Clients send the key as a bearer token, bare, or in a header of its own."""
    header = request.headers.get("Authorization", "")
    sent = (header.removeprefix("Bearer ").strip() or request.headers.get("api-key", "")).encode()
    if not any(secrets.compare_digest(sent, key.encode()) for key in row.keys.values()):
        text = "Access denied due to an invalid key. Provide a valid key of this endpoint, as a bearer token."
        raise Refused(401, "Unauthorized", text)


def _answer(request: HttpRequest, found: Called, model: Model) -> HttpResponseBase:
    route = found.path.rstrip("/").removeprefix("/v1")
    if route == "/info" and request.method == "GET":
        publisher = model.registry.removeprefix("azureml-") or "azureml"
        return JsonResponse({"model_name": model.name, "model_type": model.task, "model_provider_name": publisher})
    work = _ROUTES.get((route, model.task))
    if work is None:
        raise Refused(404, "NotFound", f"There is nothing at '{found.path}' for a model of type {model.task}.")
    if request.method != "POST":
        raise Refused(405, "MethodNotAllowed", "Method not allowed.")
    body = _body(request)
    words = _words(body.get("messages") or body.get("input") or body.get("prompt") or "")
    _spend(f"{found.region}/{found.name}".lower(), words)
    return work(body, model, words)


def _body(request: HttpRequest) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise Refused(400, "BadRequest", "The request body must be a JSON object.")
    return body


def _words(said: Any) -> int:
    """What passes for the number of tokens."""
    return len(re.findall(r"\w+", json.dumps(said)))


def _spend(key: str, tokens: int) -> None:
    now = clock.now()
    with _lock:
        budget = _budgets.get(key)
        if budget is None or now - budget.since >= _MINUTE:
            budget = _budgets[key] = _Budget(now)
        if budget.requests >= _REQUESTS or budget.tokens + tokens > _TOKENS:
            wait = max(1, round(budget.since + _MINUTE - now))
            raise Refused(429, "RateLimitReached", f"Rate limit is exceeded. Try again in {wait} seconds.", wait)
        budget.requests, budget.tokens = budget.requests + 1, budget.tokens + tokens


def forget_budgets() -> None:
    with _lock:
        _budgets.clear()


def _chat(body: dict[str, Any], model: Model, words: int) -> HttpResponseBase:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(one, dict) for one in messages):
        raise Refused(400, "BadRequest", "'messages' is required and must be a list of messages.")
    said = str(messages[-1].get("content", ""))[:200]
    text = f"This is the Azure emulator, where no model runs. {model.name} would answer to: {said}"
    head = {"id": f"cmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": model.name}
    usage = {"prompt_tokens": words, "completion_tokens": _words(text), "total_tokens": words + _words(text)}
    if body.get("stream"):
        return StreamingHttpResponse(_streamed(head, text, usage), content_type="text/event-stream")
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    return JsonResponse({**head, "object": "chat.completion", "choices": [choice], "usage": usage})


def _streamed(head: dict[str, Any], text: str, usage: dict[str, int]) -> Iterator[str]:
    """Word by word, as server-sent events."""
    chunk = {**head, "object": "chat.completion.chunk"}
    deltas: list[dict[str, str]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": word} for word in re.findall(r"\S+\s*", text)]
    for delta in deltas:
        yield _event({**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    yield _event({**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage})
    yield "data: [DONE]\n\n"


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data)}\n\n"


def _complete(body: dict[str, Any], model: Model, words: int) -> HttpResponseBase:
    text = f"This is the Azure emulator, where no model runs. {model.name} would go on here."
    usage = {"prompt_tokens": words, "completion_tokens": _words(text), "total_tokens": words + _words(text)}
    choice = {"index": 0, "finish_reason": "stop", "text": text}
    head = {"id": f"cmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": model.name}
    return JsonResponse({**head, "object": "text_completion", "choices": [choice], "usage": usage})


def _embed(body: dict[str, Any], model: Model, words: int) -> HttpResponseBase:
    texts = [body["input"]] if isinstance(body.get("input"), str) else body.get("input")
    if not isinstance(texts, list) or not texts or not all(isinstance(one, str) for one in texts):
        raise Refused(400, "BadRequest", "'input' is required and must be a text or a list of texts.")
    data = [{"index": index, "object": "embedding", "embedding": _vector(text)} for index, text in enumerate(texts)]
    usage = {"prompt_tokens": words, "total_tokens": words}
    return JsonResponse({"object": "list", "model": model.name, "data": data, "usage": usage})


def _vector(text: str) -> list[float]:
    """The same text has the same vector; nothing else is meant by it."""
    digest = hashlib.shake_256(text.encode(errors="replace")).digest(_DIMENSIONS)
    return [round(byte / 127.5 - 1, 4) for byte in digest]


_ROUTES: Final = {
    ("/chat/completions", "chat_completion"): _chat,
    ("/completions", "chat_completion"): _complete,
    ("/completions", "text_generation"): _complete,
    ("/embeddings", "embeddings"): _embed,
}
