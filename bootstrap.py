"""Create `.venv` from the lock file, or `.venv-sdk` from its own, again whenever that changes.

The Makefile runs it with any `python3`, so it must parse on an old Python, which it then rejects with a message.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import urllib.request

OLDEST = (3, 11)
HERE = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(HERE, ".venv-sdk" if sys.argv[1:] == ["sdk"] else ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
STAMP = os.path.join(VENV, "installed-from")
# Debian without python3-venv has no bundled pip; this is pip as one file.
# https://pip.pypa.io/en/stable/installation/#standalone-zip-application
PIP_URL = os.environ.get("PIP_PYZ_URL", "https://bootstrap.pypa.io/pip/pip.pyz")


def main():
    lock = os.path.join(HERE, "requirements", "%s.txt" % sys.argv[1])
    if sys.version_info < OLDEST:
        stop(
            "Endpoint Desk needs Python 3.11 or newer, and this is %d.%d. Install a newer one and name it: "
            "make run PYTHON=python3.12" % sys.version_info[:2]
        )
    if sys.platform == "win32":
        stop("Endpoint Desk runs on Linux and macOS. On Windows use it inside WSL.")
    wanted = fingerprint(lock)
    if is_installed(wanted):
        return
    log("Creating the environment from %s. This takes a minute the first time." % os.path.relpath(lock, HERE))
    try:
        install(lock)
        with open(STAMP, "w") as stamp:
            stamp.write(wanted)
    except OSError as error:
        stop("The environment cannot be created in %s: %s. Make the folder writable." % (VENV, error.strerror or error))
    except subprocess.CalledProcessError as error:
        stop(
            "The packages could not be installed (exit code %d; the lines above say why). "
            "Check the network, then start again." % error.returncode
        )


def is_installed(wanted):
    """Whether the environment matches this lock file, or the one for development, which includes it."""
    try:
        with open(STAMP) as stamp:
            installed = stamp.read()
    except OSError:
        return False
    development = fingerprint(os.path.join(HERE, "requirements", "dev.txt"))
    return os.path.exists(PYTHON) and installed in (wanted, development)


def fingerprint(lock):
    with open(lock, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    return "%s %d.%d %s" % (digest, sys.version_info[0], sys.version_info[1], VENV)


def install(lock):
    """Install the lock file the fastest way available."""
    uv = shutil.which("uv")
    if uv and works(uv):
        run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, VENV])
        run([uv, "pip", "sync", "--quiet", "--require-hashes", "--python", PYTHON, lock])
        return
    options = ["install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", lock]
    if has_ensurepip():
        run([sys.executable, "-m", "venv", "--clear", VENV])
        run([PYTHON, "-m", "pip", *options])
        return
    run([sys.executable, "-m", "venv", "--clear", "--without-pip", VENV])
    run([PYTHON, *pip_without_ensurepip(), *options])


def pip_without_ensurepip():
    """Arguments that run pip in an environment without one: the system's pip, else a downloaded one."""
    import importlib.util

    spec = importlib.util.find_spec("pip")
    if spec and spec.submodule_search_locations:
        return [os.path.join(spec.submodule_search_locations[0], "__pip-runner__.py")]
    target = os.path.join(VENV, "pip.pyz")
    log("This Python has no pip, so it is downloaded.")
    with urllib.request.urlopen(PIP_URL, timeout=60) as response, open(target, "wb") as file:
        shutil.copyfileobj(response, file)
    return [target]


def has_ensurepip():
    import importlib.util

    return importlib.util.find_spec("ensurepip") is not None


def works(uv):
    """A uv on the PATH may be a shim of a version manager with nothing behind it."""
    return subprocess.call([uv, "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0


def run(command):
    subprocess.check_call(command)


def log(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def stop(text):
    sys.stderr.write(text + "\n")
    sys.exit(1)


if __name__ == "__main__":
    main()
