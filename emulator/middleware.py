"""What happens to every request: it is written down, and the faults that are switched on befall it."""

import time
from collections.abc import Callable
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from emulator import clock, faults, journal
from emulator.arm import tokens
from emulator.arm.errors import ArmError, service_error
from emulator.arm.failures import Subject, error_of
from emulator.arm.targets import target_of
from emulator.faults import Fault, Target
from emulator.inference import serving
from emulator.server import connection_of

HALF_AN_ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"properties": {"p'
View = Callable[[HttpRequest], HttpResponseBase]


def journalled(get_response: View) -> View:
    def view(request: HttpRequest) -> HttpResponseBase:
        started, at = time.perf_counter(), clock.iso(clock.now())
        faults.forget_befallen()
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


def faulty(get_response: View) -> View:
    def view(request: HttpRequest) -> HttpResponseBase:
        endpoint = serving.called(request)

        def right_answer() -> HttpResponseBase:
            return serving.serve(request, endpoint) if endpoint else get_response(request)

        if not faults.any_on():
            return right_answer()
        target = serving.target_of(request, endpoint) if endpoint else target_of(request)
        fault = faults.take("answer", target) if target.where else None
        if fault is None:
            return right_answer()
        done = right_answer() if fault.settings["when"] == "after" else None
        if fault.kind == "slow":
            time.sleep(float(fault.settings["seconds"]))
            return done or right_answer()
        # Where the connection is closed nobody reads the answer; the journal shows what it would have been.
        return _befall(fault, request, target) or done or HttpResponse(status=500)

    return view


def guarded(get_response: View) -> View:
    """Keeps pages of other sites out: a name that is not ours led here, or a form of theirs that would steer us."""

    def view(request: HttpRequest) -> HttpResponseBase:
        host, origin = request.get_host(), request.headers.get("Origin", "")
        if request.path.startswith("/emulator/") and origin and urlsplit(origin).netloc != host:
            return HttpResponse(f"The emulator is not steered from {origin}.", status=403, content_type="text/plain")
        return get_response(request)

    return view


def _befall(fault: Fault, request: HttpRequest, target: Target) -> HttpResponseBase | None:
    """What comes instead of the right answer; None when it is that the connection has been closed."""
    connection = connection_of(request.META)
    match fault.kind:
        case "hang":
            connection.wait_until_closed()
        case "drop":
            connection.close()
        case "cut-off":
            connection.close(last_words=HALF_AN_ANSWER)
        case kind if kind in PLAIN:
            return PLAIN[kind](fault.settings)
        case _:
            error = _error(fault, target)
            return JsonResponse(error.document, status=error.status, headers=error.headers)
    return None


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
        case "not-found":
            details = [{"code": "OperationNotFound", "message": "There is no such operation."}]
            return service_error(404, "NotFound", "The specified resource was not found.", "", details=details)
        case "forbidden":
            return ArmError(403, "AuthorizationFailed", "The client may not read the status of operations.")
        case "claims-challenge":
            return tokens.needs_claims({"acrs": {"essential": True, "values": [settings["acrs"]]}})
        case "expired-token":
            return tokens.invalid("ExpiredAuthenticationToken", "The access token has expired.")
    subject = Subject(target.name, target.model, "eastus2", target.path.split("/")[2:3][0], target.person, target.path)
    return error_of(str(settings["cause"]), subject)
