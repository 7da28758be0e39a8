"""This installation's way to Azure: the ARM client made from the settings, and a person's reader."""

from functools import lru_cache
from uuid import UUID, uuid4

from django.conf import settings

from accounts.identity import write_identity
from accounts.models import User
from endpoints.arm.http import ArmHttp
from endpoints.arm.reads import ArmReader

# A page does not wait as long as an operation does.
PAGE_WAITS_SECONDS = 10.0


@lru_cache(maxsize=1)
def arm_http() -> ArmHttp:
    """The client that operations are followed with."""
    return _client(settings.ARM_READ_TIMEOUT_SECONDS)


@lru_cache(maxsize=1)
def _page_http() -> ArmHttp:
    return _client(PAGE_WAITS_SECONDS)


def _client(read_timeout: float) -> ArmHttp:
    return ArmHttp(
        settings.ARM_BASE_URL,
        connect_timeout=settings.ARM_CONNECT_TIMEOUT_SECONDS,
        read_timeout=read_timeout,
        connections=settings.ARM_CONCURRENCY,
        trust_env=settings.HTTP_TRUST_ENVIRONMENT,
    )


def endpoint_url(arm_id: str) -> str:
    return arm_http().url(arm_id, api_version=settings.ARM_API_VERSION)


def list_url(workspace_arm_id: str) -> str:
    """All serverless endpoints of a workspace."""
    return arm_http().url(f"{workspace_arm_id}/serverlessEndpoints", api_version=settings.ARM_API_VERSION)


def reader(user: User, correlation_id: UUID | None = None) -> ArmReader:
    """Read ARM for a person who waits for the page. Raises accounts.tokens.TokenUnavailable."""
    return ArmReader(_page_http(), write_identity(user).token(), correlation_id or uuid4(), settings.ARM_API_VERSION)
