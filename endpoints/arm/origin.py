"""Send the bearer token to ARM only: a URL from a response is used only if it leads back to the same origin.

An origin is a scheme, host and port: https://www.rfc-editor.org/rfc/rfc6454#section-4
ARM's polling URLs have the host of the request:
https://github.com/cloud-and-ai-microsoft/resource-provider-contract/blob/master/v1.0/async-api-reference.md#202-accepted-and-location-headers
"""

from urllib.parse import SplitResult, urljoin, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


class ForeignOrigin(Exception):
    """A URL leads to another origin than that of ARM, which the token is for."""

    def __init__(self, url: str) -> None:
        host = _host_to_show(url)
        super().__init__(f"Azure pointed to {host}, which is not the configured ARM host.")


def resolve(url: str, base: str) -> str:
    """Return an absolute URL byte for byte, and a path resolved against `base`.

    ARM's polling URLs are absolute; relative ones are tolerated. Raises ForeignOrigin if `url` is neither, or leads to
    another origin than `base`.
    """
    try:
        absolute = urljoin(base, url) if url.startswith("/") else url
    except ValueError as error:
        raise ForeignOrigin(url) from error
    require_origin(absolute, base)
    return absolute


def require_origin(url: str, home: str) -> None:
    """Raise ForeignOrigin unless scheme, host and port are those of `home`. User information is refused as well."""
    try:
        there, here = urlsplit(url), urlsplit(home)
        is_clean = "@" not in there.netloc and url.isascii() and url.isprintable() and " " not in url
        is_same = is_clean and there.scheme in DEFAULT_PORTS and _origin(there) == _origin(here)
    except ValueError:
        is_same = False
    if not is_same:
        raise ForeignOrigin(url)


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, DEFAULT_PORTS.get(url.scheme) if url.port is None else url.port


def _host_to_show(url: str) -> str:
    """The host alone, since the query of a polling URL is a secret."""
    try:
        return urlsplit(url).hostname or "a URL without a host"
    except ValueError:
        return "an unreadable URL"
