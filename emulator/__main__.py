"""`python -m emulator`: serve a local Azure until Ctrl-C."""

from __future__ import annotations

import argparse
import errno
import os
import socket
import sys

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from emulator.options import read_options, value

ABOUT = {
    "HOST": "where to listen",
    "PORT": "where to listen",
    "PUBLIC_URL": "the address that browsers use (default: http://127.0.0.1 and the port)",
    "BACKCHANNEL": "the https name that clients are told for tokens and keys",
    "CLIENT_REDIRECT": "redirect URIs of the registered application, separated by commas",
    "POST_LOGOUT_REDIRECT": "where a sign-out may lead to, separated by commas",
    "PROVISIONING_SECONDS": "how long an endpoint takes to be made, as a number or a range",
    "THROTTLE_SCALE": "how much of ARM's request budget there is",
    "DEPLOYMENTS_PER_MODEL": "how many endpoints of one model a workspace may have",
    "PAGE_SIZE": "how many items a page of a list holds",
    "ACCESS_TOKEN_SECONDS": "how long an access token is good for",
    "STATE_FILE": "a file that keeps everything over a restart",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m emulator", description=__doc__)
    for name, about in ABOUT.items():
        parser.add_argument(f"--{name.lower().replace('_', '-')}", default=value(name), help=f"{about} [%(default)s]")
    for name, text in vars(parser.parse_args()).items():
        os.environ[f"EMULATOR_{name.upper()}"] = text
    os.environ["DJANGO_SETTINGS_MODULE"] = "emulator.settings"
    try:
        options = read_options()
        _require_free(options.host, options.port)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"The emulator cannot start. {_sentence(error)}\n")
        return 1
    sys.stdout.write(f"A local Azure is at {options.public_url}/emulator/\n")
    sys.stdout.flush()
    # One worker: the state is in its memory.
    Granian(
        "emulator.wsgi:application",
        address=options.host,
        port=options.port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=8,
        log_level=LogLevels.warning,
        workers_kill_timeout=5,
    ).serve()
    return 0


def _require_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"Port {value('PORT')} is taken. Give it another one with --port."
    return f"It cannot listen on {value('HOST')}: {error.strerror}." if isinstance(error, OSError) else str(error)


if __name__ == "__main__":
    sys.exit(main())
