"""Many creations at once."""

import uuid
from pathlib import Path
from typing import Any

from tests.support.desk import Desk, desk, environment
from tests.support.processes import eventually

AT_ONCE = 500
# What may leave between somebody's click and their request: what has been taken up already, and a little.
AHEAD_AT_MOST = 50


def test_five_hundred_creations_respect_the_request_budget(tmp_path: Path) -> None:
    settings = environment(tmp_path / "var")
    settings |= {"EMULATOR_DEPLOYMENTS_PER_MODEL": "1000", "CREATIONS_PER_MINUTE": "1000"}
    seen: dict[int, dict[str, Any]] = {}
    with desk(tmp_path / "var", settings, seconds="12") as started:
        browser, other = started.visitor("ada"), started.visitor("oscar")
        form, others_form = started.form(browser, "chat"), started.form(other, "of-oscar")
        for number in range(AT_ONCE):
            started.submit(browser, form | {"name": f"chat-{number}", "submission_id": str(uuid.uuid4())})
            if number % 50 == 49:
                look_at(started, seen)
        before = len(puts(seen))
        started.submit(other, others_form)

        def everything_is_online() -> bool:
            look_at(started, seen)
            page = browser.get(f"{started.url}/?state=online", timeout=20).text
            return f"{AT_ONCE + 1}</b>" in page.partition("Online <b>")[2][:9]

        assert eventually(everything_is_online, 240, 1)
    assert sorted(seen) == list(range(min(seen), max(seen) + 1)), "the emulator forgot requests before they were seen"
    assert not [one for one in seen.values() if one["status"] == 429]
    assert len(puts(seen)) == AT_ONCE + 1
    assert puts(seen).index("of-oscar") < before + AHEAD_AT_MOST


def look_at(started: Desk, seen: dict[int, dict[str, Any]]) -> None:
    """The emulator remembers a thousand requests, so it is looked at again and again."""
    seen.update({one["number"]: one for one in started.azure.requests()})


def puts(seen: dict[int, dict[str, Any]]) -> list[str]:
    """The names of what was asked for, in the order in which the requests came."""
    return [seen[number]["path"].rpartition("/")[2] for number in sorted(seen) if seen[number]["method"] == "PUT"]
