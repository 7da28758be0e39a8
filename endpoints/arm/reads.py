"""What one identity may read: the workspaces in its subscriptions, and single ones.

All requests of a reader end within its time limit, and it stops early while Azure does not respond.
"""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from threading import Event
from types import TracebackType
from typing import Self, TypeVar
from uuid import UUID

from endpoints.arm.absence import Absence, absence
from endpoints.arm.budget import READS, Account, Budget, blocked_for
from endpoints.arm.errors import ArmError
from endpoints.arm.http import NOT_IN_TIME, ArmHttp, ArmRequest, ArmResponse, ArmResult, NoResponse
from endpoints.arm.json_fields import JsonObject
from endpoints.arm.origin import ForeignOrigin
from endpoints.arm.paging import items_in, next_page
from endpoints.arm.resources import PROVIDER, Subscription, WorkspaceId, WorkspaceResource
from endpoints.arm.visibility import Listed, Problem, Question, Seen, Single, Trouble, Verdict, is_refused, problem_of

# https://learn.microsoft.com/en-us/rest/api/resources/subscriptions/list
SUBSCRIPTIONS_API_VERSION = "2022-12-01"
MAX_PAGES = 100
MAX_PARALLEL = 16
# Failures in a row after which the other requests are not sent.
MAX_FAILURES = 3
# Polls and clicks come first: they reserve less.
RESERVE = 1.5 * READS.reserve

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass
class ArmReader:
    """Reads with one token, under one correlation id, until `within` seconds have passed. Use it once.

    `identity` is the key of the identity, whose budget is used.
    """

    http: ArmHttp
    token: str = field(repr=False)
    correlation_id: UUID
    api_version: str
    within: float
    request_within: float
    identity: str = ""
    budget: Budget | None = None

    def __post_init__(self) -> None:
        self._deadline = time.monotonic() + self.within
        self._pool = ThreadPoolExecutor(MAX_PARALLEL, thread_name_prefix="reads")
        self._stopped = Event()
        self._failures = 0
        self._problems: list[Problem] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def see(self, question: Question) -> Seen:
        """What the identity may see. What could not be read in time is missing, and `problem` says why."""
        seen = Seen()
        self._see_subscriptions(seen)
        self._see_lists(question, seen)
        left = [workspace for key, workspace in question.workspaces.items() if self._is_open(key, question, seen)]
        for workspace, single in self._in_parallel(self._read, left):
            seen.add(workspace.key, single)
            self._note(single.problem)
        seen.problem = min(self._problems, default=None)
        return seen

    def workspaces(self, ids: Iterable[WorkspaceId]) -> dict[WorkspaceId, Single]:
        """Single workspaces. Those that could not be read in time are missing."""
        return dict(self._in_parallel(self._read, list(ids)))

    def _see_subscriptions(self, seen: Seen) -> None:
        url = self.http.url("/subscriptions", api_version=SUBSCRIPTIONS_API_VERSION)
        for _, listed in self._in_parallel(lambda url: self._list(url, ""), [url]):
            self._note(listed.problem)
            if listed.is_complete:
                found = map(Subscription.of, listed.items)
                seen.subscriptions = {one.id.lower(): one for one in found if one.id}

    def _see_lists(self, question: Question, seen: Seen) -> None:
        registered = {workspace.subscription_id.lower() for workspace in question.workspaces.values()}
        ids = registered if seen.subscriptions is None else registered & seen.subscriptions.keys()
        ids |= (seen.subscriptions or {}).keys() if question.everywhere else set()
        for subscription_id, listed in self._in_parallel(self._list_workspaces, sorted(ids)):
            self._note(listed.problem)
            if listed.is_complete:
                seen.add_list(subscription_id, map(WorkspaceResource.of, listed.items))

    def _is_open(self, key: str, question: Question, seen: Seen) -> bool:
        """Whether the lists leave open if the workspace is readable."""
        is_listed = seen.is_listed(question.workspaces[key].subscription_id.lower())
        return key not in seen.verdicts and not (key in question.refused and is_listed)

    def _list_workspaces(self, subscription_id: str) -> Listed:
        path = f"/subscriptions/{subscription_id}/providers/{PROVIDER}/workspaces"
        return self._list(self.http.url(path, api_version=self.api_version), subscription_id)

    def _list(self, url: str, subscription_id: str) -> Listed:
        items: list[JsonObject] = []
        for _ in range(MAX_PAGES):
            response = self._get(url, subscription_id)
            page = response.object if isinstance(response, ArmResponse) and response.status == 200 else {}
            if not isinstance(page.get("value"), list):
                return Listed([], None if is_refused(response) else problem_of(response), is_complete=False)
            items += items_in(page)
            try:
                url = next_page(page, url)
            except ForeignOrigin as error:
                return Listed([], Problem(Trouble.ERROR, str(error)), is_complete=False)
            if not url:
                return Listed(items, None, is_complete=True)
        text = f"Azure's list has more than {MAX_PAGES} pages."
        return Listed([], Problem(Trouble.ERROR, text), is_complete=False)

    def _read(self, workspace: WorkspaceId) -> Single:
        response = self._get(self.http.url(str(workspace), api_version=self.api_version), workspace.subscription_id)
        if isinstance(response, ArmResponse):
            if response.status == 200 and response.object:
                return Single(Verdict.READABLE, resource=WorkspaceResource.of(response.object))
            text = ArmError.from_response(response).message
            if is_refused(response) and response.status == 403:
                return Single(Verdict.REFUSED, text)
            if absence(response, str(workspace)) is Absence.PROVED:
                return Single(Verdict.MISSING, text)
        problem = problem_of(response, workspace.name)
        return Single(Verdict.UNKNOWN, problem.text, problem=problem)

    def _in_parallel(self, call: Callable[[Item], Result], items: list[Item]) -> list[tuple[Item, Result]]:
        """The results that arrive in time."""
        futures = {self._pool.submit(call, item): item for item in items}
        done, late = wait(futures, timeout=max(0.0, self._deadline - time.monotonic()))
        if late:
            self._note(problem_of(NoResponse(NOT_IN_TIME, False, 0)))
        return [(futures[future], future.result()) for future in done]

    def _note(self, problem: Problem | None) -> None:
        if problem:
            self._problems.append(problem)

    def _get(self, url: str, subscription_id: str) -> ArmResult:
        account = (self.identity, subscription_id.lower())
        if not self._take(account):
            return NoResponse(Trouble.THROTTLED, False, 0)
        left = self._deadline - time.monotonic()
        if left <= 0 or self._stopped.is_set():
            return NoResponse(NOT_IN_TIME, False, 0)
        request = ArmRequest("GET", url)
        response = self.http.send(request, self.token, self.correlation_id, within=min(left, self.request_within))
        if self.budget and isinstance(response, ArmResponse):
            self.budget.observe(account, READS, READS.remaining(response), blocked_for(response))
        self._stop_if_down(response)
        return response

    def _take(self, account: Account) -> bool:
        """Wait for the budget; False if it leaves no room in time."""
        while self.budget and not self._stopped.is_set():
            grant = self.budget.take(account, READS, 1, RESERVE)
            if grant.granted:
                return True
            if time.monotonic() + grant.wait >= self._deadline:
                return False
            time.sleep(grant.wait)
        return True

    def _stop_if_down(self, response: ArmResult) -> None:
        """Send nothing more to an Azure that hangs or throttles."""
        fails = not isinstance(response, ArmResponse) or response.status in {401, 429} or response.status >= 500
        self._failures = self._failures + 1 if fails else 0
        if self._failures >= MAX_FAILURES or (isinstance(response, ArmResponse) and response.status == 429):
            self._stopped.set()
