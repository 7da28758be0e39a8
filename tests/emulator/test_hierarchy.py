"""Subscriptions, resource groups and workspaces that others create and delete."""

from pathlib import Path
from urllib.parse import quote

import pytest

from emulator.seed import RESEARCH, WORKSPACES
from tests.emulator.arm_client import PHI, PRODUCTION, Arm, body, code
from tests.support.azure import Azure, end, start_azure
from tests.support.environment import free_port

pytestmark = pytest.mark.filterwarnings("ignore:.*response_mode:UserWarning")
HERE = WORKSPACES[0].resource_id
GROUP = HERE.partition("/providers")[0]
SUBSCRIPTION = GROUP.partition("/resourceGroups")[0]
PROVIDER = "/providers/Microsoft.MachineLearningServices/workspaces"
NEW = "/subscriptions/0000aaaa-1111-4222-8333-444455556666"


def create(azure: Azure, resource_id: str, **fields: str) -> int:
    response = azure.http.put(f"{azure.url}/emulator/resources{quote(resource_id)}", json=fields, timeout=10)
    return response.status_code


def delete(azure: Azure, resource_id: str) -> int:
    return azure.http.delete(f"{azure.url}/emulator/resources{resource_id}", timeout=10).status_code


@pytest.mark.parametrize(
    ("deleted", "wanted", "named"),
    [
        (HERE, "ResourceNotFound", "workspaces/ml-production' under resource group 'rg-ml-production'"),
        (GROUP, "ResourceGroupNotFound", "'rg-ml-production'"),
        (SUBSCRIPTION, "SubscriptionNotFound", WORKSPACES[0].subscription_id),
    ],
)
def test_a_deleted_parent_is_named(azure: Azure, arm: Arm, deleted: str, wanted: str, named: str) -> None:
    arm("PUT", f"{PRODUCTION}/one", json=body())
    assert delete(azure, deleted.upper().replace("/SUBSCRIPTIONS", "/subscriptions")) == 200
    for path in (f"{PRODUCTION}/one", PRODUCTION, HERE):
        response = arm("GET", path)
        assert (response.status_code, code(response), named in response.text) == (404, wanted, True)


def test_a_deleted_workspace_is_in_no_list(azure: Azure, arm: Arm) -> None:
    delete(azure, HERE)
    for scope in (SUBSCRIPTION, GROUP):
        names = [one["name"] for one in arm("GET", f"{scope}{PROVIDER}").json()["value"]]
        assert "ml-staging" in names
        assert "ml-production" not in names


def test_a_workspace_under_an_old_name_is_empty(azure: Azure, arm: Arm) -> None:
    arm("PUT", f"{PRODUCTION}/one", json=body())
    delete(azure, HERE)
    assert create(azure, HERE, location="westus3", friendlyName="Again") == 200
    assert arm("GET", HERE).json()["location"] == "westus3"
    assert arm("GET", PRODUCTION).json()["value"] == []


def test_a_subscription_is_created_from_the_top(azure: Azure, arm: Arm) -> None:
    group = f"{NEW}/resourceGroups/rg-straße-北"
    workspace = f"{group}{PROVIDER}/ml-new"
    assert create(azure, workspace) == 404
    assert [create(azure, NEW, displayName="New"), create(azure, group), create(azure, workspace)] == [200] * 3
    assert arm("GET", "/subscriptions").json()["value"][-1]["displayName"] == "New"
    assert arm("GET", f"{NEW}/resourcegroups").json()["value"][0]["id"] == group
    (found,) = arm("GET", f"{NEW}{PROVIDER}").json()["value"]
    assert found["id"] == workspace
    assert arm("PUT", f"{quote(workspace)}/serverlessEndpoints/one", json=body()).status_code == 201
    assert arm("GET", quote(workspace.lower())).json()["id"] == workspace


@pytest.mark.parametrize("existing", [HERE, GROUP, SUBSCRIPTION])
def test_an_existing_parent_is_not_created_again(azure: Azure, existing: str) -> None:
    assert create(azure, existing) == 409


def test_a_missing_parent_cannot_be_deleted(azure: Azure) -> None:
    assert delete(azure, f"{HERE}x") == 404


@pytest.mark.parametrize("fields", [{"mood": "blue"}, {"location": 7}])
def test_unknown_fields_are_refused(azure: Azure, fields: dict[str, str]) -> None:
    assert create(azure, f"{HERE}x", **fields) == 400


def test_a_reset_brings_everything_back(azure: Azure, arm: Arm) -> None:
    create(azure, NEW)
    delete(azure, f"/subscriptions/{RESEARCH}")
    azure.reset()
    names = [one["displayName"] for one in arm("GET", "/subscriptions").json()["value"]]
    assert names == ["Contoso Production", "Contoso Research"]


def test_changes_survive_a_restart(tmp_path: Path) -> None:
    port, file = free_port(), tmp_path / "state.json"
    azure = Azure(f"http://127.0.0.1:{port}")
    theirs = f"/emulator/resources{NEW}/resourceGroups/rg{PROVIDER}/ml/serverlessEndpoints/theirs"
    process = start_azure(port, dashboard_url="http://localhost:1", seconds="1", state_file=file)
    try:
        for resource_id in (NEW, f"{NEW}/resourceGroups/rg", f"{NEW}/resourceGroups/rg{PROVIDER}/ml"):
            create(azure, resource_id)
        delete(azure, HERE)
        azure.http.put(f"{azure.url}{theirs}", json={"properties": {"modelSettings": {"modelId": PHI}}}, timeout=10)
    finally:
        end(process)
    process = start_azure(port, dashboard_url="http://localhost:1", seconds="1", state_file=file)
    try:
        again = Azure(f"http://127.0.0.1:{port}")
        assert again.http.get(f"{again.url}{theirs}", timeout=10).json()["properties"]["endpointState"] == "Online"
        assert again.http.get(f"{again.url}/emulator/resources{HERE}", timeout=10).status_code == 404
    finally:
        end(process)
