"""What happens to every request: it is written down, and the faults that are switched on befall it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.urls import Resolver404, ResolverMatch, resolve

from emulator import clock, faults, journal
from emulator.arm import tokens
from emulator.arm.causes import Subject, error_of
from emulator.arm.errors import ArmError
from emulator.faults import Fault

View = Callable[[HttpRequest], HttpResponseBase]
# Where a fault can be, by the name of the address and the method.
_PLACES: Final = {
    ("endpoint", "PUT"): "put",
    ("endpoint", "DELETE"): "delete",
    ("endpoint", "GET"): "resource",
    ("endpoints", "GET"): "list",
    ("status", "GET"): "status",
    ("result", "GET"): "result",
    ("workspace", "GET"): "workspace",
    ("workspaces", "GET"): "workspaces",
    ("subscriptions", "GET"): "subscriptions",
    ("resource-groups", "GET"): "subscriptions",
    ("discovery", "GET"): "discovery",
    ("jwks", "GET"): "jwks",
    ("authorize", "GET"): "authorize",
    ("token", "POST"): "token",
}


def journalled(get_response: View) -> View:
    def view(request: HttpRequest) -> HttpResponseBase:
        started, at = time.perf_counter(), clock.iso(clock.now())
        response = get_response(request)
        if not request.path.startswith(("/emulator/", "/healthz")):
            journal.write(
                at=at,
                method=request.method or "",
                path=request.path,
                status=response.status_code,
                who=tokens.who(request),
                milliseconds=round((time.perf_counter() - started) * 1000, 1),
                client_request_id=request.headers.get("x-ms-client-request-id", ""),
                correlation_id=request.headers.get("x-ms-correlation-request-id", ""),
                faults=tuple(getattr(request, "faults", ())),
            )
        return response

    return view


def faulty(get_response: View) -> View:
    def view(request: HttpRequest) -> HttpResponseBase:
        match = _match(request)
        where = _PLACES.get((str(match.url_name), str(request.method))) if match else None
        names = (*map(str, match.kwargs.values()), tokens.who(request)) if match else ()
        fault = faults.take("answer", where, names) if where else None
        if fault is None:
            return get_response(request)
        request.faults = [fault.kind]  # type: ignore[attr-defined]
        response = get_response(request) if fault.settings["when"] == "after" else None
        return _befall(fault, request, match, lambda: response or get_response(request))

    return view


def _match(request: HttpRequest) -> ResolverMatch | None:
    try:
        return resolve(request.path_info)
    except Resolver404:
        return None


def _befall(
    fault: Fault, request: HttpRequest, match: ResolverMatch | None, right_answer: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    settings = fault.settings
    if fault.kind == "slow":
        time.sleep(float(settings["seconds"]))
        return right_answer()
    if fault.kind in {"drop", "cut-off"}:
        # Promising more than is sent makes the server close the connection.
        headers = {"Content-Length": "1000"}
        return StreamingHttpResponse(_broken_off(fault.kind), content_type="application/json", headers=headers)
    if fault.kind in _PLAIN:
        return _PLAIN[fault.kind](settings)
    error = _error(fault, request, match)
    return JsonResponse(error.document, status=error.status, headers=error.headers)


def _broken_off(kind: str) -> Iterator[bytes]:
    """Closes the connection: before the first byte of an answer, or within its body."""
    if kind == "cut-off":
        yield b'{"properties": {"prov'
    raise ConnectionAbortedError(kind)


_PLAIN: Final[dict[str, Callable[[dict[str, object]], HttpResponse]]] = {
    "html": lambda settings: HttpResponse("<html><h1>Bad gateway</h1></html>", status=int(str(settings["status"]))),
    "broken-json": lambda settings: HttpResponse(
        '{"properties": {', status=int(str(settings["status"])), content_type="application/json"
    ),
    "empty": lambda settings: HttpResponse(b"", status=int(str(settings["status"])), content_type="application/json"),
    "redirect": lambda settings: HttpResponse(
        status=int(str(settings["status"])), headers={"Location": str(settings["to"])}
    ),
}


def _error(fault: Fault, request: HttpRequest, match: ResolverMatch | None) -> ArmError:
    settings = fault.settings
    if fault.kind == "throttle":
        seconds = str(settings["retry_after"])
        text = f"Number of requests exceeded the limit. Please try again after '{seconds}' seconds."
        return ArmError(429, str(settings["code"]), text, headers={"Retry-After": seconds})
    if fault.kind == "server-error":
        wait = settings["retry_after"]
        headers = {"Retry-After": str(wait)} if wait is not None else {}
        return ArmError(int(settings["status"]), "ServiceUnavailable", "The service is not available.", headers=headers)
    if fault.kind == "not-found":
        details = [{"code": "OperationNotFound", "message": "The operation does not exist."}]
        return ArmError(404, "NotFound", "The operation was not found.", details=details)
    if fault.kind == "forbidden":
        return ArmError(403, "AuthorizationFailed", "The client may not read the status of operations.")
    if fault.kind == "claims-challenge":
        return tokens.needs_claims({"acrs": {"essential": True, "values": [settings["acrs"]]}})
    if fault.kind == "expired-token":
        return tokens.invalid("ExpiredAuthenticationToken", "The access token has expired.")
    kwargs = match.kwargs if match else {}
    subject = Subject(
        name=str(kwargs.get("name", "")),
        model_id="",
        region="eastus2",
        subscription=str(kwargs.get("subscription", "")),
    )
    return error_of(str(settings["cause"]), subject)
