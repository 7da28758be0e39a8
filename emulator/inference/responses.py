"""Invented responses of models; the same input has the same embedding."""

import hashlib
import json
import re
import time
import uuid
from collections.abc import Iterator
from typing import Any

from django.http import HttpResponseBase, JsonResponse, StreamingHttpResponse

from emulator.catalogue import Model
from emulator.inference.errors import InferenceError

DIMENSIONS = 1024


def word_count(text: Any) -> int:
    """A stand-in for the number of tokens."""
    return len(re.findall(r"\w+", json.dumps(text)))


def chat(body: dict[str, Any], model: Model, words: int) -> HttpResponseBase:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(message, dict) for message in messages):
        raise InferenceError(400, "BadRequest", "'messages' is required and must be a list of messages.")
    question = str(messages[-1].get("content", ""))[:200]
    text = f"This is the Azure emulator, where no model runs. {model.name} would answer to: {question}"
    head = {"id": f"cmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": model.name}
    usage = {"prompt_tokens": words, "completion_tokens": word_count(text), "total_tokens": words + word_count(text)}
    if body.get("stream"):
        return StreamingHttpResponse(_streamed(head, text, usage), content_type="text/event-stream")
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    return JsonResponse({**head, "object": "chat.completion", "choices": [choice], "usage": usage})


def _streamed(head: dict[str, Any], text: str, usage: dict[str, int]) -> Iterator[str]:
    """Word by word, as server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html"""
    chunk = {**head, "object": "chat.completion.chunk"}
    deltas: list[dict[str, str]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": word} for word in re.findall(r"\S+\s*", text)]
    for delta in deltas:
        yield _event({**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
    yield _event({**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage})
    yield "data: [DONE]\n\n"


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data)}\n\n"


def complete(body: dict[str, Any], model: Model, words: int) -> HttpResponseBase:
    text = f"This is the Azure emulator, where no model runs. {model.name} would continue here."
    usage = {"prompt_tokens": words, "completion_tokens": word_count(text), "total_tokens": words + word_count(text)}
    choice = {"index": 0, "finish_reason": "stop", "text": text}
    head = {"id": f"cmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": model.name}
    return JsonResponse({**head, "object": "text_completion", "choices": [choice], "usage": usage})


def embed(body: dict[str, Any], model: Model, words: int) -> HttpResponseBase:
    texts = [body["input"]] if isinstance(body.get("input"), str) else body.get("input")
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise InferenceError(400, "BadRequest", "'input' is required and must be a text or a list of texts.")
    data = [{"index": index, "object": "embedding", "embedding": _vector(text)} for index, text in enumerate(texts)]
    usage = {"prompt_tokens": words, "total_tokens": words}
    return JsonResponse({"object": "list", "model": model.name, "data": data, "usage": usage})


def _vector(text: str) -> list[float]:
    """The same text has the same vector; it carries no other meaning."""
    digest = hashlib.shake_256(text.encode(errors="replace")).digest(DIMENSIONS)
    return [round(byte / 127.5 - 1, 4) for byte in digest]


ROUTES = {
    ("/chat/completions", "chat_completion"): chat,
    ("/completions", "chat_completion"): complete,
    ("/completions", "text_generation"): complete,
    ("/embeddings", "embeddings"): embed,
}
