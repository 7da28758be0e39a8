"""bootstrap.py with uv, ensurepip, the system's pip or none. The lock file holds one package, built here."""

import functools
import hashlib
import http.server
import os
import shutil
import subprocess
import sys
import threading
import zipapp
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import ROOT, skip_or_fail

pytestmark = pytest.mark.slow

BASE_PYTHON = str(Path(sys.base_prefix) / "bin" / "python3")
HIDE = """
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in {names!r} else real(name, package)
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The part of a clone that the bootstrap reads."""
    folder, wheel = tmp_path / "clone", tmp_path / "wheels" / "tiny-1.0-py3-none-any.whl"
    (folder / "requirements").mkdir(parents=True)
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny.py", "")
        archive.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("tiny-1.0.dist-info/RECORD", "tiny.py,,\n")
    shutil.copy(ROOT / "bootstrap.py", folder)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (folder / "requirements" / "runtime.txt").write_text(f"tiny==1.0 --hash=sha256:{digest}\n")
    (folder / "requirements" / "dev.txt").write_text(f"# for development\ntiny==1.0 --hash=sha256:{digest}\n")
    return folder


def bootstrap(
    clone: Path, python: str = BASE_PYTHON, *, which: str = "runtime", hidden: tuple[str, ...] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    wheels, site = str(clone.parent / "wheels"), clone.parent / "site"
    site.mkdir(exist_ok=True)
    (site / "sitecustomize.py").write_text(HIDE.format(names=hidden))
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": wheels, "UV_NO_INDEX": "1", "UV_FIND_LINKS": wheels}
    return subprocess.run(
        [python, "bootstrap.py", which],
        cwd=clone,
        env={**os.environ, "PYTHONPATH": str(site), "PATH": "/usr/bin:/bin", **offline, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


def has_package(clone: Path) -> bool:
    return subprocess.run([clone / ".venv" / "bin" / "python", "-c", "import tiny"]).returncode == 0


def test_bootstrap_uses_uv(clone: Path) -> None:
    done = bootstrap(clone, PATH=f"{Path(sys.executable).parent}:/usr/bin:/bin")
    assert done.returncode == 0, done.stderr
    assert has_package(clone)


def test_bootstrap_uses_ensurepip(clone: Path) -> None:
    done = bootstrap(clone)
    assert done.returncode == 0, done.stderr
    assert has_package(clone)


def test_bootstrap_uses_the_systems_pip_without_ensurepip(clone: Path) -> None:
    done = bootstrap(clone, hidden=("ensurepip",))
    assert done.returncode == 0, done.stderr
    assert has_package(clone)


def unpack_pip(folder: Path) -> None:
    """Put a pip package into the folder: the one installed with Python, or the one bundled with ensurepip."""
    find = "import importlib.util as u; print(u.find_spec('pip').submodule_search_locations[0])"
    found = subprocess.run([BASE_PYTHON, "-c", find], capture_output=True, text=True)
    if found.returncode == 0:
        shutil.copytree(found.stdout.strip(), folder / "pip")
        return
    bundled = sorted(Path(BASE_PYTHON).parent.parent.glob("lib/python3.*/ensurepip/_bundled/pip-*.whl"))
    if not bundled:
        skip_or_fail("This Python has neither pip nor ensurepip.")
    with zipfile.ZipFile(bundled[-1]) as archive:
        archive.extractall(folder)


@pytest.fixture
def pip_url(tmp_path: Path) -> Iterator[str]:
    """The URL of a pip.pyz, served locally."""
    unpack_pip(tmp_path / "pip")
    (tmp_path / "served").mkdir()
    zipapp.create_archive(tmp_path / "pip", tmp_path / "served" / "pip.pyz", main="pip._internal.cli.main:main")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "served"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/pip.pyz"
    server.shutdown()
    server.server_close()


def test_bootstrap_downloads_pip_if_there_is_none(clone: Path, pip_url: str) -> None:
    done = bootstrap(clone, hidden=("ensurepip", "pip"), PIP_PYZ_URL=pip_url)
    assert done.returncode == 0, done.stderr
    assert has_package(clone)


def test_second_bootstrap_does_nothing(clone: Path) -> None:
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"  # with uv, which is quick
    assert "Creating the environment" in bootstrap(clone, PATH=path).stdout
    assert bootstrap(clone, PATH=path).stdout == ""
    assert "Creating the environment" in bootstrap(clone, which="dev", PATH=path).stdout
    assert bootstrap(clone, PATH=path).stdout == "", "the development environment includes the runtime packages"


def test_read_only_folder_is_explained(clone: Path) -> None:
    (clone / ".venv").touch()
    done = bootstrap(clone)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_old_python_is_explained(clone: Path) -> None:
    text = (clone / "bootstrap.py").read_text().replace("OLDEST = (3, 11)", "OLDEST = (9, 0)")
    (clone / "bootstrap.py").write_text(text)
    done = bootstrap(clone)
    assert done.returncode == 1
    assert "Endpoint Desk needs Python 3.11 or newer, and this is 3." in done.stderr
    assert "make run PYTHON=python3.12" in done.stderr


def test_bootstrap_parses_on_old_python() -> None:
    import ast

    ast.parse((ROOT / "bootstrap.py").read_text(), feature_version=(3, 5))
