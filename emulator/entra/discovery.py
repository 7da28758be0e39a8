"""What a client reads first: where everything is, and which keys sign."""

from uuid import UUID

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from emulator.directory import TENANT_ID
from emulator.entra.errors import REQUEST, EntraError
from emulator.options import options
from emulator.signing import public_jwk
from emulator.state import state


@require_safe
def configuration(request: HttpRequest, tenant: UUID) -> JsonResponse:
    """Browsers are sent to the public address; what a client calls itself has the https name it insists on."""
    if str(tenant) != TENANT_ID:
        return EntraError(REQUEST, 90002, f"Tenant '{tenant}' not found.").answer()
    public, backchannel = f"{options().public_url}/{tenant}", f"{options().backchannel}/{tenant}"
    return JsonResponse(
        {
            "issuer": f"{backchannel}/v2.0",
            "authorization_endpoint": f"{public}/oauth2/v2.0/authorize",
            "end_session_endpoint": f"{public}/oauth2/v2.0/logout",
            "token_endpoint": f"{backchannel}/oauth2/v2.0/token",
            "jwks_uri": f"{backchannel}/discovery/v2.0/keys",
            "response_modes_supported": ["query", "form_post"],
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "claims_supported": [
                "aud",
                "exp",
                "iat",
                "iss",
                "name",
                "nonce",
                "oid",
                "preferred_username",
                "roles",
                "tid",
            ],
        }
    )


@require_safe
def cloud(request: HttpRequest) -> JsonResponse:
    """What a client that can be pointed at another cloud reads about it."""
    public, backchannel = options().public_url, options().backchannel
    return JsonResponse(
        [
            {
                "name": "AzureEmulator",
                "portal": "https://portal.emulator.test/",
                "resourceManager": f"{public}/",
                "authentication": {
                    "loginEndpoint": f"{backchannel}/",
                    "audiences": [f"{public}/", "https://management.azure.com/"],
                    "tenant": TENANT_ID,
                    "identityProvider": "AAD",
                },
                "suffixes": {"storage": "core.emulator.test"},
            }
        ],
        safe=False,
    )


@require_safe
def keys(request: HttpRequest, tenant: UUID) -> JsonResponse:
    return JsonResponse({"keys": [public_jwk(state().private_key)]})
