"""Reads of many operations at once, over one kept pool of connections in an event loop of its own.

aiohttp reads with a fifth of the processor time that requests takes, which counts where thousands are followed;
everything else goes through `http.py`.
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

from endpoints.arm.http import ArmHttp, ArmResponse, ArmResult, NoResponse, headers
from endpoints.arm.origin import ForeignOrigin, require_origin, resolve

# Azure's signed URLs have 3 kB and more, and may be used as header lines of that size.
MAX_HEADER_LINE = 65_536
MAX_PAGES = 20


@dataclass(frozen=True)
class Read:
    """A GET of `url`, with `all_pages` of a whole list.

    `on_response` gets the answers, in the thread of the loop, or what was raised instead, such as ForeignOrigin.
    """

    url: str = field(repr=False)
    token: str = field(repr=False)
    correlation_id: UUID
    on_response: Callable[[list[ArmResult] | Exception], object]
    all_pages: bool = False


class ArmPoller:
    """Sends reads to the host of `arm` and to no other."""

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
        """Begin these reads and return at once."""
        self._loop.call_soon_threadsafe(self._begin, reads)

    def close(self) -> None:
        """End the connections; what is under way gets no response."""
        atexit.unregister(self.close)
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        for task in self._running:
            task.cancel()
        if self._session:
            await self._session.close()

    def _begin(self, reads: Sequence[Read]) -> None:
        for read in reads:
            task = self._loop.create_task(self._run(read))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _run(self, read: Read) -> None:
        """Whatever happens, somebody waits for a response."""
        try:
            require_origin(read.url, self._home)
            responses = await self._pages(read)
        except Exception as error:
            read.on_response(error)
        else:
            read.on_response(responses)

    async def _pages(self, read: Read) -> list[ArmResult]:
        """As many as there are, or as come in the time of one; those that are missing tell nothing."""
        give_up_at = time.monotonic() + (self._timeout.total or 0)
        responses = [await self._get(read, read.url)]
        while read.all_pages and len(responses) < MAX_PAGES and time.monotonic() < give_up_at:
            if not (url := _next_page(responses[-1], read.url)):
                break
            responses.append(await self._get(read, url))
        return responses

    async def _get(self, read: Read, url: str) -> ArmResult:
        started = time.monotonic()
        since = partial(_milliseconds_since, started)
        try:
            async with self._opened().get(
                URL(url, encoded=True),
                headers=headers(read.token, read.correlation_id),
                allow_redirects=False,
                proxy=self._proxy,
            ) as response:
                content = await response.read()
        except TimeoutError:
            return NoResponse("Azure did not answer in time.", True, since())
        except aiohttp.ClientConnectorError:
            return NoResponse("Azure could not be reached.", False, since())
        except (aiohttp.ClientError, OSError, ValueError):
            return NoResponse("The connection to Azure broke before the answer was whole.", True, since())
        lower = {name.lower(): value for name, value in response.headers.items()}
        return ArmResponse(response.status, lower, content, since(), datetime.now(UTC))

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, ssl=self._tls, ttl_dns_cache=300),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._timeout,
                max_line_size=MAX_HEADER_LINE,
                max_field_size=MAX_HEADER_LINE,
            )
        return self._session


def _next_page(response: ArmResult, base: str) -> str:
    """The address of the page after this one; nothing when it is the last, or cannot be followed."""
    link = response.object.get("nextLink") if isinstance(response, ArmResponse) and response.status == 200 else None
    try:
        return resolve(link, base) if isinstance(link, str) and link else ""
    except ForeignOrigin:
        return ""


def _tls_context(arm: ArmHttp) -> ssl.SSLContext:
    """The certificates that requests trusts, so that one setting serves both."""
    verify = arm.environment["verify"]
    trusted = verify if isinstance(verify, str) else certifi.where()
    if Path(trusted).is_dir():
        return ssl.create_default_context(capath=trusted)
    return ssl.create_default_context(cafile=trusted)


def _milliseconds_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
