"""Many creations in a short time."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.support.desk import Desk, desk, environment
from tests.support.processes import eventually

pytestmark = pytest.mark.slow

CREATIONS = 500
# How many requests may precede that of another user who clicks later: those already claimed, and a few more.
MAX_AHEAD = 50


def test_five_hundred_creations_respect_the_request_budget(tmp_path: Path) -> None:
    settings = environment(tmp_path / "var")
    settings |= {"EMULATOR_DEPLOYMENTS_PER_MODEL": "1000", "CREATIONS_PER_MINUTE": "1000"}
    seen: dict[int, dict[str, Any]] = {}
    with desk(tmp_path / "var", settings, seconds="12") as started:
        browser, other = started.visitor("ada"), started.visitor("oscar")
        form, other_form = started.form(browser, "chat"), started.form(other, "of-oscar")
        for number in range(CREATIONS):
            started.submit(browser, form | {"name": f"chat-{number}", "submission_id": str(uuid.uuid4())})
            if number % 50 == 49:
                collect(started, seen)
        before = len(puts(seen))
        started.submit(other, other_form)

        def everything_is_online() -> bool:
            collect(started, seen)
            page = browser.get(f"{started.url}/?state=online", timeout=20).text
            return f"{CREATIONS + 1}</b>" in page.partition("Online <b>")[2][:9]

        assert eventually(everything_is_online, 240, 1)
    assert sorted(seen) == list(range(min(seen), max(seen) + 1)), "the emulator dropped requests before they were seen"
    assert not [request for request in seen.values() if request["status"] == 429]
    assert len(puts(seen)) == CREATIONS + 1
    assert puts(seen).index("of-oscar") < before + MAX_AHEAD


def collect(started: Desk, seen: dict[int, dict[str, Any]]) -> None:
    """Add the latest requests: the emulator keeps only the last thousand."""
    seen.update({request["number"]: request for request in started.azure.requests()})


def puts(seen: dict[int, dict[str, Any]]) -> list[str]:
    """The names of the created endpoints, in the order of their requests."""
    return [seen[number]["path"].rpartition("/")[2] for number in sorted(seen) if seen[number]["method"] == "PUT"]
