"""ARM's error envelope: `{"error": {"code", "message", "target", "details", "additionalInfo"}}`, any part missing."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from endpoints.arm.http import ArmResponse

# Errors nest a few times; whatever goes deeper than this is nonsense.
MAX_LEVELS = 20


@dataclass(frozen=True)
class ArmError:
    """A failure as ARM told it, or as this client had to conclude it.

    `status` is the HTTP status of the answer that carried it, or 0 when it was no HTTP error. `raw` is ARM's own
    object, kept whole.
    """

    code: str
    message: str
    status: int
    raw: dict[str, Any]

    @classmethod
    def from_response(cls, response: ArmResponse) -> "ArmError":
        """Read a 4xx or 5xx; a body that is HTML, empty or broken does not hide the status."""
        inside = response.object.get("error")
        raw = inside if isinstance(inside, dict) else response.object
        code = _text(raw.get("code")) or _text(response.object.get("code")) or str(response.status)
        return cls(code, _text(raw.get("message")), response.status, raw)

    @classmethod
    def of_body(cls, body: dict[str, Any], status: str) -> "ArmError":
        """Read the error of a status document or resource that ended badly; `status` stands in for a missing code."""
        error = body.get("error")
        raw = error if isinstance(error, dict) else {}
        return cls(_text(raw.get("code")) or status, _text(raw.get("message")), 0, raw)

    @property
    def inner_code(self) -> str:
        """The deepest code there is: this service calls most things UserError and puts the cause in additionalInfo."""
        deepest = self.code
        for code in _codes(self.raw):
            deepest = code
        return deepest

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, "status": self.status, "raw": self.raw}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "ArmError":
        return cls(data["code"], data["message"], data["status"], data["raw"])


def _text(value: object) -> str:
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _codes(raw: dict[str, Any], levels: int = MAX_LEVELS) -> Iterator[str]:
    """Codes from the outside in: details first, then the chain of InnerError."""
    for detail in _dicts(raw.get("details")):
        if code := _text(detail.get("code")):
            yield code
        if levels:
            yield from _codes(detail, levels - 1)
    for entry in _dicts(raw.get("additionalInfo")):
        if entry.get("type") == "InnerError":
            yield from _inner_codes(entry.get("info"))


def _inner_codes(info: object) -> Iterator[str]:
    inner = info.get("value", info) if isinstance(info, dict) else None
    while isinstance(inner, dict):
        if code := _text(inner.get("code")):
            yield code
        inner = inner.get("innerError")
