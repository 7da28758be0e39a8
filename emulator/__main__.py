"""`python -m emulator`: serve a local Azure until Ctrl-C."""

import argparse
import errno
import os
import sys

from emulator.options import read_options, value
from emulator.server import serve
from emulator.tls import context_of

ABOUT = {
    "HOST": "where to listen",
    "PORT": "where to listen",
    "PUBLIC_URL": "the address that browsers use (default: http://127.0.0.1 and the port)",
    "BACKCHANNEL": "the https address that clients are told for tokens and keys (default: the public one with TLS, else https://login.emulator.test)",
    "CLIENT_REDIRECT": "redirect URIs of the registered application, separated by commas",
    "POST_LOGOUT_REDIRECT": "where a sign-out may lead to, separated by commas",
    "PROVISIONING_SECONDS": "how long an endpoint takes to be made, as a number or a range",
    "THROTTLE_SCALE": "how much of ARM's request budget there is",
    "DEPLOYMENTS_PER_MODEL": "how many endpoints of one model a workspace may have",
    "PAGE_SIZE": "how many items a page of a list holds",
    "INFERENCE_URI": "the address of an endpoint, with {name} and {region} in it (default: below the public one)",
    "ACCESS_TOKEN_SECONDS": "how long an access token is good for",
    "TLS_FILE": "a PEM file with certificate and key to serve https with; made when it is not there",
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
        from emulator.wsgi import application

        tls = context_of(options.tls_file, options.host) if options.tls_file else None
        serve(application, options.host, options.port, ready=lambda: _greet(options.public_url), tls=tls)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"The emulator cannot start. {_sentence(error)}\n")
        return 1
    return 0


def _greet(public_url: str) -> None:
    sys.stdout.write(f"A local Azure is at {public_url}/emulator/\n")
    sys.stdout.flush()


def _sentence(error: Exception) -> str:
    if not isinstance(error, OSError):
        return str(error)
    if error.errno == errno.EADDRINUSE:
        return f"Port {value('PORT')} is taken. Give it another one with --port."
    if error.filename:
        return f"It cannot use {error.filename}: {error.strerror}."
    return f"It cannot listen on {value('HOST')}: {error.strerror}."


if __name__ == "__main__":
    sys.exit(main())
