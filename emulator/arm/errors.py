"""ARM's error envelope, and the tree that Azure Machine Learning's front end nests in it.

https://github.com/cloud-and-ai-microsoft/resource-provider-contract/blob/master/v1.0/common-api-details.md
"""

import secrets
from typing import Any

from emulator import clock

Document = dict[str, Any]


class ArmError(Exception):
    """A request that ARM refuses: one HTTP status and one error document."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        target: str | None = None,
        details: list[Document] | None = None,
        additional_info: list[Document] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.error: Document = {"code": code, "message": message}
        for name, value in (("target", target), ("details", details), ("additionalInfo", additional_info)):
            if value is not None:
                self.error[name] = value

    @property
    def document(self) -> Document:
        return {"error": self.error}


def resource_not_found(path: str, group: str) -> ArmError:
    """ARM names the resource that is missing: the one in the request, or one of its parents."""
    text = (
        f"The Resource '{path}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix"
    )
    return ArmError(404, "ResourceNotFound", text)


def service_error(status: int, code: str, message: str, region: str, *inner_codes: str, **more: Any) -> ArmError:
    """An error of the front end: the code is nearly always UserError, the cause is in additionalInfo.

    The shape is that of errors pasted into public issues:
    https://github.com/pulumi/pulumi-azure-native/issues/3687
    https://github.com/Azure/terraform-provider-azapi/issues/662
    """
    more.setdefault("details", [])
    return ArmError(status, code, message, additional_info=_additional_info(region, inner_codes), **more)


def _additional_info(region: str, inner_codes: tuple[str, ...]) -> list[Document]:
    facts: list[tuple[str, Any]] = [
        ("ComponentName", "managementfrontend"),
        ("Correlation", {"operation": secrets.token_hex(16), "request": secrets.token_hex(8)}),
        ("Environment", region),
        ("Location", region),
        ("Time", clock.iso(clock.now())),
    ]
    if inner_codes:
        facts.append(("InnerError", _nested(inner_codes)))
    return [{"type": name, "info": {"value": value}} for name, value in facts]


def _nested(codes: tuple[str, ...]) -> Document:
    inner = _nested(codes[1:]) if len(codes) > 1 else None
    return {"code": codes[0], "innerError": inner}
