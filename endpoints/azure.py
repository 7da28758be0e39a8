"""This installation's way to Azure: the ARM client made from the settings, and a person's reader."""

from functools import lru_cache
from uuid import UUID, uuid4

from django.conf import settings

from accounts.models import User
from accounts.tokens import arm_token
from endpoints.arm.http import ArmHttp
from endpoints.arm.reads import ArmReader


@lru_cache(maxsize=1)
def arm_http() -> ArmHttp:
    """The one client of this process."""
    return ArmHttp(
        settings.ARM_BASE_URL,
        connect_timeout=settings.ARM_CONNECT_TIMEOUT_SECONDS,
        read_timeout=settings.ARM_READ_TIMEOUT_SECONDS,
        connections=settings.ARM_CONCURRENCY,
        trust_env=settings.HTTP_TRUST_ENVIRONMENT,
    )


def endpoint_url(arm_id: str) -> str:
    return arm_http().url(arm_id, api_version=settings.ARM_API_VERSION)


def reader(user: User, correlation_id: UUID | None = None) -> ArmReader:
    """Read ARM as a person. Raises accounts.tokens.TokenUnavailable."""
    return ArmReader(arm_http(), arm_token(user), correlation_id or uuid4(), settings.ARM_API_VERSION)
