"""The environment of a test run: its own folders and ports, set before Django reads its settings.

Loaded with `-p tests.support.environment`, because pytest-django reads the settings before any conftest.

Each worker of pytest-xdist loads it too, so that no two of them share a port, a database or a server.
"""

import atexit
import os
import shutil
import socket
import sys
import tempfile
from itertools import chain
from random import SystemRandom

# Below 32768, where Linux starts to pick the ports of outgoing connections: none of these can take a port between the
# probe and the start of its server. Each parallel worker has its own thousand, and hands out each port once.
_FIRST = 20_000 + 1_000 * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 12)
_START = SystemRandom().randrange(1_000)
_PORTS = chain(range(_FIRST + _START, _FIRST + 1_000), range(_FIRST, _FIRST + _START))


# One for each port that this process has handed out, so that another run of the tests takes none of them.
_RESERVATIONS: list[socket.socket] = []


def free_port() -> int:
    for port in _PORTS:
        with socket.socket() as probe:
            try:
                reservation = _reserve(port)
                _RESERVATIONS.append(reservation)
                atexit.register(reservation.close)
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError("No port is free.")


def _reserve(port: int) -> socket.socket:
    """Raises OSError if another process has reserved the port. Linux frees the name when this process ends.

    https://man7.org/linux/man-pages/man7/unix.7.html
    """
    reservation = socket.socket(socket.AF_UNIX)
    if sys.platform == "linux":
        reservation.bind(f"\0endpoint-desk-tests-{port}")
    return reservation


for _name in list(os.environ):
    if _name.startswith(("ENTRA_", "ARM_", "WATCHER_", "EMULATOR_", "AZURE_", "IDENTITY_", "MSI_")) or _name in {
        "DATABASE_URL",
        "REDIS_URL",
        "DEBUG",
    }:
        del os.environ[_name]

DATA_DIR = tempfile.mkdtemp(prefix="endpoint-desk-tests-")
atexit.register(shutil.rmtree, DATA_DIR, ignore_errors=True)
PORT = free_port()
EMULATOR_PORT = free_port()
os.environ |= {
    "DATA_DIR": DATA_DIR,
    "PORT": str(PORT),
    "EMULATOR_PORT": str(EMULATOR_PORT),
    "LOG_LEVEL": "WARNING",
    # A page still finds out what its user may see while other tests keep the machine busy.
    "ARM_PAGE_TIMEOUT_SECONDS": "10",
    # One time zone for browsers, servers and tests.
    "TZ": "UTC",
}
