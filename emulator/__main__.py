"""`python -m emulator`: serve a local Azure until Ctrl-C."""

import argparse
import errno
import os
import sys

from emulator.options import OPTIONS, Options, read_options
from emulator.server import serve
from emulator.tls import context_of


def main() -> int:
    read_command_line()
    try:
        options = read_options()
        start(options)
    except ValueError as error:
        return fail(str(error))
    except OSError as error:
        return fail(sentence(error, options))
    return 0


def read_command_line() -> None:
    """Put every option into its variable, which is where the rest of the program reads it."""
    parser = argparse.ArgumentParser(prog="python -m emulator", description=__doc__)
    for option in OPTIONS:
        parser.add_argument(option.flag, default=option.text, help=option.help)
    given = vars(parser.parse_args())
    os.environ.update({option.variable: given[option.name] for option in OPTIONS})
    os.environ["DJANGO_SETTINGS_MODULE"] = "emulator.settings"


def start(options: Options) -> None:
    # Not at the top of the module: Django reads its settings, and those read the options.
    from emulator.wsgi import application

    tls = context_of(options.tls_file, options.host) if options.tls_file else None
    serve(application, options.host, options.port, ready=lambda: greet(options.public_url), tls=tls)


def greet(public_url: str) -> None:
    sys.stdout.write(f"A local Azure is at {public_url}/emulator/\n")
    sys.stdout.flush()


def fail(reason: str) -> int:
    sys.stderr.write(f"The emulator cannot start. {reason}\n")
    return 1


def sentence(error: OSError, options: Options) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {options.port} is taken. Choose another one with --port."
    if error.filename:
        return f"It cannot use {error.filename}: {error.strerror}."
    return f"It cannot listen on {options.host}: {error.strerror}."


if __name__ == "__main__":
    sys.exit(main())
