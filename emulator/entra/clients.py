"""Client authentication at the token endpoint: by secret, or by an assertion signed with a registered certificate.

https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

import base64
import secrets
from typing import Any
from urllib.parse import unquote

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from django.http import HttpRequest

from emulator import clock, faults
from emulator.directory import TENANT_ID, Application, application_by_id
from emulator.entra.errors import CLIENT, REQUEST, EntraError
from emulator.faults import Target
from emulator.options import options
from emulator.state import state

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LEEWAY_SECONDS = 300


def client_of(request: HttpRequest) -> Application:
    """The application that sent a request. Raises EntraError.

    Error numbers: https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes
    """
    client_id, secret = _basic(request) or (request.POST.get("client_id", ""), request.POST.get("client_secret", ""))
    application = application_by_id(client_id)
    if application is None:
        raise EntraError("unauthorized_client", 700016, f"Application with identifier '{client_id}' was not found.")
    if assertion := request.POST.get("client_assertion"):
        if request.POST.get("client_assertion_type") != ASSERTION_TYPE:
            raise EntraError(REQUEST, 900144, f"The 'client_assertion_type' must be '{ASSERTION_TYPE}'.")
        _check_assertion(assertion, application)
        return application
    if faults.take_kind("secret-expired", Target("token", person=client_id)):
        raise EntraError(CLIENT, 7000222, "The provided client secret keys are expired.", 401)
    if not secret:
        text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."
        raise EntraError(CLIENT, 7000218, text, 401)
    if not secrets.compare_digest(secret.encode(), application.secret.encode()):
        raise EntraError(CLIENT, 7000215, "Invalid client secret provided. Send the value, not the id.", 401)
    return application


def _basic(request: HttpRequest) -> tuple[str, str] | None:
    """https://datatracker.ietf.org/doc/html/rfc6749#section-2.3.1"""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except ValueError:
        raise EntraError(REQUEST, 900144, "The Authorization header cannot be read.") from None
    return unquote(name), unquote(secret)


def _check_assertion(assertion: str, application: Application) -> None:
    """https://learn.microsoft.com/en-us/entra/identity-platform/certificate-credentials"""
    try:
        header = jwt.get_unverified_header(assertion)
        key = _registered_key(header, application)
        claims = jwt.decode(assertion, key, algorithms=["RS256", "PS256"], options=SIGNATURE_ONLY)
    except jwt.PyJWTError as error:
        raise _refused(700027, f"Client assertion failed signature validation ({error}).") from error
    now = clock.wall()
    if not float(claims.get("nbf", 0)) - LEEWAY_SECONDS <= now <= float(claims.get("exp", 0)) + LEEWAY_SECONDS:
        raise _refused(700024, "Client assertion is not within its valid time range.")
    if {claims.get("iss"), claims.get("sub")} != {application.client_id}:
        raise _refused(700021, "Client assertion application identifier doesn't match 'client_id' parameter.")
    if claims.get("aud") not in _audiences():
        raise _refused(700023, "Client assertion audience claim does not match Realm issuer.")


SIGNATURE_ONLY: Any = dict.fromkeys(("verify_aud", "verify_exp", "verify_nbf", "verify_iat"), False)


def _registered_key(header: dict[str, Any], application: Application) -> RSAPublicKey:
    """The key of the registered certificate whose thumbprint the assertion names."""
    thumbprints = {str(header.get(name, "")).rstrip("=") for name in ("x5t#S256", "x5t")}
    for pem in state().certificates.get(application.client_id, []):
        certificate = x509.load_pem_x509_certificate(pem.encode())
        key = certificate.public_key()
        # x5t is SHA-1 by definition: https://datatracker.ietf.org/doc/html/rfc7515#section-4.1.7
        own = {thumbprint(certificate, hashes.SHA256()), thumbprint(certificate, hashes.SHA1())}  # noqa: S303
        if thumbprints & own and isinstance(key, RSAPublicKey):
            return key
    text = "The certificate with the thumbprint of the client assertion is not registered on the application."
    raise _refused(700027, text)


def thumbprint(certificate: x509.Certificate, algorithm: hashes.HashAlgorithm) -> str:
    return base64.urlsafe_b64encode(certificate.fingerprint(algorithm)).decode().rstrip("=")


def _audiences() -> set[str]:
    ends = (f"/{TENANT_ID}/oauth2/v2.0/token", f"/{TENANT_ID}/v2.0")
    return {f"{base}{end}" for base in (options().backchannel, options().public_url) for end in ends}


def _refused(code: int, text: str) -> EntraError:
    return EntraError(CLIENT, code, text, 401)
