"""Removes secrets from log lines: the last line of defence, for text that we did not mean to log."""

import logging
import re
import time

NAMES = (
    "access_token|assertion|client_assertion|client_secret|code_verifier|id_token|password|primaryKey|"
    "refresh_token|secondaryKey"
)
# `kept` stays, so that the line shows which secret was removed.
SECRETS = [
    re.compile(r"(?P<kept>\b(?:Bearer|Basic)\s+)[\w.~+/=-]{8,}", re.IGNORECASE),
    re.compile(rf"(?P<kept>\b(?:{NAMES})['\"]?\s*[:=]\s*['\"]?)[^\s'\"&,;)}}]+", re.IGNORECASE),
    re.compile(r"(?P<kept>\bcode=)[^\s'\"&]+"),  # of a sign-in; Azure's error codes follow a colon
    re.compile(
        r"(?P<kept>)\beyJ[\w-]{10,}\.[\w-]{10,}(?:\.[\w-]*)?"
    ),  # a JSON Web Token: https://www.rfc-editor.org/rfc/rfc7519
    re.compile(r"(?P<kept>)\bgAAAA[\w-]{20,}=*"),  # Fernet: https://github.com/fernet/spec
    re.compile(r"(?P<kept>/mfeOperations\w+/[\w-]+\?)\S+"),  # the signature in an operation's URL
    re.compile(r"(?P<kept>\b(?:rediss?|postgres(?:ql)?)://[^\s:@/]*:)[^\s@/]+(?=@)"),
]


def redact(text: str) -> str:
    for secret in SECRETS:
        text = secret.sub(r"\g<kept>[removed]", text)
    return text


class RedactingFormatter(logging.Formatter):
    """Formats a line with its time in UTC, and without secrets, tracebacks included."""

    converter = time.gmtime  # type: ignore[assignment]  # as the logging docs do
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))
