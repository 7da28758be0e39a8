"""Many creations at once."""

import uuid
from pathlib import Path

from tests.machine import eventually
from tests.site.test_run import desk, environment

AT_ONCE = 120


def test_a_bulk_of_creations_stays_within_azures_budget(tmp_path: Path) -> None:
    settings = environment(tmp_path / "var") | {"EMULATOR_DEPLOYMENTS_PER_MODEL": "1000"}
    with desk(tmp_path / "var", settings, seconds="12") as started:
        browser = started.visitor("ada")
        form = started.form(browser, "chat")
        for number in range(AT_ONCE):
            started.submit(browser, form | {"name": f"chat-{number}", "submission_id": str(uuid.uuid4())})

        def everything_is_online() -> bool:
            return (
                f"{AT_ONCE}</b>"
                in browser.get(f"{started.url}/?state=online", timeout=20).text.partition("Online <b>")[2][:9]
            )

        assert eventually(everything_is_online, 90, 1)
        assert not [one for one in started.azure.requests() if one["status"] == 429]
