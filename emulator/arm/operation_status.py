"""The two URLs of an operation: how they are signed, and what they return while it runs and afterwards.

https://github.com/cloud-and-ai-microsoft/resource-provider-contract/blob/master/v1.0/async-api-reference.md
https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/async-operations
"""

import base64
import hashlib
import hmac
import secrets
from functools import lru_cache
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse

from emulator import clock, faults, state
from emulator.arm import operations
from emulator.arm.errors import ArmError, Document, service_error
from emulator.arm.scopes import check_subscription
from emulator.arm.service import arm, json_response
from emulator.arm.targets import target_of
from emulator.arm.tokens import Caller
from emulator.faults import Target
from emulator.options import options
from emulator.state import Operation, Resource

TIMEOUT = "PT30M"
YEAR_ONE = "0001-01-01T00:00:00+00:00"


def headers(operation: Operation, version: str, target: Target, resource_url: str = "") -> dict[str, str]:
    """The headers of this front end: Location of a PUT is the resource itself, and there is no Retry-After."""
    urls = {
        "Azure-AsyncOperation": _signed("mfeOperationsStatus", operation, version),
        "Location": resource_url or _signed("mfeOperationResults", operation, version),
        "x-ms-async-operation-timeout": TIMEOUT,
    }
    if operation.kind == "regenerate":
        del urls["Azure-AsyncOperation"], urls["x-ms-async-operation-timeout"]
    if fault := faults.take_kind("foreign-monitor", target):
        urls |= dict.fromkeys(("Azure-AsyncOperation", "Location"), f"{fault.settings['origin']}/{operation.id}")
    if fault := faults.take_kind("no-monitor", target):
        urls.pop("Azure-AsyncOperation", None)
        location = fault.settings["location"]
        if location == "none":
            del urls["Location"]
        elif location == "result":
            urls["Location"] = _signed("mfeOperationResults", operation, version)
    return urls | _retry_after(target)


def _retry_after(target: Target) -> dict[str, str]:
    fault = faults.take_kind("retry-after", target)
    return {"Retry-After": str(fault.settings["retry_after"])} if fault else {}


@arm("GET")
def status(request: HttpRequest, caller: Caller, subscription: str, region: str, operation: str) -> HttpResponse:
    running = _find(request, caller, subscription, operation)
    document = _document(request, running)
    target = target_of(request)
    if not _is_over(running) and (fault := faults.take_kind("unknown-status", target)):
        document["status"] = fault.settings["status"]
    if fault := faults.take_kind("whole-percent", target):
        document["percentComplete"] = fault.settings["percent"]
    return json_response(document, headers=_retry_after(target))


@arm("GET")
def result(request: HttpRequest, caller: Caller, subscription: str, region: str, operation: str) -> HttpResponse:
    """202 while the operation runs, then the response that the request itself would have had."""
    ended = _find(request, caller, subscription, operation)
    if not _is_over(ended):
        return json_response(
            None, 202, headers={"Location": request.build_absolute_uri(), **_retry_after(target_of(request))}
        )
    row = state.state().table(ended.collection).get(ended.workspace, {}).get(ended.name)
    if row:
        operations.settle(row)
    if ended.kind == "delete" and ended.status_outcome == "Succeeded" and ended.result_status == 200:
        # Recorded; the contract says 204.
        return json_response(_document(request, ended))
    return outcome(ended, row)


def outcome(operation: Operation, row: Resource | None) -> HttpResponse:
    """The response of the request, had it waited for the operation. Raises ArmError if it failed."""
    if operation.status_outcome != "Succeeded" and operation.kind in {"delete", "regenerate"}:
        raise _error_of(operation)
    if operation.kind == "delete":
        return json_response(None, 204)
    if row is None:
        raise ArmError(404, "ResourceNotFound", f"The resource '{operation.name}' was not found.")
    return json_response(row.keys if operation.kind == "regenerate" else row.document)


def _is_over(operation: Operation) -> bool:
    return operation.status_ends_at is not None and clock.now() >= operation.status_ends_at


def _document(request: HttpRequest, operation: Operation) -> Document:
    """As recorded: percentComplete stays 0, and endTime is in the year 1 while the operation runs."""
    is_over = _is_over(operation)
    document: Document = {
        "id": request.path,
        "name": operation.id,
        "status": operation.status_outcome if is_over else "Updating",
        "startTime": clock.iso(operation.started_at),
        "endTime": clock.iso(operation.status_ends_at or 0) if is_over else YEAR_ONE,
        "percentComplete": 0.0,
    }
    if is_over and operation.error and operation.status_outcome != "Succeeded":
        document["error"] = operation.error
    return document


def _error_of(operation: Operation) -> ArmError:
    error = ArmError(operation.error_status, operation.status_outcome, "The operation did not succeed.")
    error.error = operation.error or error.error
    return error


def _find(request: HttpRequest, caller: Caller, subscription: str, operation: str) -> Operation:
    check_subscription(caller, subscription)
    known = state.state().operations.get(operation)
    if known is None or known.subscription.lower() != subscription.lower():
        raise _not_found(operation, "")
    query = request.META.get("QUERY_STRING", "")
    if not secrets.compare_digest(query.encode(), _query(known, *_version_and_time(request)).encode()):
        raise ArmError(403, "AuthorizationFailed", "The signature of the address is not valid.")
    if known.unknown_polls > 0:
        known.unknown_polls -= 1
        raise _not_found(operation, known.region)
    return known


def _version_and_time(request: HttpRequest) -> tuple[str, str]:
    return request.GET.get("api-version", ""), request.GET.get("t", "")


def _not_found(operation: str, region: str) -> ArmError:
    text = f"There is no operation with id {operation.rpartition(':')[2]}"
    details: list[Document] = [{"code": "OperationNotFound", "message": text, "details": [], "additionalInfo": []}]
    return service_error(404, "NotFound", "The specified resource was not found.", region, details=details)


def _signed(collection: str, operation: Operation, version: str) -> str:
    path = (
        f"/subscriptions/{operation.subscription}/providers/Microsoft.MachineLearningServices"
        f"/locations/{operation.region}/{collection}/{operation.id}"
    )
    # .NET ticks, as the real service has them.
    ticks = f"{int(operation.started_at * 10_000_000) + 621_355_968_000_000_000:018d}"
    return f"{options().public_url}{path}?{_query(operation, version, ticks)}"


def _query(operation: Operation, version: str, ticks: str) -> str:
    """The signature, as long as the real one: clients must store some 3 kB unchanged."""
    stem = f"{operation.id}|{version}|{ticks}"
    parts = {"c": 1931, "s": 256, "h": 32}
    signed = {name: _stretched(f"{name}|{stem}", size) for name, size in parts.items()}
    return urlencode({"api-version": version, "t": ticks, **signed})


@lru_cache(maxsize=65_536)
def _stretched(text: str, size: int) -> str:
    key = state.state().secret.encode()
    blocks = (hmac.digest(key, f"{number}|{text}".encode(), hashlib.sha512) for number in range(size // 64 + 1))
    return base64.urlsafe_b64encode(b"".join(blocks)[:size]).decode().rstrip("=")
