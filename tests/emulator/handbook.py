"""The parts of docs/emulator.md that tests hold against the emulator."""

import re

from tests.support.azure import ROOT

TEXT = (ROOT / "docs" / "emulator.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", TEXT, re.DOTALL)


def table(heading: str) -> list[str]:
    """The rows of the table under a heading."""
    section = re.split(r"\n#+ ", TEXT.partition(f"# {heading}\n")[2])[0]
    return [line for line in section.splitlines() if line.startswith("| `")]
