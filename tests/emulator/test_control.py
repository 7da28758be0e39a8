"""The control page, the control API and the options."""

import json
import os
import subprocess
import sys

import msal
import pytest

from emulator.options import OPTIONS
from tests.emulator.arm_client import PRODUCTION, VERSION, Arm, body
from tests.support import environment
from tests.support.azure import ROOT, Azure
from tests.support.signing_in import signed_in

pytestmark = pytest.mark.filterwarnings("ignore:.*response_mode:UserWarning")


def test_an_invalid_fault_is_refused_with_a_sentence(azure: Azure) -> None:
    for spec, sentence in [
        ({"kind": "rain"}, "Unknown kind 'rain'."),
        ({"kind": "drop", "where": "moon"}, "Unknown target 'moon'."),
        ({"kind": "drop", "times": 0}, "'times' must be a whole number"),
        ({"kind": "drop", "colour": "red"}, "not colour"),
        ({"kind": ["drop"]}, "Unknown kind"),
        ({"kind": "drop", "where": ["put"]}, "Unknown target"),
        ({"kind": "fail", "cause": "fun"}, "Unknown cause 'fun'."),
        ({"kind": "html", "status": 99}, "is not an HTTP status"),
        ({"kind": "slow", "seconds": "long"}, "cannot be 'long'"),
        ({"kind": "redirect", "to": "a\nb"}, "cannot be"),
    ]:
        response = azure.http.post(f"{azure.url}/emulator/faults", json=spec, timeout=10)
        assert response.status_code == 400
        assert sentence in response.json()["error"]


def test_a_fault_applies_as_often_as_specified(azure: Azure) -> None:
    azure.fault("server-error", where="subscriptions", times=2, status=500)
    url = f"{azure.url}/subscriptions?api-version=2022-12-01"
    assert [azure.http.get(url, timeout=10).status_code for _ in range(3)] == [500, 500, 401]


def test_the_page_switches_faults_on_and_off(azure: Azure) -> None:
    page = f"{azure.url}/emulator/"
    shown = azure.http.post(
        page, data={"do": "on", "kind": "fail", "name": "my-*", "times": "2", "settings": "cause=quota"}, timeout=10
    )
    assert "name my-*" in shown.text
    (fault,) = azure.http.get(f"{azure.url}/emulator/faults", timeout=10).json()["faults"]
    assert (fault["times"], fault["settings"], fault["scope"]) == (2, {"cause": "quota"}, "name my-*")
    number = fault["id"]
    assert "No fault is switched on." in azure.http.post(page, data={"do": "off", "id": number}, timeout=10).text
    wrong = azure.http.post(page, data={"do": "on", "kind": "fail", "times": "often"}, timeout=10)
    assert wrong.status_code == 400
    assert "must be a whole number" in wrong.text


def test_the_page_shows_requests_without_secrets(azure: Azure) -> None:
    headers = {"Authorization": f"Bearer {azure.application_token()}", "X-Mine": "kept"}
    azure.http.get(f"{azure.url}/subscriptions?api-version=2022-12-01", headers=headers, timeout=10)
    (request,) = azure.requests("GET", "/subscriptions")
    page = azure.http.get(f"{azure.url}/emulator/?request={request['number']}", timeout=10).text
    assert "X-Mine: kept" in page
    assert "Contoso Production" in page
    assert "Authorization: (secret)" in page
    assert headers["Authorization"] not in page


def test_the_journal_has_no_keys_and_signatures(azure: Azure, arm: Arm) -> None:
    monitor = arm("PUT", f"{PRODUCTION}/one", json=body()).headers["Azure-AsyncOperation"]
    azure.advance(60)
    arm("GET", monitor)
    keys = arm("POST", f"{PRODUCTION}/one/listKeys").json()
    kept = json.dumps(azure.conversation())
    assert "(secret)" in kept
    assert not [secret for secret in (*keys.values(), monitor.partition("&c=")[2]) if secret in kept]
    assert "code=" not in kept


def test_one_request_can_be_read_in_full(azure: Azure) -> None:
    azure.http.get(f"{azure.url}/subscriptions?api-version=2022-12-01", timeout=10)
    number = azure.requests("GET", "/subscriptions")[0]["number"]
    one = azure.http.get(f"{azure.url}/emulator/requests/{number}", timeout=10).json()
    assert (one["status"], one["query"]) == (401, "api-version=2022-12-01")
    assert azure.http.get(f"{azure.url}/emulator/requests/0", timeout=10).status_code == 404


@pytest.mark.parametrize("sent", ["{}", '{"seconds": -1}', '{"seconds": 1e999}', '{"seconds": "x"}', "[]", "[" * 9999])
def test_the_clock_refuses_to_go_back_or_too_far(azure: Azure, sent: str) -> None:
    assert azure.http.post(f"{azure.url}/emulator/clock", data=sent, timeout=10).status_code == 400


