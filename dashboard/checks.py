"""What must be set before Endpoint Desk starts, each with what to do about it."""

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
    text = "PUBLIC_BASE_URL is https, but no proxy is trusted to say where requests come from and whether over TLS."
    hint = "Set BEHIND_TLS_PROXY=true when a proxy of yours sets X-Forwarded-Proto and X-Forwarded-For."
    return [Warning(text, hint=hint, id="dashboard.W001")]


def _backend() -> Iterator[CheckMessage]:
    if settings.AZURE_BACKEND not in {"azure", "emulator"}:
        yield Error(
            f"AZURE_BACKEND is {settings.AZURE_BACKEND!r}.",
            hint="Set it to azure, or to emulator for trying things out.",
            id="dashboard.E001",
        )
    if not settings.EMULATED and urlsplit(settings.ARM_BASE_URL).scheme != "https":
        yield Error(
            "ARM_BASE_URL is not https, so tokens would travel in the clear.",
            hint="Use https://management.azure.com or the address of your sovereign cloud.",
            id="dashboard.E002",
        )


def _public_base_url() -> Iterator[CheckMessage]:
    parts = urlsplit(settings.PUBLIC_BASE_URL)
    is_local = parts.hostname in settings.LOOPBACK
    if not parts.hostname or parts.scheme not in {"http", "https"} or parts.path:
        yield Error(
            "PUBLIC_BASE_URL is not set to the address that people open.",
            hint="Set it to something like https://endpoints.example.com, without a path.",
            id="dashboard.E003",
        )
    elif settings.EMULATED and not is_local and not settings.EMULATOR_MAY_BE_PUBLIC:
        yield Error(
            "The emulator, where anybody signs in as anybody, would be reachable under a public address.",
            hint="Set AZURE_BACKEND=azure, or EMULATOR_MAY_BE_PUBLIC=true if this is meant.",
            id="dashboard.E004",
        )
    elif not settings.EMULATED and parts.scheme == "http" and not is_local:
        yield Error(
            "PUBLIC_BASE_URL is http, so sessions would travel in the clear.",
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
            "DEBUG is on where others can reach it, and would show them settings and variables.",
            hint="Leave DEBUG out.",
            id="dashboard.E007",
        )
