"""Read settings from the environment, and fail with a sentence a person can act on."""

import os
from datetime import date
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}


def env_str(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def env_bool(name: str, default: bool) -> bool:
    word = env_str(name, "true" if default else "false").lower()
    if word not in TRUE | FALSE:
        raise ImproperlyConfigured(f"{name} is {word!r}. Set it to true or false.")
    return word in TRUE


def env_number(name: str, default: float) -> float:
    word = env_str(name, str(default))
    try:
        return float(word)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {word!r}. Set it to a number.") from None


def env_int(name: str, default: int) -> int:
    return int(env_number(name, default))


def env_date(name: str) -> date | None:
    """A day such as 2027-06-30; None when it is not set."""
    word = env_str(name)
    try:
        return date.fromisoformat(word) if word else None
    except ValueError:
        raise ImproperlyConfigured(f"{name} is {word!r}. Set it to a date such as 2027-06-30.") from None


def env_list(name: str) -> list[str]:
    """Values separated by commas or white space."""
    return env_str(name).replace(",", " ").split()


def env_secret(name: str) -> str:
    """The value of NAME, or the content of the file that NAME_FILE names (as container secrets are handed over)."""
    path = env_str(f"{name}_FILE")
    if not path:
        return env_str(name)
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"{name}_FILE names {path!r}, which cannot be read ({error.strerror}). Mount it or unset {name}_FILE."
        ) from error
