"""Claims challenges: ARM's 401 that asks for a stronger sign-in."""

import base64
import binascii
import re

from endpoints.arm.http import ArmResponse

CLAIMS = re.compile(r'claims="(?P<claims>[A-Za-z0-9+/=_-]+)"')


def claims_challenge(response: ArmResponse) -> str:
    """The claims, as JSON text, that the next token must carry; empty when the answer asks for none."""
    header = response.headers.get("www-authenticate", "")
    match = CLAIMS.search(header)
    if "insufficient_claims" not in header or match is None:
        return ""
    text = match["claims"].replace("+", "-").replace("/", "_").rstrip("=")
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
