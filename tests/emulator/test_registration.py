"""The registration of the resource provider in a subscription."""

from typing import Any

import pytest

from emulator.seed import RESEARCH, WORKSPACES
from tests.emulator.arm_client import PRODUCTION, Arm, body, code
from tests.support.azure import Azure

pytestmark = pytest.mark.filterwarnings("ignore:.*response_mode:UserWarning")
REGISTRATION = f"/subscriptions/{RESEARCH}/providers/Microsoft.MachineLearningServices"
LISTS = (
    f"/subscriptions/{RESEARCH}/providers/Microsoft.MachineLearningServices/workspaces",
    f"{WORKSPACES[1].resource_id}/serverlessEndpoints",
)


def unregister(azure: Azure, **changes: Any) -> int:
    url = f"{azure.url}/emulator/resources{REGISTRATION}"
    return azure.http.patch(url, json={"registrationState": "NotRegistered", **changes}, timeout=10).status_code


def test_a_subscription_has_registered_the_provider(arm: Arm) -> None:
    found = arm("GET", REGISTRATION, version="2021-04-01").json()
    assert (found["namespace"], found["registrationState"]) == (
        "Microsoft.MachineLearningServices",
        "Registered",
    )
    assert arm("GET", REGISTRATION, person="vera").status_code == 403


@pytest.mark.parametrize(("lists", "status"), [("empty", 200), ("not-found", 404)])
def test_lists_without_registration(azure: Azure, arm: Arm, lists: str, status: int) -> None:
    unregister(azure, lists=lists)
    assert arm("GET", REGISTRATION, version="2021-04-01").json()["registrationState"] == "NotRegistered"
    for path in LISTS:
        response = arm("GET", path)
        assert response.status_code == status
        assert response.json() == {"value": []} if status == 200 else code(response) == "SubscriptionNotFound"
    assert arm("GET", PRODUCTION).ok


def test_other_requests_without_registration(azure: Azure, arm: Arm) -> None:
    unregister(azure, lists="empty")
    assert arm("GET", WORKSPACES[1].resource_id).status_code == 404
    response = arm("PUT", f"{WORKSPACES[1].resource_id}/serverlessEndpoints/one", json=body(location="swedencentral"))
    assert (response.status_code, code(response)) == (409, "MissingSubscriptionRegistration")
    unregister(azure, registrationState="Registered")
    assert arm("GET", WORKSPACES[1].resource_id).ok


@pytest.mark.parametrize("changes", [{"registrationState": "Lost"}, {"registrationState": []}, {"lists": "long"}])
def test_an_invalid_registration_is_refused(azure: Azure, changes: dict[str, Any]) -> None:
    assert unregister(azure, **changes) == 400


def test_a_fault_can_hit_the_registration_alone(azure: Azure, arm: Arm) -> None:
    azure.fault("server-error", where="provider")
    assert arm("GET", REGISTRATION).status_code == 503
    assert arm("GET", LISTS[0]).ok
