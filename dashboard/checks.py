"""System checks of the installation's settings. Each error has a hint that says how to fix it."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register


@register()
def installation_is_set_up(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    return [*_backend(), *_public_base_url(), *_secret_key(), *_debug()]


@register(Tags.security, deploy=True)
def proxy_is_trusted(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    if not settings.HTTPS or settings.BEHIND_TLS_PROXY:
        return []
    text = (
        "PUBLIC_BASE_URL is https, but BEHIND_TLS_PROXY is not set, so forwarded addresses and protocols are ignored."
    )
    hint = "Set BEHIND_TLS_PROXY=true if your own proxy sets X-Forwarded-Proto and X-Forwarded-For."
    return [Warning(text, hint=hint, id="dashboard.W001")]


def _backend() -> Iterator[CheckMessage]:
    if settings.AZURE_BACKEND not in {"azure", "emulator"}:
        yield Error(
            f"AZURE_BACKEND is {settings.AZURE_BACKEND!r}.",
            hint="Set it to azure, or to emulator to try things out.",
            id="dashboard.E001",
        )
    if not settings.EMULATED and urlsplit(settings.ARM_BASE_URL).scheme != "https":
        yield Error(
            "ARM_BASE_URL is not https, so tokens would be sent in the clear.",
            hint="Use https://management.azure.com or the address of your sovereign cloud.",
            id="dashboard.E002",
        )


def _public_base_url() -> Iterator[CheckMessage]:
    parts = urlsplit(settings.PUBLIC_BASE_URL)
    is_local = parts.hostname in settings.LOOPBACK
    if not parts.hostname or parts.scheme not in {"http", "https"} or parts.path:
        yield Error(
            "PUBLIC_BASE_URL is not the address that users open.",
            hint="Set it to something like https://endpoints.example.com, without a path.",
            id="dashboard.E003",
        )
    elif settings.EMULATED and not is_local and not settings.EMULATOR_MAY_BE_PUBLIC:
        yield Error(
            "The emulator, where anyone can sign in as any user, would be reachable at a public address.",
            hint="Set AZURE_BACKEND=azure, or EMULATOR_MAY_BE_PUBLIC=true if this is intended.",
            id="dashboard.E004",
        )
    elif not settings.EMULATED and parts.scheme == "http" and not is_local:
        yield Error(
            "PUBLIC_BASE_URL is http, so sessions would be sent in the clear.",
            hint="Serve it over https and set PUBLIC_BASE_URL to that address.",
            id="dashboard.E005",
        )


def _secret_key() -> Iterator[CheckMessage]:
    if len(settings.SECRET_KEY) < 32:
        yield Error(
            "SECRET_KEY is missing or too short to sign sessions with.",
            hint="Set it to 50 random characters, the same for web, worker and beat.",
            id="dashboard.E006",
        )


def _debug() -> Iterator[CheckMessage]:
    if settings.DEBUG and urlsplit(settings.PUBLIC_BASE_URL).hostname not in settings.LOOPBACK:
        yield Error(
            "DEBUG is on at a public address, and would expose settings and variables.",
            hint="Unset DEBUG.",
            id="dashboard.E007",
        )
