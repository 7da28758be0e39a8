"""Claims challenges."""

import base64

from endpoints.arm.challenge import claims_challenge
from tests.support.arm_responses import arm_response


def test_claims_are_decoded_from_the_header() -> None:
    claims = '{"access_token":{"acrs":{"essential":true,"values":["p1"]}}}'
    encoded = base64.b64encode(claims.encode()).decode()
    header = f'Bearer realm="", error="insufficient_claims", claims="{encoded}"'
    assert claims_challenge(arm_response(401, WWW_Authenticate=header)) == claims


def test_invalid_token_is_not_a_claims_challenge() -> None:
    assert claims_challenge(arm_response(401, WWW_Authenticate='Bearer error="invalid_token"')) == ""
