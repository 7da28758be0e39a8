"""Rules of the repository: import contracts, migrations, lock files, file sizes, templates and documented settings."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from emulator import directory
from tests.support.processes import ROOT

FILES = [
    ROOT / name
    for name in subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    if name and (ROOT / name).is_file()
]


def test_import_contracts_hold() -> None:
    done = subprocess.run([Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_models_and_migrations_agree(db: None) -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_settings_name_the_emulators_registration() -> None:
    assert settings.EMULATOR_TENANT_ID == directory.TENANT_ID
    assert settings.EMULATOR_CLIENT_ID == directory.CLIENT_ID
    assert settings.ENTRA_CLIENT_SECRET == directory.CLIENT_SECRET


def test_both_catalogues_list_the_same_models() -> None:
    ours = json.loads((ROOT / "endpoints" / "catalogue.json").read_text())["models"]
    emulators = json.loads((ROOT / "emulator" / "catalogue.json").read_text())["models"]
    assert {(row["registry"], row["model"]) for row in ours} == {(row["registry"], row["name"]) for row in emulators}


@pytest.mark.parametrize("name", ["runtime", "dev", "sdk"])
def test_lock_files_have_hashes_and_no_registry(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    assert "://" not in text
    packages = re.findall(r"^([\w.-]+(?:\[[\w,-]+\])?==\S+)", text, re.MULTILINE)
    assert len(packages) > 20
    assert len(re.findall(r"^\S.*\\\n    --hash=sha256:", text, re.MULTILINE)) == len(packages)


def test_no_file_is_too_long() -> None:
    code = [path for path in FILES if path.suffix in {".py", ".js", ".html"} and "migrations" not in path.parts]
    assert [path.name for path in code if len(path.read_text().splitlines()) > 400] == []


def test_templates_have_no_inline_code() -> None:
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text()
        assert not re.search(r"<style|\sstyle=|\son\w+=|hx-on|javascript:|<script(?![^>]*src)", text), path.name


@pytest.mark.parametrize("module", ["dashboard.wsgi", "dashboard.urls", "endpoints.urls"])
def test_web_process_does_not_load_the_engine(module: str, tmp_path: Path) -> None:
    script = (
        f"import sys, django; django.setup(); import {module}; "
        "print([name for name in sys.modules if name.startswith(('endpoints.engine', 'aiohttp'))])"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "dashboard.settings", "DATA_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize(
    "path", ["endpoints/services.py", "endpoints/history.py", "endpoints/kinds.py", "endpoints/engine", "endpoints/arm"]
)
def test_requests_stay_in_pages(path: str) -> None:
    # Import-linter can only forbid an external package as a whole.
    place = ROOT / path
    for file in [place] if place.is_file() else place.rglob("*.py"):
        assert not re.search(r"^(from|import) django\.(http|forms|template|shortcuts)", file.read_text(), re.MULTILINE)


def test_engine_decides_by_goal_and_not_by_kind() -> None:
    for file in (ROOT / "endpoints" / "engine").rglob("*.py"):
        assert not re.search(r"\bKind\.[A-Z]", file.read_text()), file.name


def test_template_lines_have_at_most_160_characters() -> None:
    templates = [path for path in FILES if path.suffix == ".html" and "emulator" not in path.parts]
    assert len(templates) > 20
    assert [path.name for path in templates if max(map(len, path.read_text().splitlines())) > 160] == []
