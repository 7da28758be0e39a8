"""Discovery: where everything is, and which keys sign.

https://openid.net/specs/openid-connect-discovery-1_0.html
"""

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
    """Browsers use the public address; clients use the https name that they require."""
    if str(tenant) != TENANT_ID:
        return EntraError(REQUEST, 90002, f"Tenant '{tenant}' not found.").response()
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
    """The metadata that clients read of another cloud, such as the one in ARM_CLOUD_METADATA_URL."""
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
