"""The JSON API that controls the emulator from tests and scripts."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from emulator import clock, faults, journal, state
from emulator.arm import access, hierarchy, resources, throttle
from emulator.arm.rbac import ROLES
from emulator.control.bodies import json_body
from emulator.directory import application_by_id, caller_by_name, person_by_oid
from emulator.entra.clients import thumbprint
from emulator.fault_kinds import KINDS, TARGETS
from emulator.inference import serving
from emulator.numbers import whole_number


@require_GET
def health(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok", content_type="text/plain")


@require_http_methods(["GET", "POST", "DELETE"])
def faults_api(request: HttpRequest) -> HttpResponse:
    """GET lists the faults that are switched on, POST adds one, DELETE removes all or the one with ?id=."""
    if request.method == "DELETE":
        number = whole_number(request.GET.get("id", ""))
        if "id" in request.GET and number is None:
            return JsonResponse({"error": "'id' must be the number of a fault."}, status=400)
        return JsonResponse({"switched_off": faults.switch_off(number)})
    if request.method == "POST":
        try:
            faults.switch_on(json_body(request))
        except (faults.InvalidFault, ValueError) as error:
            return JsonResponse({"error": str(error)}, status=400)
    kinds = {name: asdict(kind) for name, kind in KINDS.items()}
    return JsonResponse({"faults": faults.switched_on(), "kinds": kinds, "where": TARGETS})


@require_GET
def requests_api(request: HttpRequest) -> HttpResponse:
    """The journal, oldest first; with headers and bodies if ?detail=1."""
    return JsonResponse({"requests": journal.details() if "detail" in request.GET else journal.newest_first()[::-1]})


@require_GET
def request_api(request: HttpRequest, number: int) -> HttpResponse:
    """One request and its response, with headers and bodies."""
    entries = journal.details(number)
    return JsonResponse(entries[0]) if entries else JsonResponse({"error": "This request is not kept."}, status=404)


@require_POST
def reset(request: HttpRequest) -> HttpResponse:
    """Forget endpoints, operations, faults, revocations and the journal; people stay signed in."""
    start_over()
    return JsonResponse({})


@require_http_methods(["GET", "POST", "DELETE"])
def access_api(request: HttpRequest) -> HttpResponse:
    """GET lists the role assignments that were made, POST makes one, DELETE removes all."""
    if request.method == "DELETE":
        access.withdraw()
    if request.method == "POST":
        try:
            _assign(json_body(request))
        except ValueError as error:
            return JsonResponse({"error": str(error)}, status=400)
    return JsonResponse({"access": state.state().access})


def _assign(spec: dict[str, Any]) -> None:
    """Raises ValueError."""
    caller, scope = caller_by_name(str(spec.pop("person", ""))), str(spec.pop("scope", ""))
    if caller is None:
        raise ValueError("'person' is the address, the object id or the client id of a caller.")
    if not scope.lower().startswith("/subscriptions/"):
        raise ValueError("'scope' is the id of a subscription or of a resource in it.")
    match spec:
        case {"readable": bool(readable), **rest} if not rest:
            access.assign(caller, scope, (caller.azure_roles or ("Reader",)) if readable else ())
        case {"roles": list(roles), **rest} if not rest and all(role in [*ROLES] for role in roles):
            access.assign(caller, scope, roles)
        case _:
            raise ValueError(f"Send 'readable', true or false, or 'roles', a list of {', '.join(ROLES)}.")


@require_POST
def advance_clock(request: HttpRequest) -> HttpResponse:
    try:
        state.advance_clock(float(json_body(request)["seconds"]))
    except (ValueError, KeyError, TypeError):
        return JsonResponse({"error": 'Send {"seconds": 60}.'}, status=400)
    return JsonResponse({"now": clock.iso(clock.now())})


@require_POST
def revoke(request: HttpRequest, oid: UUID) -> HttpResponse:
    """End all sign-ins of a person."""
    if person_by_oid(str(oid)) is None:
        return JsonResponse({"error": "There is no such person."}, status=404)
    revoke_now(str(oid))
    return JsonResponse({})


@require_POST
def register_certificate(request: HttpRequest, client_id: UUID) -> HttpResponse:
    """Register a certificate, sent as PEM, as a credential of an application."""
    if application_by_id(str(client_id)) is None:
        return JsonResponse({"error": "There is no such application."}, status=404)
    try:
        certificate = x509.load_pem_x509_certificate(request.body)
    except ValueError:
        return JsonResponse({"error": "Send a certificate in PEM."}, status=400)
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    with state.lock:
        state.state().certificates.setdefault(str(client_id), []).append(pem)
    state.changed()
    return JsonResponse({"x5t#S256": thumbprint(certificate, hashes.SHA256())})


def start_over() -> None:
    with state.lock:
        state.state().clear()
        hierarchy.forget()
        resources.seed()
    state.changed()
    faults.switch_off()
    throttle.reset()
    serving.reset_limits()
    journal.clear()


def revoke_now(oid: str) -> None:
    with state.lock:
        state.state().revoked_at[oid] = clock.wall()
    state.changed()
