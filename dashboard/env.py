"""Reads settings from the environment. An invalid one raises ImproperlyConfigured, which says how to fix it."""

import os
from datetime import date
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}


def env_str(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def env_bool(name: str, default: bool) -> bool:
    value = env_str(name, "true" if default else "false").lower()
    if value not in TRUE | FALSE:
        raise ImproperlyConfigured(f"{name} is {value!r}. Set it to true or false.")
    return value in TRUE


def env_number(name: str, default: float) -> float:
    value = env_str(name, str(default))
    try:
        return float(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}. Set it to a number.") from None


def env_int(name: str, default: int) -> int:
    return int(env_number(name, default))


def env_date(name: str) -> date | None:
    """A date such as 2027-06-30; None if it is not set."""
    value = env_str(name)
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {value!r}. Set it to a date such as 2027-06-30.") from None


def env_list(name: str) -> list[str]:
    """Values separated by commas or whitespace."""
    return env_str(name).replace(",", " ").split()


def env_secret(name: str) -> str:
    """The value of NAME, or the content of the file NAME_FILE, as containers receive secrets.

    https://docs.docker.com/compose/how-tos/use-secrets/
    """
    path = env_str(f"{name}_FILE")
    if not path:
        return env_str(name)
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"{name}_FILE names {path!r}, which cannot be read ({error.strerror}). Mount it or unset {name}_FILE."
        ) from error
