"""The ARM clients of this installation, made from its settings."""

from functools import lru_cache
from uuid import UUID, uuid4

from django.conf import settings

from accounts.identity import write_identity
from accounts.models import User
from endpoints.arm.http import ArmHttp
from endpoints.arm.reads import ArmReader

# A page waits less long than an operation does.
PAGE_TIMEOUT_SECONDS = 10.0


@lru_cache(maxsize=1)
def arm_http() -> ArmHttp:
    """The client of workers."""
    return _client(settings.ARM_READ_TIMEOUT_SECONDS)


@lru_cache(maxsize=1)
def page_http() -> ArmHttp:
    """The client of pages."""
    return _client(PAGE_TIMEOUT_SECONDS)


def reset() -> None:
    """Make both clients again, from the settings as they are now."""
    arm_http.cache_clear()
    page_http.cache_clear()


def endpoint_url(arm_id: str) -> str:
    return arm_http().url(arm_id, api_version=settings.ARM_API_VERSION)


def list_url(workspace_arm_id: str) -> str:
    """The list of all serverless endpoints of a workspace."""
    return arm_http().url(f"{workspace_arm_id}/serverlessEndpoints", api_version=settings.ARM_API_VERSION)


def subscriptions_url(workspace_arm_id: str) -> str:
    """The list of all marketplace subscriptions of a workspace."""
    return arm_http().url(f"{workspace_arm_id}/marketplaceSubscriptions", api_version=settings.ARM_API_VERSION)


def reader(user: User, correlation_id: UUID | None = None) -> ArmReader:
    """A reader for a user who waits for the page. Raises accounts.tokens.TokenUnavailable."""
    return ArmReader(page_http(), write_identity(user).token(), correlation_id or uuid4(), settings.ARM_API_VERSION)


def _client(read_timeout: float) -> ArmHttp:
    return ArmHttp(
        settings.ARM_BASE_URL,
        connect_timeout=settings.ARM_CONNECT_TIMEOUT_SECONDS,
        read_timeout=read_timeout,
        connections=settings.ARM_CONCURRENCY,
        trust_env=settings.HTTP_TRUST_ENVIRONMENT,
    )
