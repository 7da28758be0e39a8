"""The two addresses of an operation: how they are signed, and what they answer until it is over and then."""

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
from emulator.arm.service import answer, arm
from emulator.arm.targets import target_of
from emulator.arm.tokens import Caller
from emulator.faults import Target
from emulator.options import options
from emulator.state import Operation, Resource

TIMEOUT = "PT30M"
YEAR_ONE = "0001-01-01T00:00:00+00:00"


def headers(operation: Operation, version: str, target: Target, resource_url: str = "") -> dict[str, str]:
    """Where to look, as this front end says it: the PUT's Location is the resource itself, and no Retry-After."""
    found = {
        "Azure-AsyncOperation": _signed("mfeOperationsStatus", operation, version),
        "Location": resource_url or _signed("mfeOperationResults", operation, version),
        "x-ms-async-operation-timeout": TIMEOUT,
    }
    if operation.kind == "regenerate":
        del found["Azure-AsyncOperation"], found["x-ms-async-operation-timeout"]
    if fault := faults.take_kind("foreign-monitor", target):
        found |= dict.fromkeys(("Azure-AsyncOperation", "Location"), f"{fault.settings['origin']}/{operation.id}")
    if fault := faults.take_kind("no-monitor", target):
        found.pop("Azure-AsyncOperation", None)
        location = fault.settings["location"]
        if location == "none":
            del found["Location"]
        elif location == "result":
            found["Location"] = _signed("mfeOperationResults", operation, version)
    return found | _retry_after(target)


def _retry_after(target: Target) -> dict[str, str]:
    fault = faults.take_kind("retry-after", target)
    return {"Retry-After": str(fault.settings["retry_after"])} if fault else {}


@arm("GET")
def status(request: HttpRequest, caller: Caller, subscription: str, region: str, operation: str) -> HttpResponse:
    found = _find(request, caller, subscription, operation)
    document = _document(request, found)
    target = target_of(request)
    if not _is_over(found) and (fault := faults.take_kind("unknown-status", target)):
        document["status"] = fault.settings["status"]
    if fault := faults.take_kind("whole-percent", target):
        document["percentComplete"] = fault.settings["percent"]
    return answer(document, headers=_retry_after(target))


@arm("GET")
def result(request: HttpRequest, caller: Caller, subscription: str, region: str, operation: str) -> HttpResponse:
    """202 until it is over, then what the request itself would have answered."""
    found = _find(request, caller, subscription, operation)
    if not _is_over(found):
        return answer(None, 202, headers={"Location": request.build_absolute_uri(), **_retry_after(target_of(request))})
    row = state.state().table(found.collection).get(found.workspace, {}).get(found.name)
    if row:
        operations.settle(row)
    if found.kind == "delete" and found.status_outcome == "Succeeded" and found.result_status == 200:
        # The recorded answer is the status document; ARM's contract says 204.
        return answer(_document(request, found))
    return outcome(found, row)


def outcome(operation: Operation, row: Resource | None) -> HttpResponse:
    """What the request itself would have answered if it had waited. Raises ArmError where that is an error."""
    if operation.status_outcome != "Succeeded" and operation.kind in {"delete", "regenerate"}:
        raise _ended_badly(operation)
    if operation.kind == "delete":
        return answer(None, 204)
    if row is None:
        raise ArmError(404, "ResourceNotFound", f"The resource '{operation.name}' was not found.")
    return answer(row.keys if operation.kind == "regenerate" else row.document)


def _is_over(operation: Operation) -> bool:
    return operation.status_ends_at is not None and clock.now() >= operation.status_ends_at


def _document(request: HttpRequest, operation: Operation) -> Document:
    """The status as the real one writes it: 0 per cent until the end, which lies in the year 1 until it comes."""
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


def _ended_badly(operation: Operation) -> ArmError:
    error = ArmError(operation.error_status, operation.status_outcome, "The operation did not succeed.")
    error.error = operation.error or error.error
    return error


def _find(request: HttpRequest, caller: Caller, subscription: str, operation: str) -> Operation:
    check_subscription(caller, subscription)
    found = state.state().operations.get(operation)
    if found is None or found.subscription.lower() != subscription.lower():
        raise _no_operation(operation, "")
    query = request.META.get("QUERY_STRING", "")
    if not secrets.compare_digest(query.encode(), _query(found, *_asked_with(request)).encode()):
        raise ArmError(403, "AuthorizationFailed", "The signature of the address is not valid.")
    if found.unknown_polls > 0:
        found.unknown_polls -= 1
        raise _no_operation(operation, found.region)
    return found


def _asked_with(request: HttpRequest) -> tuple[str, str]:
    return request.GET.get("api-version", ""), request.GET.get("t", "")


def _no_operation(operation: str, region: str) -> ArmError:
    text = f"There is no operation with id {operation.rpartition(':')[2]}"
    details: list[Document] = [{"code": "OperationNotFound", "message": text, "details": [], "additionalInfo": []}]
    return service_error(404, "NotFound", "The specified resource was not found.", region, details=details)


def _signed(place: str, operation: Operation, version: str) -> str:
    path = (
        f"/subscriptions/{operation.subscription}/providers/Microsoft.MachineLearningServices"
        f"/locations/{operation.region}/{place}/{operation.id}"
    )
    moment = f"{int(operation.started_at * 10_000_000) + 621_355_968_000_000_000:018d}"
    return f"{options().public_url}{path}?{_query(operation, version, moment)}"


def _query(operation: Operation, version: str, moment: str) -> str:
    """The signature, as long as the real one: a client has to keep some 3 kB whole."""
    stem = f"{operation.id}|{version}|{moment}"
    parts = {"c": 1931, "s": 256, "h": 32}
    signed = {name: _stretched(f"{name}|{stem}", size) for name, size in parts.items()}
    return urlencode({"api-version": version, "t": moment, **signed})


@lru_cache(maxsize=65_536)
def _stretched(text: str, size: int) -> str:
    key = state.state().secret.encode()
    blocks = (hmac.digest(key, f"{number}|{text}".encode(), hashlib.sha512) for number in range(size // 64 + 1))
    return base64.urlsafe_b64encode(b"".join(blocks)[:size]).decode().rstrip("=")
