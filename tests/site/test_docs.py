"""The documents agree with the repository: links, paths, settings and commands that they name exist."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.processes import ROOT

DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("static/vendor/*.md")]
# Paths that exist only on a machine that runs Endpoint Desk, and names that only look like paths.
NOT_IN_THE_REPOSITORY = re.compile(r"(var|secrets)/.*|Microsoft\.\w+/.*|(application|text)/[\w+-]+")

# A changelog also names things that are gone.
CURRENT = [path for path in DOCUMENTS if path.name != "CHANGELOG.md"]


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose(document: Path) -> str:
    """The text without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(document: Path) -> set[str]:
    """The anchors that GitHub derives from the headings."""
    headings = re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_links_resolve(document: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", prose(document)) if "://" not in link]
    for link in links:
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("document", CURRENT, ids=relative)
def test_named_paths_exist(document: Path) -> None:
    names = re.findall(r"`([\w.-]+/[\w./-]*)`", prose(document))
    bases = (ROOT, ROOT / "tests")  # docs/asvs.md names tests by their path below tests/
    missing = [name for name in names if not any((base / name).exists() for base in bases)]
    assert [name for name in missing if not NOT_IN_THE_REPOSITORY.fullmatch(name)] == []


@pytest.mark.parametrize("document", CURRENT, ids=relative)
def test_named_commands_exist(document: Path) -> None:
    makefile, text = (ROOT / "Makefile").read_text(), document.read_text()
    targets = set(re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE))
    assert targets <= set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    commands = {path.stem for path in ROOT.glob("*/management/commands/*.py")}
    builtin = {"migrate", "collectstatic", "makemigrations"}
    assert set(re.findall(r"manage\.py ([a-z_]+)", text)) <= commands | builtin


def test_readme_stays_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_every_setting_is_documented() -> None:
    names = set(re.findall(r'env_\w+\(\s*"([A-Z_]+)"', (ROOT / "dashboard" / "settings.py").read_text()))
    assert len(names) > 30
    documented = (ROOT / "docs" / "deploy.md").read_text()
    assert [name for name in sorted(names) if f"`{name}`" not in documented] == []


def test_every_documented_setting_exists() -> None:
    documented = set(re.findall(r"^\| (`[A-Z].*?) \|", (ROOT / "docs" / "deploy.md").read_text(), re.MULTILINE))
    names = {name for cell in documented for name in re.findall(r"`([A-Z_]+)`", cell)}
    settings = (ROOT / "dashboard" / "settings.py").read_text()
    assert [name for name in sorted(names) if f'"{name}"' not in settings] == []


def test_vendored_files_are_in_the_notice() -> None:
    listed = subprocess.run(["git", "ls-files", "static/vendor"], cwd=ROOT, capture_output=True, text=True, check=True)
    notice = (ROOT / "NOTICE").read_text()
    vendored = [name for name in listed.stdout.split() if not name.endswith("README.md")]
    assert vendored
    assert [name for name in vendored if name not in notice] == []
