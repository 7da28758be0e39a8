"""The options of the emulator, each listed once: command line, environment, page and docs read this table."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any


def integer(text: str) -> int:
    if not text.isdecimal():
        raise ValueError("write a whole number.")
    return int(text)


def number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError("write a number.") from None


def seconds_range(text: str) -> tuple[float, float]:
    """Read "8-40" or "0.5"; both ends must be positive and in order."""
    low, _, high = text.partition("-")
    first, last = number(low), number(high or low)
    if not 0 < first <= last:
        raise ValueError("write a range of seconds, such as 8-40 or 0.5.")
    return first, last


def url_list(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def base_url(text: str) -> str:
    return text.rstrip("/")


def uri_template(text: str) -> str:
    """The address of an endpoint must identify it, so it needs both placeholders."""
    if text and (not {"{name}", "{region}"} <= set(re.findall(r"{\w+}", text)) or "://" not in text):
        raise ValueError("write an address with {name} and {region} in it.")
    return text.rstrip("/")


def optional_file(text: str) -> Path | None:
    return Path(text) if text else None


def option(default: str, about: str, read: Callable[[str], Any] = str) -> Any:
    """A field of Options. An empty default is derived from the other options, or means "none"."""
    return field(metadata={"default": default, "about": about, "read": read})


@dataclass(frozen=True)
class Options:
    host: str = option("127.0.0.1", "Address to listen on.")
    port: int = option("8001", "Port to listen on.", integer)
    public_url: str = option("", "Address that browsers use. Default: http://127.0.0.1 with the port.", base_url)
    backchannel: str = option(
        "",
        "HTTPS address that clients use for tokens and signing keys. Default: the public address with TLS, "
        "else https://login.emulator.test.",
        base_url,
    )
    client_redirect: tuple[str, ...] = option(
        "http://localhost:8000/auth/callback",
        "Redirect URIs of the registered application, separated by commas.",
        url_list,
    )
    post_logout_redirect: tuple[str, ...] = option(
        "http://localhost:8000/", "Addresses that a sign-out may redirect to, separated by commas.", url_list
    )
    provisioning_seconds: tuple[float, float] = option(
        "8-40", "Time it takes to create an endpoint: a number or a range.", seconds_range
    )
    throttle_scale: float = option("1", "Factor on ARM's request limits; 0.1 throttles ten times sooner.", number)
    deployments_per_model: int = option("1", "Endpoints of one model that a workspace may have.", integer)
    workspaces: int = option("0", "Workspaces to start with, besides the six examples.", integer)
    subscriptions: int = option("1", "Subscriptions that these workspaces are spread over.", integer)
    endpoints: int = option("0", "Endpoints to start with, online, spread over these workspaces.", integer)
    page_size: int = option("100", "Items per page of a list.", integer)
    inference_uri: str = option(
        "", "Address of an endpoint, with {name} and {region} in it. Default: below the public address.", uri_template
    )
    latency_ms: int = option("0", "Milliseconds that every response of ARM takes at least.", integer)
    access_token_seconds: int = option("4500", "Lifetime of an access token.", integer)
    tls_file: Path | None = option(  # noqa: RUF009 - it describes the field
        "", "PEM file with certificate and key to serve HTTPS with; created if it is missing.", optional_file
    )
    state_file: Path | None = option("", "File that keeps everything across restarts.", optional_file)  # noqa: RUF009


@dataclass(frozen=True)
class Option:
    """One row of the table."""

    name: str
    default: str
    about: str
    read: Callable[[str], Any]

    @property
    def flag(self) -> str:
        return f"--{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        return f"EMULATOR_{self.name.upper()}"

    @property
    def text(self) -> str:
        return os.environ.get(self.variable) or self.default

    @property
    def help(self) -> str:
        return f"{self.about} [{self.default}]" if self.default else self.about

    def value(self) -> Any:
        try:
            return self.read(self.text)
        except ValueError as error:
            raise ValueError(f"{self.flag} cannot be '{self.text}': {error}") from None


OPTIONS = tuple(Option(row.name, **row.metadata) for row in fields(Options))


def read_options() -> Options:
    """Raises ValueError, in a sentence that names the option."""
    given = Options(**{row.name: row.value() for row in OPTIONS})
    if given.endpoints and not given.workspaces:
        raise ValueError("--endpoints needs --workspaces to spread them over.")
    if given.workspaces and not given.subscriptions:
        raise ValueError("--workspaces needs --subscriptions to spread them over.")
    public_url = given.public_url or f"{'https' if given.tls_file else 'http'}://127.0.0.1:{given.port}"
    # msal requires https of an authority, so without TLS clients get a name that they map to the emulator themselves:
    # https://github.com/AzureAD/microsoft-authentication-library-for-python/issues/259
    backchannel = given.backchannel or (public_url if given.tls_file else "https://login.emulator.test")
    inference_uri = given.inference_uri or f"{public_url}/inference/{{region}}/{{name}}"
    return replace(given, public_url=public_url, backchannel=backchannel, inference_uri=inference_uri)


@cache
def options() -> Options:
    """The options of this process; read once, since they cannot change while it runs."""
    return read_options()


def inference_uri(name: str, region: str) -> str:
    return options().inference_uri.replace("{name}", name).replace("{region}", region)
