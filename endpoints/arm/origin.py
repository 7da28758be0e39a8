"""The bearer token stays at home: a URL that ARM hands out is used only when it leads back to ARM."""

from urllib.parse import SplitResult, urljoin, urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


class ForeignOrigin(Exception):
    """A URL leads somewhere else than the ARM host that the token is for."""

    def __init__(self, url: str) -> None:
        host = _host_to_show(url)
        super().__init__(f"Azure pointed to {host}, which is not the configured ARM host.")


def resolve(url: str, base: str) -> str:
    """Return `url` byte for byte when it is absolute, else, when it is a path, resolved against `base`.

    Raises ForeignOrigin when it is neither or leaves the origin of `base`.
    """
    try:
        absolute = urljoin(base, url) if url.startswith("/") else url
    except ValueError as error:
        raise ForeignOrigin(url) from error
    require_origin(absolute, base)
    return absolute


def require_origin(url: str, home: str) -> None:
    """Raise ForeignOrigin unless scheme, host and port are those of `home`, with no user information before them."""
    try:
        there, here = urlsplit(url), urlsplit(home)
        clean = "@" not in there.netloc and url.isascii() and url.isprintable() and " " not in url
        same = clean and there.scheme in DEFAULT_PORTS and _origin(there) == _origin(here)
    except ValueError:
        same = False
    if not same:
        raise ForeignOrigin(url)


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, DEFAULT_PORTS.get(url.scheme) if url.port is None else url.port


def _host_to_show(url: str) -> str:
    """The host alone: the query of such a URL is a secret."""
    try:
        return urlsplit(url).hostname or "a place without a host"
    except ValueError:
        return "an address that cannot be read"
