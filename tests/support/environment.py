"""The environment of a test run: its own folders and ports, set before Django reads its settings.

Loaded with `-p tests.support.environment`, because pytest-django reads the settings before any conftest.
"""

import os
import socket
import tempfile


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


for _name in list(os.environ):
    if _name.startswith(("ENTRA_", "ARM_", "WATCHER_", "EMULATOR_", "AZURE_", "IDENTITY_", "MSI_")) or _name in {
        "DATABASE_URL",
        "REDIS_URL",
        "DEBUG",
    }:
        del os.environ[_name]

DATA_DIR = tempfile.mkdtemp(prefix="endpoint-desk-tests-")
PORT = free_port()
EMULATOR_PORT = free_port()
os.environ |= {
    "DATA_DIR": DATA_DIR,
    "PORT": str(PORT),
    "EMULATOR_PORT": str(EMULATOR_PORT),
    "LOG_LEVEL": "WARNING",
    # One time zone for browsers, servers and tests.
    "TZ": "UTC",
}
