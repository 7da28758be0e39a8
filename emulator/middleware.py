"""Every request is recorded in the journal, and faults that are switched on apply to it."""

import time
from collections.abc import Callable
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from emulator import clock, faults, journal
from emulator.arm import tokens
from emulator.arm.absences import ABSENCES, requested
from emulator.arm.errors import ArmError
from emulator.arm.failures import Subject, error_of
from emulator.arm.targets import is_arm, target_of
from emulator.fault_kinds import Group
from emulator.faults import Fault, Target
from emulator.inference import serving
from emulator.options import options
from emulator.server import connection_of

TRUNCATED = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"properties": {"p'
View = Callable[[HttpRequest], HttpResponseBase]


def journalled(get_response: View) -> View:
    def view(request: HttpRequest) -> HttpResponseBase:
        started, at = time.perf_counter(), clock.iso(clock.now())
        faults.start_request()
        response = get_response(request)
        if not request.path.startswith(("/emulator/", "/healthz")):
            journal.write(
                request,
                response,
                at=at,
                who=tokens.who(request),
                milliseconds=round((time.perf_counter() - started) * 1000, 1),
            )
        return response

    return view


def delayed(get_response: View) -> View:
    """The thread of the connection waits, without the lock, so that requests wait side by side."""
    seconds = options().latency_ms / 1000

    def view(request: HttpRequest) -> HttpResponseBase:
        ends_at = time.monotonic() + seconds
        response = get_response(request)
        if is_arm(request.path):
            time.sleep(max(0.0, ends_at - time.monotonic()))
        return response

    return view if seconds else get_response


def faulty(get_response: View) -> View:
    def view(request: HttpRequest) -> HttpResponseBase:
        endpoint = serving.endpoint_call(request)

        def correct_response() -> HttpResponseBase:
            return serving.serve(request, endpoint) if endpoint else get_response(request)

        if not faults.any_on():
            return correct_response()
        target = serving.target_of(request, endpoint) if endpoint else target_of(request)
        fault = faults.take(Group.RESPONSE, target) if target.where else None
        if fault is None:
            return correct_response()
        response = correct_response() if fault.settings["when"] == "after" else None
        if fault.kind == "slow":
            time.sleep(float(fault.settings["seconds"]))
            return response or correct_response()
        # On a closed connection no one reads the response; the journal shows what it would have been.
        return _apply(fault, request, target) or response or HttpResponse(status=500)

    return view


def guarded(get_response: View) -> View:
    """Refuse pages of other sites: under a foreign host name (DNS rebinding), or with a form that posts here."""

    def view(request: HttpRequest) -> HttpResponseBase:
        host, origin = request.get_host(), request.headers.get("Origin", "")
        if request.path.startswith("/emulator/") and origin and urlsplit(origin).netloc != host:
            text = f"The emulator cannot be controlled from {origin}."
            return HttpResponse(text, status=403, content_type="text/plain")
        return get_response(request)

    return view


def _apply(fault: Fault, request: HttpRequest, target: Target) -> HttpResponseBase | None:
    """The response instead of the correct one; None if the connection is closed instead."""
    connection = connection_of(request.META)
    match fault.kind:
        case "hang":
            connection.wait_until_closed()
        case "drop":
            connection.close()
        case "cut-off":
            connection.close(last_words=TRUNCATED)
        case kind if kind in PLAIN:
            return PLAIN[kind](fault.settings)
        case "not-found":
            return _not_found(fault.settings["shape"], request, target)
        case _:
            error = _error(fault, target)
            return JsonResponse(error.document, status=error.status, headers=error.headers)
    return None


def _not_found(shape: str, request: HttpRequest, target: Target) -> HttpResponse:
    if shape in PLAIN:
        return PLAIN[shape]({"status": 404})
    path = requested(request.path, request.GET.get("api-version", ""), target.workspace, target.name)
    error = ABSENCES[shape](path)
    return JsonResponse(error.document, status=error.status)


PLAIN: dict[str, Callable[[dict[str, object]], HttpResponse]] = {
    "html": lambda settings: HttpResponse("<html><h1>Bad gateway</h1></html>", status=int(str(settings["status"]))),
    "broken-json": lambda settings: HttpResponse(
        '{"properties": {', status=int(str(settings["status"])), content_type="application/json"
    ),
    "empty": lambda settings: HttpResponse(b"", status=int(str(settings["status"])), content_type="application/json"),
    "redirect": lambda settings: HttpResponse(
        status=int(str(settings["status"])), headers={"Location": str(settings["to"])}
    ),
}


def _error(fault: Fault, target: Target) -> ArmError:
    settings = fault.settings
    match fault.kind:
        case "throttle":
            seconds = str(settings["retry_after"])
            text = f"Number of requests exceeded the limit. Please try again after '{seconds}' seconds."
            return ArmError(429, str(settings["code"]), text, headers={"Retry-After": seconds})
        case "server-error":
            wait = settings["retry_after"]
            headers = {"Retry-After": str(wait)} if wait is not None else {}
            text = "The service is not available."
            return ArmError(int(settings["status"]), "ServiceUnavailable", text, headers=headers)
        case "error":
            return ArmError(int(settings["status"]), str(settings["code"]), str(settings["message"]))
        case "forbidden":
            return ArmError(403, "AuthorizationFailed", "The client may not read the status of operations.")
        case "claims-challenge":
            return tokens.needs_claims({"acrs": {"essential": True, "values": [settings["acrs"]]}})
        case "expired-token":
            return tokens.invalid("ExpiredAuthenticationToken", "The access token has expired.")
    subject = Subject(target.name, target.model, "eastus2", target.path.split("/")[2:3][0], target.person, target.path)
    return error_of(str(settings["cause"]), subject)
