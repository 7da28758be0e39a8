"""Send a request to ARM and follow its operation to the end in the foreground, for scripts and tests.

    arm = ArmHttp("https://management.azure.com")
    url = arm.url("/subscriptions/…/serverlessEndpoints/chat", api_version="2025-09-01")
    end = put_and_follow(arm, url, body, token)

where `token(force_refresh)` gives a bearer token, for instance by asking msal.
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
    Done,
    InProgress,
    Outcome,
    Retry,
    begin,
    error_of,
    follow,
    pause,
    pause_after_fault,
)

# Called for every request, so that an operation may outlive a token; True asks for a new one after a 401.
Token = Callable[[bool], str]

MAX_FAULTS = 5
# How long an operation is followed when neither the caller nor ARM sets a limit.
FOLLOWED_FOR = timedelta(hours=1)
# Retry-After: 0 means at once, and at once is not a busy loop.
MIN_PAUSE_SECONDS = 0.02


def put_and_follow(arm: ArmHttp, url: str, body: dict[str, Any], token: Token, **options: Any) -> Done:
    """PUT a resource and follow it; the options are those of `send_and_follow`."""
    return send_and_follow(arm, ArmRequest("PUT", url, body), token, **options)


def send_and_follow(
    arm: ArmHttp,
    request: ArmRequest,
    token: Token,
    *,
    final_state_via: str = "",
    limit: timedelta | None = None,
    pause_seconds: float | None = None,
    correlation_id: UUID | None = None,
    stop: threading.Event | None = None,
) -> Done:
    """Send a PUT, PATCH, DELETE or POST and return how its operation ended.

    `limit` covers requests and waits together; without one, what ARM says in `x-ms-async-operation-timeout` does.
    `pause_seconds` replaces the growing rhythm of polls without Retry-After. Setting `stop` ends a wait between
    requests at once. After either, nothing more is sent, the operation goes on in Azure, and the outcome is an error
    named `NotFollowed`. Raises ForeignOrigin when `call` itself does not lead to the host of `arm`.
    """
    follower = _Follower(
        arm, request, token, limit, pause_seconds, correlation_id or uuid4(), stop or threading.Event()
    )
    try:
        return follower.run(final_state_via)
    except _NotFollowed as end:
        rest = "The operation may still be running in Azure." if follower.has_sent else "Nothing was sent."
        error = ArmError("NotFollowed", f"{end} {rest}", 0, {})
        return Done(Outcome.ERROR, error=error, outcome_unknown=follower.has_sent)


class _NotFollowed(Exception):
    """The caller stopped, or time is up."""


class _Follower:
    def __init__(
        self,
        arm: ArmHttp,
        request: ArmRequest,
        token: Token,
        limit: timedelta | None,
        pause_seconds: float | None,
        correlation_id: UUID,
        stop: threading.Event,
    ) -> None:
        self._arm, self._request, self._token, self._stop = arm, request, token, stop
        self._pause_seconds, self._correlation_id = pause_seconds, correlation_id
        self._limit_is_ours = limit is None
        self._end_at = time.monotonic() + (FOLLOWED_FOR if limit is None else limit).total_seconds()
        self.has_sent = False

    def run(self, final_state_via: str) -> Done:
        url = self._request.url
        step, response = self._begin(final_state_via)
        polls = 0
        while isinstance(step, InProgress):
            if step.state.faults > MAX_FAULTS:
                return Done(Outcome.ERROR, error=error_of(response))
            if step.state.faults:
                self._wait_after_fault(step.wait, step.state.faults - 1)
            else:
                self._wait(step.wait, pause(polls) if self._pause_seconds is None else self._pause_seconds)
                polls += 1
            response = self._send(ArmRequest("GET", step.state.next_url(url)))
            step = follow(step.state, response, url)
        return step

    def _begin(self, final_state_via: str) -> tuple[InProgress | Done, ArmResult]:
        may_have_arrived = False
        for faults in range(MAX_FAULTS + 1):
            response = self._send(self._request)
            step = begin(self._request.method, response, self._request.url, final_state_via)
            if not isinstance(step, Retry):
                self._take_limit(response)
                return step, response
            may_have_arrived = may_have_arrived or step.may_have_arrived
            if faults < MAX_FAULTS:
                self._wait_after_fault(step.wait, faults)
        return Done(Outcome.ERROR, error=error_of(response), outcome_unknown=may_have_arrived), response

    def _take_limit(self, response: ArmResponse | NoResponse) -> None:
        limit = operation_timeout(response) if isinstance(response, ArmResponse) else None
        if limit and self._limit_is_ours:
            self._end_at = time.monotonic() + limit.total_seconds()

    def _send(self, request: ArmRequest) -> ArmResult:
        """Send once, and once more with a new token when ARM does not take the first."""
        response = self._send_with(self._token(False), request)
        if isinstance(response, ArmResponse) and response.status == 401:
            response = self._send_with(self._token(True), request)
        if isinstance(response, NoResponse):
            self._left()
        return response

    def _send_with(self, token: str, request: ArmRequest) -> ArmResult:
        within = self._left()
        self.has_sent = True
        return self._arm.send(request, token, self._correlation_id, within=within)

    def _left(self) -> float:
        """Seconds until the limit; raises _NotFollowed when it is reached or the caller stopped."""
        left = self._end_at - time.monotonic()
        if self._stop.is_set():
            raise _NotFollowed("Following it was stopped.")
        if left <= 0:
            raise _NotFollowed("Time was up before Azure told an end.")
        return left

    def _wait_after_fault(self, retry_after: float | None, faults: int) -> None:
        """Many clients see a fault of ARM at once, and must not come back at once."""
        self._wait(retry_after, pause_after_fault(faults) * random.uniform(1, 1.25))  # noqa: S311 - no secret

    def _wait(self, retry_after: float | None, own: float) -> None:
        seconds = max(MIN_PAUSE_SECONDS, own if retry_after is None else retry_after)
        self._stop.wait(min(seconds, self._left()))
        self._left()
