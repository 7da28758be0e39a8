"""Log lines contain no secret, even if a traceback quotes one."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from accounts.redaction import redact
from tests.support.processes import ROOT, manage

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJvaWQiOiJhMTFjZTAwMCJ9.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"Authorization: Bearer {JWT}", JWT),
        (f"the token {JWT} expired", "eyJvaWQi"),
        ("Authorization: Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpw"),
        ('{"primaryKey": "0123abcd", "secondaryKey":"4567efgh"}', "0123abcd"),
        ('{"primaryKey": "0123abcd", "secondaryKey":"4567efgh"}', "4567efgh"),
        ("{'refresh_token': '0.AXoA-long'}", "AXoA"),
        ("grant_type=x&client_secret=s3cr3t~value&scope=y", "s3cr3t"),
        ("GET /auth/callback?code=0.ABC_def&state=xyz", "ABC_def"),
        ("blob gAAAAABnX0b1c2d3e4f5g6h7i8j9k0l1m2n3o4p5==", "gAAAAABn"),
        ("https://x/providers/P/locations/l/mfeOperationsStatus/1-a?api-version=1&c=CERT&s=SIGN", "SIGN"),
        ("cannot reach rediss://desk:pass-word@redis:6379/0", "pass-word"),
        ("postgres://desk:pass-word@db/desk", "pass-word"),
    ],
)
def test_secret_is_removed_and_the_rest_stays(text: str, secret: str) -> None:
    line = redact(text)
    assert secret not in line
    assert "[removed]" in line
    assert line[:4] == text[:4]


@pytest.mark.parametrize(
    "text",
    [
        "Operation 5d0f could not be prepared",
        "Azure answered 404 with the code NotFound.",
        '{"error": {"code": "AuthorizationFailed", "message": "no"}}',
        "GET /endpoints/new?from=8f2a1c66",
        "AADSTS7000222: The provided client secret keys are expired",
    ],
)
def test_other_text_is_kept(text: str) -> None:
    assert redact(text) == text


def test_processes_log_without_secrets(tmp_path: Path) -> None:
    code = f"""
import logging
try:
    raise RuntimeError('Bearer {JWT}')
except RuntimeError:
    logging.getLogger('endpoints').exception('It was %s', '{JWT}')
"""
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "LOG_LEVEL": "INFO"}
    command = manage("shell", "-c", code)
    log = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60).stderr
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ERROR endpoints: It was \[removed\]\n", log)
    assert "RuntimeError: Bearer [removed]" in log
    assert "eyJ" not in log
