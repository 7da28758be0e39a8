"""Sends requests to Azure through a pool of threads, and reads through an event loop."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from endpoints.arm.budget import LIMITS, Account, Limit
from endpoints.arm.http import ArmHttp, ArmRequest, ArmResponse, ArmResult, NoResponse
from endpoints.arm.origin import ForeignOrigin
from endpoints.arm.paging import next_page
from endpoints.arm.poller import ArmPoller, Read
from endpoints.arm.reads import MAX_PAGES
from endpoints.engine.creation import reads_list
from endpoints.engine.leases import Group
from endpoints.engine.tokens import identity_key
from endpoints.models import Operation


@dataclass(frozen=True)
class PendingCall:
    """One request to Azure for an operation, or one list of its workspace that stands for a read of several."""

    operations: list[Operation]
    request: ArmRequest
    resource_url: str
    group: Group | None = None

    @property
    def operation(self) -> Operation:
        return self.operations[0]

    @property
    def account(self) -> Account:
        """ARM counts requests by identity and subscription.

        https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/request-limits-and-throttling
        """
        return identity_key(self.operation), self.operation.endpoint.workspace.subscription_id.lower()

    @property
    def limit(self) -> Limit:
        return LIMITS[self.request.method]


# The pages of a list, or the one response, or what was raised instead.
Responses = list[ArmResult] | Exception
Completed = tuple[PendingCall, Responses]


class Calls:
    """The connections of one worker. `on_completed` gets every call once, from any thread."""

    def __init__(self, arm: ArmHttp, *, concurrency: int, poll_read_timeout: float) -> None:
        self._arm = arm
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="arm")
        self._poller = ArmPoller(arm, read_timeout=poll_read_timeout, connections=concurrency * 4)

    def send(
        self, call: PendingCall, token: str, start_before: float, on_completed: Callable[[Completed], object]
    ) -> None:
        """Send in this thread. `start_before` is a time of the monotonic clock."""
        responses: Responses
        try:
            if time.monotonic() > start_before:
                responses = [NoResponse("Other calls to Azure took too long.", False, 0)]
            else:
                responses = self._responses(call, token)
        except Exception as error:
            responses = error
        on_completed((call, responses))

    def _responses(self, call: PendingCall, token: str) -> list[ArmResult]:
        """The response, and for a list the pages that follow it as far as they can be read."""
        # The whole call ends before its lease does: a read timeout alone restarts with every byte.
        give_up_at = time.monotonic() + sum(self._arm.timeout)
        responses: list[ArmResult] = []
        request: ArmRequest | None = call.request
        while request and (within := give_up_at - time.monotonic()) > 0 and len(responses) < MAX_PAGES:
            responses.append(self._arm.send(request, token, call.operation.correlation_id, within=within))
            request = _next_page(responses[-1], request.url) if reads_list(call.operation) else None
        return responses

    def send_in_thread(
        self, call: PendingCall, token: str, start_before: float, on_completed: Callable[[Completed], object]
    ) -> None:
        self._pool.submit(self.send, call, token, start_before, on_completed)

    def read(self, calls: Sequence[tuple[PendingCall, str]], on_completed: Callable[[Completed], object]) -> None:
        """Start reads, each with its token, and return at once."""
        if not calls:
            return
        self._poller.start(
            [
                Read(
                    call.request.url,
                    token,
                    call.operation.correlation_id,
                    partial(_complete, on_completed, call),
                    all_pages=call.group is not None,
                )
                for call, token in calls
            ]
        )

    def close(self) -> None:
        """End the connections; calls in flight are not completed."""
        self._pool.shutdown(wait=False)
        self._poller.close()


def _next_page(response: ArmResult, base: str) -> ArmRequest | None:
    """None after the last page, and if the next one cannot be read."""
    try:
        url = next_page(response.object, base) if isinstance(response, ArmResponse) and response.status == 200 else ""
    except ForeignOrigin:
        return None
    return ArmRequest("GET", url) if url else None


def _complete(on_completed: Callable[[Completed], object], call: PendingCall, responses: Responses) -> None:
    on_completed((call, responses))
