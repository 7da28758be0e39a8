"""The settings of one emulator. They travel in EMULATOR_* variables, because the server starts its worker anew."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
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
    access_token_seconds: int
    state_file: Path | None


DEFAULTS = {
    "HOST": "127.0.0.1",
    "PORT": "8001",
    "PUBLIC_URL": "",
    "BACKCHANNEL": "https://login.emulator.test",
    "CLIENT_REDIRECT": "http://localhost:8000/auth/callback",
    "POST_LOGOUT_REDIRECT": "http://localhost:8000/",
    "PROVISIONING_SECONDS": "8-40",
    "THROTTLE_SCALE": "1",
    "DEPLOYMENTS_PER_MODEL": "1",
    "PAGE_SIZE": "100",
    "ACCESS_TOKEN_SECONDS": "4500",
    "STATE_FILE": "",
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


def read_options() -> Options:
    port = int(value("PORT"))
    return Options(
        host=value("HOST"),
        port=port,
        public_url=(value("PUBLIC_URL") or f"http://127.0.0.1:{port}").rstrip("/"),
        backchannel=value("BACKCHANNEL").rstrip("/"),
        client_redirects=tuple(value("CLIENT_REDIRECT").split(",")),
        post_logout_redirects=tuple(value("POST_LOGOUT_REDIRECT").split(",")),
        provisioning_seconds=seconds_range(value("PROVISIONING_SECONDS")),
        throttle_scale=float(value("THROTTLE_SCALE")),
        deployments_per_model=int(value("DEPLOYMENTS_PER_MODEL")),
        page_size=int(value("PAGE_SIZE")),
        access_token_seconds=int(value("ACCESS_TOKEN_SECONDS")),
        state_file=Path(value("STATE_FILE")) if value("STATE_FILE") else None,
    )


@cache
def options() -> Options:
    """The options of this process; read once, as they cannot change while it runs."""
    return read_options()
