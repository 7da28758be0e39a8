"""Steering the emulator."""

import subprocess
import sys

import pytest

from tests.azure import ROOT, Azure


def test_a_fault_that_makes_no_sense_is_told_so(azure: Azure) -> None:
    for wish, sentence in [
        ({"kind": "rain"}, "There is no kind 'rain'."),
        ({"kind": "drop", "where": "moon"}, "There is no place 'moon'."),
        ({"kind": "drop", "times": 0}, "'times' is a whole number"),
        ({"kind": "drop", "colour": "red"}, "not colour"),
    ]:
        answer = azure.http.post(f"{azure.url}/emulator/faults", json=wish, timeout=10)
        assert answer.status_code == 400
        assert sentence in answer.json()["error"]


def test_a_fault_lasts_as_often_as_asked(azure: Azure) -> None:
    azure.fault("server-error", where="subscriptions", times=2, status=500)
    url = f"{azure.url}/subscriptions?api-version=2022-12-01"
    assert [azure.http.get(url, timeout=10).status_code for _ in range(3)] == [500, 500, 401]


def test_the_page_switches_faults_on_and_off(azure: Azure) -> None:
    page = f"{azure.url}/emulator/"
    shown = azure.http.post(page, data={"do": "on", "kind": "fail", "match": "my-*", "times": "2"}, timeout=10)
    assert "my-*" in shown.text
    number = azure.http.get(f"{azure.url}/emulator/faults", timeout=10).json()["faults"][0]["id"]
    assert "None is switched on." in azure.http.post(page, data={"do": "off", "id": number}, timeout=10).text
    wrong = azure.http.post(page, data={"do": "on", "kind": "fail", "times": "often"}, timeout=10)
    assert wrong.status_code == 400
    assert "is a whole number" in wrong.text


def test_the_page_shows_what_came_in(azure: Azure) -> None:
    azure.http.get(f"{azure.url}/subscriptions?api-version=2022-12-01", timeout=10)
    assert "GET /subscriptions" in azure.http.get(azure.url, timeout=10).text


@pytest.mark.parametrize("options", [["--provisioning-seconds", "9-3"], ["--port", "1", "--host", "127.0.0.1x"]])
def test_a_wrong_option_is_one_sentence(options: list[str]) -> None:
    command = [sys.executable, "-m", "emulator", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert done.stderr.startswith("The emulator cannot start.")
    assert done.stderr.count("\n") == 1
