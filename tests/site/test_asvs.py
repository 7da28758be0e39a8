"""The list in docs/asvs.md is complete, and the tests it names exist.

https://github.com/OWASP/ASVS/tree/v5.0.0
"""

import re

from tests.support.processes import ROOT

TEXT = (ROOT / "docs" / "asvs.md").read_text()
# The number of requirements of levels 1 and 2 in each section of ASVS 5.0.0. They precede those of level 3.
SECTIONS = {
    "1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2,
    "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1,
    "3.2": 2, "3.3": 4, "3.4": 6, "3.5": 5, "3.7": 2,
    "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4,
    "5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3,
    "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4,
    "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2,
    "8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1,
    "9.1": 3, "9.2": 4,
    "10.1": 2, "10.2": 2, "10.3": 4, "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3,
    "11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1,
    "12.1": 3, "12.2": 2, "12.3": 4,
    "13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5,
    "14.1": 2, "14.2": 4, "14.3": 3,
    "15.1": 3, "15.2": 3, "15.3": 7,
    "16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3,
    "17.1": 1, "17.2": 4, "17.3": 2,
}  # fmt: skip
EVERY = [f"{section}.{number}" for section, count in SECTIONS.items() for number in range(1, count + 1)]


def listed() -> list[str]:
    """Every requirement in the order of the list, with ranges expanded."""
    requirements = []
    for first, last in re.findall(r"^\| ([\d.]+)(?: – ([\d.]+))? \|", TEXT, re.MULTILINE):
        requirements += EVERY[EVERY.index(first) : EVERY.index(last or first) + 1]
    return requirements


def test_every_requirement_is_listed_once() -> None:
    assert listed() == EVERY


def test_every_named_test_exists() -> None:
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", TEXT)
    assert len(named) > 100
    for file, name in named:
        assert f"def {name}(" in (ROOT / "tests" / file).read_text(), f"{file}::{name}"


def test_every_state_is_one_that_the_list_explains() -> None:
    states = re.findall(r"^\| [\d.]+[^|]*\| ([\w ]+?) \|", TEXT, re.MULTILINE)
    assert set(states) <= {"holds", "not here", "yours", "not yet"}
