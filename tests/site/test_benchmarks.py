"""The benchmarks run and print their figures."""

import re
import subprocess
import sys

import pytest

from tests.support.processes import ROOT

pytestmark = pytest.mark.slow


def test_table_benchmark_runs() -> None:
    command = [sys.executable, "benchmarks/table.py", "60", "120"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"(\d+) endpoints: the table, 6 queries", done.stdout) == ["60", "120"]
    assert done.stdout.count("times as long as the table") == 2


def test_emulator_benchmark_runs() -> None:
    command = [sys.executable, "benchmarks/emulator.py", "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("203 requests to the emulator: ")
