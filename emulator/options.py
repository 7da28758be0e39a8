"""The settings of one emulator: EMULATOR_* variables, which the options of the command fill in."""

import os
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Options:
    host: str
    port: int
    public_url: str
    backchannel: str
    client_redirects: tuple[str, ...]
    post_logout_redirects: tuple[str, ...]
    provisioning_seconds: tuple[float, float]
    throttle_scale: float
    deployments_per_model: int
    page_size: int
    inference_uri: str
    access_token_seconds: int
    state_file: Path | None
    tls_file: Path | None


DEFAULTS = {
    "HOST": "127.0.0.1",
    "PORT": "8001",
    "PUBLIC_URL": "",
    "BACKCHANNEL": "",
    "CLIENT_REDIRECT": "http://localhost:8000/auth/callback",
    "POST_LOGOUT_REDIRECT": "http://localhost:8000/",
    "PROVISIONING_SECONDS": "8-40",
    "THROTTLE_SCALE": "1",
    "DEPLOYMENTS_PER_MODEL": "1",
    "PAGE_SIZE": "100",
    "INFERENCE_URI": "",
    "ACCESS_TOKEN_SECONDS": "4500",
    "STATE_FILE": "",
    "TLS_FILE": "",
}


def value(name: str) -> str:
    return os.environ.get(f"EMULATOR_{name}") or DEFAULTS[name]


def seconds_range(text: str) -> tuple[float, float]:
    """Read "8-40" or "0.5"; both ends must be positive and in order."""
    low, _, high = text.partition("-")
    first, last = float(low), float(high or low)
    if not 0 < first <= last:
        raise ValueError(f"'{text}' is no range of seconds such as 8-40 or 0.5.")
    return first, last


def inference_template(public_url: str) -> str:
    """Where endpoints are called. Must say which one is meant, as {name} and {region} do."""
    template = (value("INFERENCE_URI") or f"{public_url}/inference/{{region}}/{{name}}").rstrip("/")
    if not {"{name}", "{region}"} <= set(re.findall(r"{\w+}", template)) or "://" not in template:
        raise ValueError(f"'{template}' is no address with {{name}} and {{region}} in it.")
    return template


def read_options() -> Options:
    port = int(value("PORT"))
    scheme = "https" if value("TLS_FILE") else "http"
    public_url = (value("PUBLIC_URL") or f"{scheme}://127.0.0.1:{port}").rstrip("/")
    # Clients insist on https for tokens; without TLS they are given a name that is led here by other means.
    backchannel = value("BACKCHANNEL") or (public_url if value("TLS_FILE") else "https://login.emulator.test")
    return Options(
        host=value("HOST"),
        port=port,
        public_url=public_url,
        backchannel=backchannel.rstrip("/"),
        client_redirects=tuple(value("CLIENT_REDIRECT").split(",")),
        post_logout_redirects=tuple(value("POST_LOGOUT_REDIRECT").split(",")),
        provisioning_seconds=seconds_range(value("PROVISIONING_SECONDS")),
        throttle_scale=float(value("THROTTLE_SCALE")),
        deployments_per_model=int(value("DEPLOYMENTS_PER_MODEL")),
        page_size=int(value("PAGE_SIZE")),
        inference_uri=inference_template(public_url),
        access_token_seconds=int(value("ACCESS_TOKEN_SECONDS")),
        state_file=Path(value("STATE_FILE")) if value("STATE_FILE") else None,
        tls_file=Path(value("TLS_FILE")) if value("TLS_FILE") else None,
    )


@cache
def options() -> Options:
    """The options of this process; read once, as they cannot change while it runs."""
    return read_options()


def inference_uri(name: str, region: str) -> str:
    return options().inference_uri.replace("{name}", name).replace("{region}", region)
