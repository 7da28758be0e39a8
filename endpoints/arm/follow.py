"""Send a request to ARM and follow its operation to the end, in the foreground, for scripts and tests.

    arm = ArmHttp("https://management.azure.com")
    url = arm.url("/subscriptions/…/serverlessEndpoints/chat", api_version="2025-09-01")
    result = put_and_follow(arm, url, body, token_source)

where `token_source(force_refresh)` returns a bearer token, for instance from msal.
"""

import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from endpoints.arm.errors import ArmError
from endpoints.arm.headers import operation_timeout
from endpoints.arm.http import ArmHttp, ArmRequest, ArmResponse, ArmResult, NoResponse
from endpoints.arm.operations import (
    DEFAULT_OPERATION_TIMEOUT,
    Done,
    InProgress,
    Outcome,
    Retry,
    error_of,
    pause,
    pause_after_fault,
)
from endpoints.arm.polling import begin, follow

# Called before every request, since an operation may outlive a token. True forces a refresh, after a 401.
TokenSource = Callable[[bool], str]

MAX_FAULTS = 5
# Retry-After: 0 means at once, but not a busy loop.
MIN_PAUSE_SECONDS = 0.02


def put_and_follow(arm: ArmHttp, url: str, body: dict[str, Any], token_source: TokenSource, **options: Any) -> Done:
    """PUT a resource and follow the operation; the options are those of `send_and_follow`."""
    return send_and_follow(arm, ArmRequest("PUT", url, body), token_source, **options)


def send_and_follow(
    arm: ArmHttp,
    request: ArmRequest,
    token_source: TokenSource,
    *,
    final_state_via: str = "",
    limit: timedelta | None = None,
    pause_seconds: float | None = None,
    correlation_id: UUID | None = None,
    stop: threading.Event | None = None,
) -> Done:
    """Send a PUT, PATCH, DELETE or POST and return the result of its operation.

    `limit` covers requests and waits together. It defaults to ARM's (`x-ms-async-operation-timeout`), else to an hour.
    `pause_seconds` replaces the growing interval between polls without Retry-After. Setting `stop` ends a wait at once.
    After the limit or a stop nothing more is sent, the operation continues in Azure, and the result is an error with
    the code `NotFollowed`. Raises ForeignOrigin if `request` itself does not lead to the host of `arm`.
    """
    follower = _Follower(
        arm, request, token_source, limit, pause_seconds, correlation_id or uuid4(), stop or threading.Event()
    )
    try:
        return follower.run(final_state_via)
    except _NotFollowed as reason:
        rest = "The operation may still be running in Azure." if follower.has_sent else "Nothing was sent."
        error = ArmError("NotFollowed", f"{reason} {rest}", 0, {})
        return Done(Outcome.ERROR, error=error, outcome_unknown=follower.has_sent)


class _NotFollowed(Exception):
    """The caller stopped, or the limit is reached."""


class _Follower:
    def __init__(
        self,
        arm: ArmHttp,
        request: ArmRequest,
        token_source: TokenSource,
        limit: timedelta | None,
        pause_seconds: float | None,
        correlation_id: UUID,
        stop: threading.Event,
    ) -> None:
        self._arm, self._request, self._token_source, self._stop = arm, request, token_source, stop
        self._pause_seconds, self._correlation_id = pause_seconds, correlation_id
        self._has_default_limit = limit is None
        self._deadline = time.monotonic() + (DEFAULT_OPERATION_TIMEOUT if limit is None else limit).total_seconds()
        self.has_sent = False

    def run(self, final_state_via: str) -> Done:
        url = self._request.url
        progress, response = self._begin(final_state_via)
        polls = 0
        while isinstance(progress, InProgress):
            faults = progress.state.faults
            if faults > MAX_FAULTS:
                return Done(Outcome.ERROR, error=error_of(response))
            if faults:
                self._wait_after_fault(progress.wait, faults - 1)
            else:
                self._wait(progress.wait, pause(polls) if self._pause_seconds is None else self._pause_seconds)
                polls += 1
            response = self._send(ArmRequest("GET", progress.state.next_url(url)))
            progress = follow(progress.state, response, url)
        return progress

    def _begin(self, final_state_via: str) -> tuple[InProgress | Done, ArmResult]:
        may_have_arrived = False
        for faults in range(MAX_FAULTS + 1):
            response = self._send(self._request)
            progress = begin(self._request.method, response, self._request.url, final_state_via)
            if not isinstance(progress, Retry):
                self._adopt_limit(response)
                return progress, response
            may_have_arrived = may_have_arrived or progress.may_have_arrived
            if faults < MAX_FAULTS:
                self._wait_after_fault(progress.wait, faults)
        return Done(Outcome.ERROR, error=error_of(response), outcome_unknown=may_have_arrived), response

    def _adopt_limit(self, response: ArmResult) -> None:
        limit = operation_timeout(response) if isinstance(response, ArmResponse) else None
        if limit and self._has_default_limit:
            self._deadline = time.monotonic() + limit.total_seconds()

    def _send(self, request: ArmRequest) -> ArmResult:
        """Send once, and once more with a new token if ARM refuses the first."""
        response = self._send_with(self._token_source(False), request)
        if isinstance(response, ArmResponse) and response.status == 401:
            response = self._send_with(self._token_source(True), request)
        if isinstance(response, NoResponse):
            self._seconds_left()
        return response

    def _send_with(self, token: str, request: ArmRequest) -> ArmResult:
        within = self._seconds_left()
        self.has_sent = True
        return self._arm.send(request, token, self._correlation_id, within=within)

    def _seconds_left(self) -> float:
        """Seconds until the limit; raises _NotFollowed if it is reached or the caller stopped."""
        left = self._deadline - time.monotonic()
        if self._stop.is_set():
            raise _NotFollowed("The caller stopped following the operation.")
        if left <= 0:
            raise _NotFollowed("The time limit was reached before Azure reported an outcome.")
        return left

    def _wait_after_fault(self, retry_after: float | None, faults: int) -> None:
        """Wait with jitter, so that clients that saw the same fault do not all return at the same moment."""
        self._wait(retry_after, pause_after_fault(faults) * random.uniform(1, 1.25))  # noqa: S311 - no secret

    def _wait(self, retry_after: float | None, default: float) -> None:
        seconds = max(MIN_PAUSE_SECONDS, default if retry_after is None else retry_after)
        self._stop.wait(min(seconds, self._seconds_left()))
        self._seconds_left()
