"""Send a request to ARM: pooled connections, timeouts, no redirects, a correlation id on every request."""

import json
import re
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

from endpoints.arm.connection import RAW_REQUEST, Adapter, RawRequest
from endpoints.arm.origin import require_origin

# Reasons of NoResponse.
NOT_IN_TIME = "Azure did not respond in time."
NOT_REACHED = "Azure could not be reached."
CONNECTION_BROKE = "The connection to Azure broke before the response was complete."
# Characters that JSON can escape and a database may refuse: NUL, and halves of surrogate pairs.
# https://www.postgresql.org/docs/current/datatype-json.html
UNSTORABLE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


@dataclass(frozen=True)
class ArmRequest:
    """A request to ARM. `url` is absolute and is sent byte for byte."""

    method: str
    url: str
    body: dict[str, Any] | None = field(default=None, repr=False)

    @property
    def path(self) -> str:
        """The path alone: the query of a monitor URL contains its signature."""
        return urlsplit(self.url).path


@dataclass(frozen=True)
class ArmResponse:
    """A response of ARM. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)
    milliseconds: int
    received_at: datetime

    @cached_property
    def json(self) -> Any:
        """The body as JSON, whatever its Content-Type; None if it is empty or cannot be parsed."""
        try:
            value = json.loads(self.content.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            return None
        return _storable(value) if UNSTORABLE.search(self.content) else value

    @property
    def is_empty(self) -> bool:
        """Whether there is no body. Some ARM responses have `null` where others have nothing."""
        return self.content.strip() in {b"", b"null"}

    @property
    def object(self) -> dict[str, Any]:
        """The body if it is a JSON object, else an empty one."""
        return self.json if isinstance(self.json, dict) else {}


@dataclass(frozen=True)
class NoResponse:
    """A request without a response. `may_have_arrived` says whether ARM may have acted on it."""

    reason: str
    may_have_arrived: bool
    milliseconds: int


ArmResult = ArmResponse | NoResponse


class ArmHttp:
    """Sends requests to a single ARM host. Safe to share between threads.

    The default read timeout exceeds the 60 seconds after which ARM returns a 504 itself:
    https://github.com/cloud-and-ai-microsoft/resource-provider-contract/blob/master/v1.0/common-api-details.md#client-request-timeout
    """

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
        # Proxies and certificates from the environment, which does not change while the process runs.
        self.environment: dict[str, Any] = dict(
            self._session.merge_environment_settings(self.base_url, {}, False, None, None)
        )

    def url(self, path: str, **query: str) -> str:
        """The absolute URL of a path; `api_version` becomes `api-version`."""
        parameters = urlencode({name.replace("_", "-"): value for name, value in query.items()})
        return f"{self.base_url}{quote(path, safe='/:')}?{parameters}"

    def send(self, request: ArmRequest, token: str, correlation_id: UUID, *, within: float | None = None) -> ArmResult:
        """Send a request once, within the given seconds. A redirect is returned, not followed.

        Raises ForeignOrigin, before anything is sent, if the URL leads to another host than ARM's.
        """
        require_origin(request.url, self.base_url)
        timeout: Any = Timeout(within, *self.timeout)
        started = time.monotonic()
        raw = RawRequest.from_url(request.url)
        try:
            unsigned = requests.Request(
                request.method,
                request.url,
                headers=headers(token, correlation_id),
                json=request.body,
                auth=_ignore_netrc,
            )
            prepared = self._session.prepare_request(unsigned)
            prepared_headers: Any = prepared.headers
            prepared_headers[RAW_REQUEST] = raw
            with raw.cut_after(within):
                # Not Session.send, which parses the Location even of a redirect that it does not follow, and may raise.
                response = self._adapter.send(prepared, timeout=timeout, **self.environment)
                content = response.content
            if raw.is_cut:  # a response without a length looks complete wherever it ends
                raise requests.ReadTimeout
        except (requests.RequestException, HTTPError) as error:
            return NoResponse(_reason(error), _may_have_arrived(error), _milliseconds_since(started))
        lower_case = {name.lower(): value for name, value in response.headers.items()}
        return ArmResponse(response.status_code, lower_case, content, _milliseconds_since(started), datetime.now(UTC))


def headers(token: str, correlation_id: UUID) -> dict[str, str]:
    """The headers of every request.

    https://github.com/cloud-and-ai-microsoft/resource-provider-contract/blob/master/v1.0/common-api-details.md#client-request-headers
    """
    return {
        "Authorization": f"Bearer {token}",
        "Accept": "application/json",
        "Accept-Language": "en",
        "User-Agent": "endpoint-desk",
        # The same id on every request of an operation, so that Microsoft's support can find all of them.
        "x-ms-client-request-id": str(correlation_id),
        "x-ms-return-client-request-id": "true",
        "x-ms-correlation-request-id": str(correlation_id),
    }


def _ignore_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep requests from replacing the bearer token with a password from .netrc.

    https://requests.readthedocs.io/en/latest/user/authentication/#netrc-authentication
    """
    return request


def _milliseconds_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def _may_have_arrived(error: Exception) -> bool:
    """Whether ARM may have received the request: only a failed connection proves that it did not."""
    cause = getattr(error.args[0], "reason", None) if error.args else None
    return not isinstance(error, requests.ConnectTimeout | requests.exceptions.ProxyError) and not isinstance(
        cause, NewConnectionError
    )


def _reason(error: Exception) -> str:
    """A sentence for people, without the URL that the messages of requests contain."""
    if isinstance(error, requests.ConnectTimeout):
        return "Azure did not accept the connection in time."
    if isinstance(error, requests.Timeout):
        return NOT_IN_TIME
    if isinstance(error, requests.exceptions.SSLError):
        return "The TLS connection to Azure failed."
    if not _may_have_arrived(error):
        return NOT_REACHED
    return CONNECTION_BROKE


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="replace").decode().replace("\0", "?")
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    return [_storable(item) for item in value] if isinstance(value, list) else value
