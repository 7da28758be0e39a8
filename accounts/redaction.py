"""Log lines without secrets, wherever the text comes from: the last gate, behind all the care taken before it."""

import logging
import re
import time

NAMES = (
    "access_token|assertion|client_assertion|client_secret|code_verifier|id_token|password|primaryKey|"
    "refresh_token|secondaryKey"
)
# Each keeps what says which secret it was.
SECRETS = [
    re.compile(r"(?P<kept>\b(?:Bearer|Basic)\s+)[\w.~+/=-]{8,}", re.IGNORECASE),
    re.compile(rf"(?P<kept>\b(?:{NAMES})['\"]?\s*[:=]\s*['\"]?)[^\s'\"&,;)}}]+", re.IGNORECASE),
    re.compile(r"(?P<kept>\bcode=)[^\s'\"&]+"),  # of a sign-in; Azure's error codes stand behind a colon
    re.compile(r"(?P<kept>)\beyJ[\w-]{10,}\.[\w-]{10,}(?:\.[\w-]*)?"),  # a JSON Web Token
    re.compile(r"(?P<kept>)\bgAAAA[\w-]{20,}=*"),  # what is encrypted in the token store
    re.compile(r"(?P<kept>/mfeOperations\w+/[\w-]+\?)\S+"),  # the signature of an operation's address
    re.compile(r"(?P<kept>\b(?:rediss?|postgres(?:ql)?)://[^\s:@/]*:)[^\s@/]+(?=@)"),
]


def redact(text: str) -> str:
    for secret in SECRETS:
        text = secret.sub(r"\g<kept>[removed]", text)
    return text


class RedactingFormatter(logging.Formatter):
    """A line with its time in UTC; tracebacks too are rid of secrets."""

    converter = time.gmtime  # type: ignore[assignment]  # as the documentation of logging does it
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))
