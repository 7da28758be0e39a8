"""Logging of every process: one line per record to stderr, in UTC and without secrets."""

from typing import Any


def logging_config(level: str) -> dict[str, Any]:
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": "accounts.redaction.RedactingFormatter",
                "format": "{asctime} {levelname} {name}: {message}",
                "style": "{",
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # At DEBUG msal logs authorization codes, and urllib3 signed URLs.
            "msal": {"level": "WARNING"},
            "urllib3": {"level": "WARNING"},
            "celery": {"level": "WARNING"},
        },
    }
