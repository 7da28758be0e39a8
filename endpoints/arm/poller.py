"""Read many URLs of ARM concurrently, over one pool of connections in an event loop of its own.

aiohttp needs a fifth of the processor time of requests, which matters when thousands of operations are polled. All
other requests go through `http.py`.
"""

import asyncio
import atexit
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import aiohttp
import certifi
from yarl import URL

from endpoints.arm.http import (
    CONNECTION_BROKE,
    NOT_IN_TIME,
    NOT_REACHED,
    ArmHttp,
    ArmResponse,
    ArmResult,
    NoResponse,
    headers,
)
from endpoints.arm.origin import ForeignOrigin, require_origin
from endpoints.arm.paging import next_page

# A client must accept polling URLs of at least 4 KB in headers; those of this service have about 3 KB.
# https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/async-operations#url-to-monitor-status
MAX_HEADER_LINE = 65_536
# A list that has not ended by then never will; until then, time is the limit.
MAX_PAGES = 500


@dataclass(frozen=True)
class Read:
    """A GET of `url`, and with `all_pages` also of the pages that follow it.

    `on_response` is called in the thread of the event loop with the responses, or with the exception that was raised
    instead, such as ForeignOrigin.
    """

    url: str = field(repr=False)
    token: str = field(repr=False)
    correlation_id: UUID
    on_response: Callable[[list[ArmResult] | Exception], object]
    all_pages: bool = False


class ArmPoller:
    """Sends reads to the host of `arm` only."""

    def __init__(self, arm: ArmHttp, *, read_timeout: float, connections: int) -> None:
        self._home = arm.base_url
        self._timeout = aiohttp.ClientTimeout(total=arm.timeout[0] + read_timeout, sock_connect=arm.timeout[0])
        self._connections = connections
        self._tls = _tls_context(arm)
        self._proxy = arm.environment["proxies"].get(urlsplit(self._home).scheme)
        self._loop = asyncio.new_event_loop()
        self._session: aiohttp.ClientSession | None = None
        self._running: set[asyncio.Task[None]] = set()
        atexit.register(self.close)
        self._thread = threading.Thread(target=self._loop.run_forever, name="arm-poller", daemon=True)
        self._thread.start()

    def start(self, reads: Sequence[Read]) -> None:
        """Start these reads and return at once."""
        self._loop.call_soon_threadsafe(self._create_tasks, reads)

    def close(self) -> None:
        """Close the connections. Reads in progress are cancelled, and their `on_response` is not called."""
        atexit.unregister(self.close)
        asyncio.run_coroutine_threadsafe(self._shut_down(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _shut_down(self) -> None:
        for task in self._running:
            task.cancel()
        if self._session:
            await self._session.close()

    def _create_tasks(self, reads: Sequence[Read]) -> None:
        for read in reads:
            task = self._loop.create_task(self._run(read))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _run(self, read: Read) -> None:
        try:
            require_origin(read.url, self._home)
            responses = await self._pages(read)
        except Exception as error:  # the caller waits for on_response, whatever happens
            read.on_response(error)
        else:
            read.on_response(responses)

    async def _pages(self, read: Read) -> list[ArmResult]:
        """Read as many pages as there are, or as arrive within the time of one request.

        A list may point back to a page that was read before.
        """
        deadline = time.monotonic() + (self._timeout.total or 0)
        responses = [await self._get(read, read.url)]
        known = {read.url}
        while read.all_pages and len(responses) < MAX_PAGES and time.monotonic() < deadline:
            url = _next_page_url(responses[-1], read.url)
            if not url or url in known:
                break
            known.add(url)
            responses.append(await self._get(read, url))
        return responses

    async def _get(self, read: Read, url: str) -> ArmResult:
        started = time.monotonic()
        milliseconds = partial(_milliseconds_since, started)
        try:
            async with self._open_session().get(
                URL(url, encoded=True),
                headers=headers(read.token, read.correlation_id),
                allow_redirects=False,
                proxy=self._proxy,
            ) as response:
                content = await response.read()
        except TimeoutError:
            return NoResponse(NOT_IN_TIME, True, milliseconds())
        except aiohttp.ClientConnectorError:
            return NoResponse(NOT_REACHED, False, milliseconds())
        except (aiohttp.ClientError, OSError, ValueError):
            return NoResponse(CONNECTION_BROKE, True, milliseconds())
        lower_case = {name.lower(): value for name, value in response.headers.items()}
        return ArmResponse(response.status, lower_case, content, milliseconds(), datetime.now(UTC))

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, ssl=self._tls, ttl_dns_cache=300),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._timeout,
                max_line_size=MAX_HEADER_LINE,
                max_field_size=MAX_HEADER_LINE,
            )
        return self._session


def _next_page_url(response: ArmResult, base: str) -> str:
    """The URL of the next page; empty after the last page, and if there is none that can be read."""
    if not isinstance(response, ArmResponse) or response.status != 200:
        return ""
    try:
        return next_page(response.object, base)
    except ForeignOrigin:
        return ""


def _tls_context(arm: ArmHttp) -> ssl.SSLContext:
    """Trust the certificates that requests trusts, so that one setting applies to both clients."""
    verify = arm.environment["verify"]
    trusted = verify if isinstance(verify, str) else certifi.where()
    if Path(trusted).is_dir():
        return ssl.create_default_context(capath=trusted)
    return ssl.create_default_context(cafile=trusted)


def _milliseconds_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
