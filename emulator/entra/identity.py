"""The managed identity of this machine, by the protocols of App Service and IMDS."""

import secrets

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_GET

from emulator import clock
from emulator.directory import APPLICATIONS, IDENTITY_HEADER, MANAGED_IDENTITY, Person
from emulator.entra.token import principal_token
from emulator.options import options

SYSTEM_ASSIGNED = "3d1f7e52-90c4-4a7b-8a52-e0d35a1b0006"


@require_GET
def app_service(request: HttpRequest) -> JsonResponse:
    """IDENTITY_ENDPOINT points here; IDENTITY_HEADER proves that the caller runs on the same machine.

    https://learn.microsoft.com/en-us/azure/app-service/overview-managed-identity
    """
    header = request.headers.get("X-IDENTITY-HEADER", "")
    if not secrets.compare_digest(header.encode(), IDENTITY_HEADER.encode()):
        return JsonResponse({"statusCode": 401, "message": "The X-IDENTITY-HEADER is missing or wrong."}, status=401)
    return _token(request)


@require_GET
def imds(request: HttpRequest) -> JsonResponse:
    """AZURE_POD_IDENTITY_AUTHORITY_HOST points here; the header keeps forwarded requests out.

    https://learn.microsoft.com/en-us/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
    """
    if request.headers.get("Metadata", "").lower() != "true":
        return _refused("Required metadata header not specified.")
    return _token(request)


def _token(request: HttpRequest) -> JsonResponse:
    resource, client_id = request.GET.get("resource", ""), request.GET.get("client_id", "")
    identity = _identity(client_id)
    if not resource:
        return _refused("The parameter 'resource' is missing.")
    if identity is None:
        return _refused(f"Identity not found: no user-assigned identity with client id '{client_id}' is assigned.")
    seconds, client_id = options().access_token_seconds, client_id or SYSTEM_ASSIGNED
    return JsonResponse(
        {
            "access_token": principal_token(identity, resource.rstrip("/"), client_id, seconds),
            "client_id": client_id,
            "expires_in": str(seconds),
            "expires_on": str(int(clock.wall()) + seconds),
            "resource": resource,
            "token_type": "Bearer",
        },
        headers={"Cache-Control": "no-store"},
    )


def _identity(client_id: str) -> Person | None:
    """The system-assigned identity only reads; the registered applications serve as user-assigned ones."""
    if not client_id:
        return MANAGED_IDENTITY
    return next((known.principal for known in APPLICATIONS if known.client_id == client_id), None)


def _refused(text: str) -> JsonResponse:
    return JsonResponse({"error": "invalid_request", "error_description": text}, status=400)
