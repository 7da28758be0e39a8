"""The one owner of the connection to ARM: a pooled session, timeouts, no redirects, ids on every request."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from uuid import UUID

import requests
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.util import Timeout

from endpoints.arm.connection import ASKED, Adapter, Asked
from endpoints.arm.origin import require_origin


@dataclass(frozen=True)
class ArmRequest:
    """A request to ARM. `url` is absolute and is sent byte for byte."""

    method: str
    url: str
    body: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def path(self) -> str:
        """Without the query, which signs the URL of an operation."""
        return urlsplit(self.url).path


@dataclass(frozen=True)
class ArmResponse:
    """What ARM answered. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)
    milliseconds: int
    received_at: datetime

    @cached_property
    def json(self) -> Any:
        """The body as JSON whatever its content type says; None when it is empty or cannot be read."""
        try:
            return json.loads(self.content.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            return None

    @property
    def is_empty(self) -> bool:
        """Whether there is no body; ARM was seen to write `null` for none."""
        return self.content.strip() in {b"", b"null"}

    @property
    def object(self) -> dict[str, Any]:
        """The body when it is a JSON object, else an empty one."""
        return self.json if isinstance(self.json, dict) else {}


@dataclass(frozen=True)
class NoResponse:
    """No answer came. `may_have_arrived` says whether ARM may have acted on the request."""

    reason: str
    may_have_arrived: bool
    milliseconds: int


# The outcome of sending one request.
ArmResult = ArmResponse | NoResponse


class ArmHttp:
    """Sends calls to one ARM host and to no other. Safe to share between threads."""

    def __init__(
        self,
        base_url: str,
        *,
        connect_timeout: float = 5,
        read_timeout: float = 65,
        connections: int = 32,
        trust_env: bool = True,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.timeout = (connect_timeout, read_timeout)
        self._session = requests.Session()
        self._session.trust_env = trust_env
        self._adapter = Adapter(pool_connections=1, pool_maxsize=connections)
        # Proxies and certificates of the environment; none of them changes while the process runs.
        self.environment: dict[str, Any] = dict(
            self._session.merge_environment_settings(self.base_url, {}, False, None, None)
        )

    def url(self, path: str, **query: str) -> str:
        """The absolute URL of a path; `api_version` becomes `api-version`."""
        parameters = urlencode({name.replace("_", "-"): value for name, value in query.items()})
        return f"{self.base_url}{quote(path, safe='/:')}?{parameters}"

    def send(self, request: ArmRequest, token: str, correlation_id: UUID, *, within: float | None = None) -> ArmResult:
        """Send a call once and take `within` seconds at most. A redirect is an answer like others.

        Raises ForeignOrigin, before anything leaves, when its URL is not ARM's.
        """
        require_origin(request.url, self.base_url)
        timeout: Any = Timeout(within, *self.timeout)
        started = time.monotonic()
        asked = Asked.by(request.url)
        try:
            unsigned = requests.Request(
                request.method, request.url, headers=headers(token, correlation_id), json=request.body, auth=_as_it_is
            )
            prepared = self._session.prepare_request(unsigned)
            carried: Any = prepared.headers
            carried[ASKED] = asked
            with asked.cut_after(within):
                # Not through the session, which reads where a redirect leads, and raises when it cannot.
                response = self._adapter.send(prepared, timeout=timeout, **self.environment)
                content = response.content
            if asked.is_cut:  # an answer of unknown length seems whole wherever it ends
                raise requests.ReadTimeout
        except (requests.RequestException, HTTPError) as error:
            return NoResponse(_reason(error), _may_have_arrived(error), _since(started))
        lower = {name.lower(): value for name, value in response.headers.items()}
        return ArmResponse(response.status_code, lower, content, _since(started), datetime.now(UTC))


def headers(token: str, correlation_id: UUID) -> dict[str, str]:
    """What every request to ARM carries."""
    return {
        "Authorization": f"Bearer {token}",
        "Accept": "application/json",
        "Accept-Language": "en",
        "User-Agent": "endpoint-desk",
        # One for all requests of an operation: what belongs together can be found together.
        "x-ms-client-request-id": str(correlation_id),
        "x-ms-return-client-request-id": "true",
        "x-ms-correlation-request-id": str(correlation_id),
    }


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps a .netrc of the environment from replacing the bearer token."""
    return request


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def _may_have_arrived(error: Exception) -> bool:
    """Only a connection that was never made proves that nothing was received."""
    cause = getattr(error.args[0], "reason", None) if error.args else None
    return not isinstance(error, requests.ConnectTimeout | requests.exceptions.ProxyError) and not isinstance(
        cause, NewConnectionError
    )


def _reason(error: Exception) -> str:
    """A sentence without the URL that requests would put into it."""
    if isinstance(error, requests.ConnectTimeout):
        return "Azure did not accept the connection in time."
    if isinstance(error, requests.Timeout):
        return "Azure did not answer in time."
    if isinstance(error, requests.exceptions.SSLError):
        return "The TLS connection to Azure could not be made."
    if not _may_have_arrived(error):
        return "Azure could not be reached."
    return "The connection to Azure broke before the answer was whole."
