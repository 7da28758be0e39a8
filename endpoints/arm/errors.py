"""ARM's errors: `{"error": {"code", "message", "target", "details", "additionalInfo"}}`. Any part may be missing.

https://github.com/cloud-and-ai-microsoft/resource-provider-contract/blob/master/v1.0/common-api-details.md#error-response-content
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from endpoints.arm.http import ArmResponse

# Real errors nest a few levels deep. The limit protects against malicious ones.
MAX_LEVELS = 20


@dataclass(frozen=True)
class ArmError:
    """An error that ARM reported or that this client detected.

    `status` is the HTTP status of an error response, otherwise 0. `raw` is the complete error object of ARM.
    """

    code: str
    message: str
    status: int
    raw: dict[str, Any]

    @classmethod
    def from_response(cls, response: ArmResponse) -> "ArmError":
        """Read an error response. Its status stands in for a code if the body is HTML, empty or broken."""
        error = response.object.get("error")
        raw = error if isinstance(error, dict) else response.object
        code = _text(raw.get("code")) or _text(response.object.get("code")) or str(response.status)
        return cls(code, _text(raw.get("message")), response.status, raw)

    @classmethod
    def of_body(cls, body: dict[str, Any], status: str) -> "ArmError":
        """Read the error of a failed or canceled operation; `status` stands in for a missing code.

        https://github.com/cloud-and-ai-microsoft/resource-provider-contract/blob/master/v1.0/async-api-reference.md#azure-asyncoperation-resource-format
        """
        error = body.get("error")
        raw = error if isinstance(error, dict) else {}
        return cls(_text(raw.get("code")) or status, _text(raw.get("message")), 0, raw)

    @property
    def inner_code(self) -> str:
        """The deepest code: this service reports most failures as UserError, with the cause in `additionalInfo`."""
        *_, deepest = self.code, *_codes(self.raw)
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
    """Codes from the outside in: first of the details, then of the chain of inner errors."""
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
