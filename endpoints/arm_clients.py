"""The ARM client of this installation, made from its settings."""

import time
from functools import lru_cache
from uuid import UUID, uuid4

from django.conf import settings

from accounts.identity import write_identity
from accounts.models import User
from endpoints.arm.budget import Budget
from endpoints.arm.http import ArmHttp
from endpoints.arm.reads import ArmReader

# Azure answers these reads in well under a second.
REQUEST_WITHIN_SECONDS = 10.0


@lru_cache(maxsize=1)
def arm_http() -> ArmHttp:
    return ArmHttp(
        settings.ARM_BASE_URL,
        connect_timeout=settings.ARM_CONNECT_TIMEOUT_SECONDS,
        read_timeout=settings.ARM_READ_TIMEOUT_SECONDS,
        connections=settings.ARM_CONCURRENCY,
        trust_env=settings.HTTP_TRUST_ENVIRONMENT,
    )


def reset() -> None:
    """Make the client again, from the settings as they are now."""
    arm_http.cache_clear()


def endpoint_url(arm_id: str) -> str:
    return arm_http().url(arm_id, api_version=settings.ARM_API_VERSION)


def list_url(workspace_arm_id: str) -> str:
    """The list of all serverless endpoints of a workspace."""
    return arm_http().url(f"{workspace_arm_id}/serverlessEndpoints", api_version=settings.ARM_API_VERSION)


def subscriptions_url(workspace_arm_id: str) -> str:
    """The list of all marketplace subscriptions of a workspace."""
    return arm_http().url(f"{workspace_arm_id}/marketplaceSubscriptions", api_version=settings.ARM_API_VERSION)


def reader(
    user: User, *, within: float, correlation_id: UUID | None = None, token: str = "", budget: Budget | None = None
) -> ArmReader:
    """A reader with this user's token, whose requests end within some seconds. Raises TokenUnavailable of accounts."""
    started, identity = time.monotonic(), write_identity(user)
    token = token or identity.token(within=within)
    left = max(0.0, within - (time.monotonic() - started))
    return ArmReader(
        arm_http(),
        token,
        correlation_id or uuid4(),
        settings.ARM_API_VERSION,
        within=left,
        request_within=REQUEST_WITHIN_SECONDS,
        identity=identity.key,
        budget=budget,
    )