def test_the_page_moves_the_clock(azure: Azure, arm: Arm) -> None:
    arm("PUT", f"{PRODUCTION}/one", json=body())
    azure.http.post(f"{azure.url}/emulator/", data={"do": "advance", "seconds": "60"}, timeout=10)
    assert arm("GET", f"{PRODUCTION}/one").json()["properties"]["endpointState"] == "Online"


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"do": "on", "kind": "fail", "settings": "cause"}, "is not a setting"),
        ({"do": "on", "kind": "fail", "settings": "cause=7"}, "Unknown cause"),
        ({"do": "on", "kind": "server-error", "settings": "status=many"}, "is not an HTTP status"),
        ({"do": "revoke", "person": "nobody"}, "not with these values"),
        ({"do": "dance"}, "Unknown action"),
    ],
)
def test_the_page_reports_an_invalid_form(azure: Azure, form: dict[str, str], sentence: str) -> None:
    response = azure.http.post(f"{azure.url}/emulator/", data=form, timeout=10)
    assert (response.status_code, sentence in response.text) == (400, True)


def test_the_page_acts_as_other_people(azure: Azure, arm: Arm) -> None:
    page, theirs = f"{azure.url}/emulator/", f"{PRODUCTION}/theirs"
    for act, state in (("create", "Online"), ("suspend", "Suspended"), ("reinstate", "Online")):
        form = {"do": "act", "act": act, "resource": theirs, "by": "pipeline"}
        assert azure.http.post(page, data=form, timeout=10).ok
        assert arm("GET", theirs).json()["properties"]["endpointState"] == state
    azure.http.post(page, data={"do": "act", "act": "delete", "resource": theirs}, timeout=10)
    assert arm("GET", theirs).status_code == 404
    missing = azure.http.post(page, data={"do": "act", "act": "delete", "resource": theirs}, timeout=10)
    assert (missing.status_code, "was not found" in missing.text) == (400, True)


@pytest.mark.parametrize("number", ["9" * 5000, "\N{SUPERSCRIPT TWO}", "-1", "x", ""])
def test_an_invalid_number_is_refused_and_switches_nothing_off(azure: Azure, arm: Arm, number: str) -> None:
    azure.fault("drop", where="put")
    page, api = f"{azure.url}/emulator/", f"{azure.url}/emulator/faults"
    assert azure.http.get(page, params={"request": number}, timeout=10).ok
    assert azure.http.post(page, data={"do": "off", "id": number}, timeout=10).status_code == 400
    assert azure.http.delete(api, params={"id": number}, timeout=10).status_code == 400
    assert arm("GET", f"{azure.url}{PRODUCTION}?api-version={VERSION}&$skip={number}").status_code == 400
    assert len(azure.http.get(api, timeout=10).json()["faults"]) == 1


@pytest.mark.parametrize("path", ["/emulator/reset", "/emulator/faults", "/emulator/"])
def test_a_page_of_another_site_is_refused(azure: Azure, path: str) -> None:
    foreign = azure.http.post(f"{azure.url}{path}", headers={"Origin": "https://evil.example"}, timeout=10)
    assert foreign.status_code == 403
    rebound = azure.http.get(azure.url, headers={"Host": "evil.example"}, timeout=10)
    assert rebound.status_code == 400


def test_a_fault_at_the_token_endpoint_affects_one_person(
    azure: Azure, client: msal.ConfidentialClientApplication
) -> None:
    azure.fault("throttle", where="token", person="oscar@*", retry_after=1)
    assert "access_token" in signed_in(client, azure, "ada")
    signed_in(client, azure, "oscar")
    assert [one["status"] for one in azure.requests("POST", "/token")] == [200, 429]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--provisioning-seconds", "9-3"], "--provisioning-seconds cannot be '9-3': write a range of seconds"),
        (["--port", "many"], "--port cannot be 'many': write a whole number."),
        (["--port", "1", "--host", "127.0.0.1x"], "cannot listen on 127.0.0.1x"),
        (["--port", str(environment.EMULATOR_PORT)], "is taken"),
        (["--tls-file", "README.md"], "There is no certificate in README.md"),
        (["--state-file", "README.md/state.json"], "It cannot use README.md"),
        (["--endpoints", "5"], "--endpoints needs --workspaces"),
        (["--workspaces", "5", "--subscriptions", "0"], "--workspaces needs --subscriptions"),
        (["--inference-uri", "http://here/{name}"], "write an address with {name} and {region}"),
    ],
)
def test_an_invalid_option_is_one_sentence(azure: Azure, options: list[str], sentence: str) -> None:
    command = [sys.executable, "-m", "emulator", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert done.stderr.startswith("The emulator cannot start.")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_page_shows_every_option(azure: Azure) -> None:
    page = azure.http.get(f"{azure.url}/emulator/", timeout=10).text
    assert [one.flag for one in OPTIONS if one.flag not in page or one.variable not in page] == []
    assert str(environment.EMULATOR_PORT) in page


def test_an_option_can_be_a_variable() -> None:
    environ = {**os.environ, "EMULATOR_PROVISIONING_SECONDS": "9-3"}
    command = [sys.executable, "-m", "emulator"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=30)
    assert "--provisioning-seconds cannot be '9-3'" in done.stderr
