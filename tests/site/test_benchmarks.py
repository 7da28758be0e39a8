"""The benchmarks run and print their figures."""

import re
import subprocess
import sys

import pytest

from tests.support.processes import ROOT

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("options", [[], ["--pages"], ["--postgresql"]])
def test_table_benchmark_runs(options: list[str]) -> None:
    command = [sys.executable, "benchmarks/table.py", "--times", "2", "750", "1500", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = re.findall(r"([\d,]+) endpoints, reads (\d+): [^;]+ ms", done.stdout)
    assert found == [(size, reader) for size in ("750", "1,500") for reader in ("5", "400", "750")]


def test_emulator_benchmark_runs() -> None:
    command = [sys.executable, "benchmarks/emulator.py", "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("203 requests to the emulator: ")
