"""Role assignments for single scopes, made and withdrawn while the emulator runs."""

from typing import Any

import pytest

from emulator.directory import PIPELINE_CLIENT_ID
from emulator.seed import PRODUCTION as SUBSCRIPTION
from emulator.seed import WORKSPACES
from tests.emulator.arm_client import PRODUCTION, Arm, body, code
from tests.support.azure import Azure

pytestmark = pytest.mark.filterwarnings("ignore:.*response_mode:UserWarning")
HERE = WORKSPACES[0].resource_id
GROUP = HERE.partition("/providers")[0]
PROVIDER = "/providers/Microsoft.MachineLearningServices/workspaces"
RIGHTS = "/providers/Microsoft.Authorization/permissions"


def assign(azure: Azure, person: str, scope: str, **spec: Any) -> None:
    response = azure.http.post(
        f"{azure.url}/emulator/access", json={"person": person, "scope": scope, **spec}, timeout=10
    )
    assert response.ok, response.text


def names(arm: Arm, path: str, person: str) -> list[str]:
    return [one.get("name") or one["displayName"] for one in arm("GET", path, person=person).json()["value"]]


def test_a_workspace_can_be_hidden_from_one_person(azure: Azure, arm: Arm) -> None:
    arm("PUT", f"{PRODUCTION}/one", json=body())
    assign(azure, "oscar@emulator.test", HERE.upper().replace("/SUBSCRIPTIONS", "/subscriptions"), readable=False)
    for path in (HERE, PRODUCTION, f"{PRODUCTION}/one", f"{HERE}{RIGHTS}"):
        response = arm("GET", path, person="oscar")
        assert (response.status_code, code(response)) == (403, "AuthorizationFailed")
        assert "oscar@emulator.test" in response.text
        assert arm("GET", path).ok
    assert arm("DELETE", f"{PRODUCTION}/one", person="oscar").status_code == 403
    assert names(arm, f"/subscriptions/{SUBSCRIPTION}{PROVIDER}", "oscar") == ["ml-shared", "ml-staging"]
    assert names(arm, f"{GROUP}{PROVIDER}", "oscar") == ["ml-staging"]


def test_a_person_can_have_one_workspace_only(azure: Azure, arm: Arm) -> None:
    assert names(arm, "/subscriptions", "nora") == []
    assign(azure, "nora@emulator.test", HERE, readable=True)
    assert names(arm, "/subscriptions", "nora") == ["Contoso Production"]
    assert names(arm, f"/subscriptions/{SUBSCRIPTION}/resourcegroups", "nora") == ["rg-ml-production"]
    assert names(arm, f"/subscriptions/{SUBSCRIPTION}{PROVIDER}", "nora") == ["ml-production"]
    assert arm("GET", PRODUCTION, person="nora").ok
    assert arm("PUT", f"{PRODUCTION}/one", person="nora", json=body()).status_code == 403
    assert arm("GET", WORKSPACES[3].resource_id, person="nora").status_code == 403


def test_access_can_be_taken_and_given_back(azure: Azure, arm: Arm) -> None:
    for readable, status in ((False, 403), (True, 200)):
        assign(azure, "ada@emulator.test", HERE, readable=readable)
        assert arm("GET", PRODUCTION).status_code == status
    assert arm("PUT", f"{PRODUCTION}/one", json=body()).status_code == 201
    assign(azure, "ada@emulator.test", HERE, readable=False)
    azure.http.delete(f"{azure.url}/emulator/access", timeout=10).raise_for_status()
    assert arm("GET", PRODUCTION).ok


def test_the_narrowest_scope_decides(azure: Azure, arm: Arm) -> None:
    assign(azure, "ada@emulator.test", f"/subscriptions/{SUBSCRIPTION}", readable=False)
    assert names(arm, "/subscriptions", "ada") == ["Contoso Research"]
    assign(azure, "ada@emulator.test", GROUP, roles=["Reader"])
    assert names(arm, f"/subscriptions/{SUBSCRIPTION}{PROVIDER}", "ada") == ["ml-production", "ml-staging"]
    assert arm("PUT", f"{PRODUCTION}/one", json=body()).status_code == 403
    rights = arm("GET", f"{HERE}{RIGHTS}", version="2022-04-01").json()["value"]
    assert [one["actions"] for one in rights] == [["*/read"]]


def test_a_single_endpoint_can_be_hidden(azure: Azure, arm: Arm) -> None:
    for name in ("one", "two"):
        arm("PUT", f"{PRODUCTION}/{name}", json=body())
    assign(azure, "oscar@emulator.test", f"{PRODUCTION}/one", readable=False)
    assert names(arm, PRODUCTION, "oscar") == ["two"]
    assert code(arm("GET", f"{PRODUCTION}/one", person="oscar")) == "AuthorizationFailed"


def test_a_single_endpoint_can_be_all_there_is(azure: Azure, arm: Arm) -> None:
    for name in ("one", "two"):
        arm("PUT", f"{PRODUCTION}/{name}", json=body())
    assign(azure, "nora@emulator.test", f"{PRODUCTION}/one", readable=True)
    assert names(arm, PRODUCTION, "nora") == ["one"]
    assert arm("GET", HERE, person="nora").status_code == 403


def test_an_application_can_lose_a_workspace(azure: Azure) -> None:
    assign(azure, PIPELINE_CLIENT_ID, HERE, readable=False)
    headers = {"Authorization": f"Bearer {azure.application_token()}"}
    assert azure.http.get(f"{azure.url}{HERE}?api-version=2025-09-01", headers=headers, timeout=10).status_code == 403


@pytest.mark.parametrize(
    "spec",
    [
        {"person": "nobody", "scope": HERE, "readable": True},
        {"person": "ada@emulator.test", "scope": "ml-production", "readable": True},
        {"person": "ada@emulator.test", "scope": HERE, "readable": "no"},
        {"person": "ada@emulator.test", "scope": HERE, "roles": ["King"]},
        {"person": "ada@emulator.test", "scope": HERE, "roles": [["Reader"]]},
        {"person": "ada@emulator.test", "scope": HERE, "readable": True, "until": "noon"},
        {},
    ],
)
def test_an_invalid_assignment_is_refused(azure: Azure, spec: dict[str, Any]) -> None:
    assert azure.http.post(f"{azure.url}/emulator/access", json=spec, timeout=10).status_code == 400
    assert azure.http.get(f"{azure.url}/emulator/access", timeout=10).json() == {"access": {}}
