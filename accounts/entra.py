"""The connection to Entra ID: HTTP sessions, this installation's credential, and msal's clients.

A process keeps sessions, discovery documents, signing keys and its own tokens; `reset_clients` drops them all.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import jwt
import msal
import msal.exceptions
import requests
from django.conf import settings
from requests.adapters import HTTPAdapter

from accounts import time_limit

# We handle claims challenges, so Entra ID may issue tokens that it can revoke at once.
# https://learn.microsoft.com/entra/identity-platform/app-resilience-continuous-access-evaluation
CAPABILITIES = ["CP1"]
TIMEOUT = (5.0, 20.0)
# Raised when Entra ID cannot be reached. OSError covers requests' exceptions, and a federated token's file that is
# missing while it is being replaced.
CONNECTION_ERRORS = (OSError, msal.exceptions.MsalServiceError)
# Discovery documents, and refusals that msal repeats for a minute, shared by all msal clients of this process.
# https://github.com/AzureAD/microsoft-authentication-library-for-python/issues/159
_http_cache: dict[str, Any] = {}


class TimeoutAdapter(HTTPAdapter):
    """Adds a timeout, which msal leaves to a session that it did not create."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs["timeout"] = kwargs.get("timeout") or TIMEOUT
        return super().send(request, *args, **kwargs)


class EmulatorAdapter(TimeoutAdapter):
    """Sends requests for the emulator's https name, which msal insists on, to the emulator's real address."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        request.url = str(request.url).replace(settings.EMULATOR_AUTHORITY_HOST, settings.EMULATOR_URL, 1)
        return super().send(request, *args, **kwargs)


@lru_cache(maxsize=1)
def http() -> requests.Session:
    session = requests.Session()
    session.trust_env = settings.HTTP_TRUST_ENVIRONMENT
    session.adapters.clear()  # no redirect or discovery document can make us call another host
    session.mount(f"{settings.ENTRA_AUTHORITY_HOST}/", EmulatorAdapter() if settings.EMULATED else TimeoutAdapter())
    return session


def authority() -> str:
    return f"{settings.ENTRA_AUTHORITY_HOST}/{settings.ENTRA_TENANT_ID}"


def application(cache: msal.SerializableTokenCache) -> msal.ConfidentialClientApplication:
    """msal's client on one user's cache. Raises CONNECTION_ERRORS, and ValueError for an unreadable response."""
    return msal.ConfidentialClientApplication(
        settings.ENTRA_CLIENT_ID,
        client_credential=credential(),
        authority=authority(),
        # The operator sets the host, so msal need not ask a public one whether it is genuine.
        instance_discovery=False,
        http_client=http(),
        http_cache=_http_cache,
        token_cache=cache,
        client_capabilities=CAPABILITIES,
    )


def credential() -> str | dict[str, Any]:
    """This installation's credential: a certificate, else a federated token, else a secret.

    https://learn.microsoft.com/entra/identity-platform/certificate-credentials
    https://learn.microsoft.com/entra/workload-id/workload-identity-federation
    """
    if settings.ENTRA_CERTIFICATE_FILE:
        return {
            "private_key_pfx_path": settings.ENTRA_CERTIFICATE_FILE,
            "passphrase": settings.ENTRA_CERTIFICATE_PASSPHRASE or None,
        }
    if settings.ENTRA_FEDERATED_TOKEN_FILE:
        return {"client_assertion": lambda: Path(settings.ENTRA_FEDERATED_TOKEN_FILE).read_text().strip()}
    return str(settings.ENTRA_CLIENT_SECRET)


def discovery() -> dict[str, Any]:
    """The tenant's OpenID configuration. Raises requests.RequestException."""
    response = http().get(f"{authority()}/v2.0/.well-known/openid-configuration")
    response.raise_for_status()
    document: dict[str, Any] = response.json()
    return document


@lru_cache(maxsize=1)
def signing_keys() -> list[jwt.PyJWK]:
    """The tenant's signing keys, as last fetched. Raises requests.RequestException, and jwt.PyJWKSetError."""
    response = http().get(f"{authority()}/discovery/v2.0/keys")
    response.raise_for_status()
    return jwt.PyJWKSet.from_dict(response.json()).keys


def refreshed_signing_keys() -> list[jwt.PyJWK]:
    """The tenant's signing keys as they are now: Entra ID may roll them over at any time.

    https://learn.microsoft.com/entra/identity-platform/signing-key-rollover
    """
    signing_keys.cache_clear()
    return signing_keys()


@lru_cache(maxsize=1)
def own_application() -> msal.ConfidentialClientApplication:
    """The application with a token cache of its own, for tokens in its own name."""
    return application(msal.SerializableTokenCache())


@lru_cache(maxsize=1)
def managed_identity(client_id: str) -> msal.ManagedIdentityClient:
    """The client of the host's managed identity: the user-assigned one, or without `client_id` the host's own."""
    identity = (
        msal.UserAssignedManagedIdentity(client_id=client_id) if client_id else msal.SystemAssignedManagedIdentity()
    )
    session = requests.Session()
    # The metadata service must not be reached through a proxy.
    # https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service
    session.trust_env = False
    for scheme in ("http://", "https://"):
        session.mount(scheme, TimeoutAdapter())
    return msal.ManagedIdentityClient(identity, http_client=session)


def reset_clients() -> None:
    """Drop everything this process keeps between calls to Entra ID, so that the next call starts from the settings."""
    _http_cache.clear()
    for cached in (http, signing_keys, own_application, managed_identity):
        cached.cache_clear()
    time_limit.reset()
