"""Claims challenges: a 401 that requires a stronger sign-in.

https://learn.microsoft.com/en-us/entra/identity-platform/claims-challenge
"""

import base64
import binascii
import re

from endpoints.arm.http import ArmResponse

CLAIMS = re.compile(r'claims="(?P<claims>[A-Za-z0-9+/=_-]+)"')


def claims_challenge(response: ArmResponse) -> str:
    """The claims that the next token must satisfy, as JSON; empty if the response requires none."""
    header = response.headers.get("www-authenticate", "")
    match = CLAIMS.search(header)
    if "insufficient_claims" not in header or match is None:
        return ""
    encoded = match["claims"].replace("+", "-").replace("/", "_").rstrip("=")
    try:
        return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
