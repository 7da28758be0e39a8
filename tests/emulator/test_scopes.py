"""The emulator's ARM: subscriptions, groups, workspaces and permissions."""

import pytest
from django.conf import settings

from emulator.seed import PRODUCTION as PRODUCTION_SUBSCRIPTION
from emulator.seed import RESEARCH, WORKSPACES
from tests.emulator.arm_client import PRODUCTION, VERSION, Arm, body, code
from tests.support.azure import Azure, end, start_azure
from tests.support.environment import free_port

pytestmark = pytest.mark.filterwarnings("ignore:.*response_mode:UserWarning")
RIGHTS = "/providers/Microsoft.Authorization/permissions"


def test_a_person_sees_only_their_subscriptions(arm: Arm) -> None:
    def names(person: str) -> list[str]:
        found = arm("GET", "/subscriptions", person=person, version="2022-12-01").json()["value"]
        return [one["displayName"] for one in found]

    assert names("ada") == ["Contoso Production", "Contoso Research"]
    assert names("vera") == ["Contoso Production"]
    assert names("nora") == []


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        (f"/subscriptions/{settings.EMULATOR_TENANT_ID}/resourcegroups", "SubscriptionNotFound"),
        (PRODUCTION.replace("rg-ml-production", "rg-none"), "ResourceGroupNotFound"),
        (PRODUCTION.replace("workspaces/ml-production", "workspaces/ml-none"), "ResourceNotFound"),
    ],
)
def test_a_missing_parent_is_named(arm: Arm, path: str, wanted: str) -> None:
    response = arm("GET", path)
    assert (response.status_code, code(response)) == (404, wanted)


def test_permissions_are_azures_roles(arm: Arm) -> None:
    assert code(arm("PUT", f"{PRODUCTION}/one", person="vera", json=body())) == "AuthorizationFailed"
    assert arm("GET", f"/subscriptions/{RESEARCH}/resourcegroups", person="vera").status_code == 403
    challenge = arm("PUT", f"{PRODUCTION}/one", person="mira", json=body())
    assert challenge.status_code == 401
    assert 'error="insufficient_claims"' in challenge.headers["WWW-Authenticate"]


def test_one_subscription_can_be_read(arm: Arm) -> None:
    found = arm("GET", f"/subscriptions/{PRODUCTION_SUBSCRIPTION}", version="2022-12-01").json()
    assert (found["displayName"], found["state"]) == ("Contoso Production", "Enabled")
    assert code(arm("GET", f"/subscriptions/{RESEARCH}", person="vera")) == "AuthorizationFailed"


def test_workspaces_are_listed_by_subscription_and_group(arm: Arm) -> None:
    provider = "providers/Microsoft.MachineLearningServices/workspaces"

    def names(scope: str) -> list[str]:
        return [one["name"] for one in arm("GET", f"{scope}/{provider}").json()["value"]]

    subscription = f"/subscriptions/{PRODUCTION_SUBSCRIPTION}"
    assert names(subscription) == ["ml-production", "ml-shared", "ml-staging"]
    assert names(f"{subscription}/resourceGroups/RG-ML-shared") == ["ml-shared"]


def test_a_long_list_comes_in_pages(azure: Azure, arm: Arm) -> None:
    for number in range(105):
        arm("PUT", f"{PRODUCTION}/one-{number:03}", json=body())
    first = arm("GET", PRODUCTION).json()
    second = arm("GET", first["nextLink"]).json()
    assert (len(first["value"]), len(second["value"]), "nextLink" in second) == (100, 5, False)
    assert code(arm("GET", f"{azure.url}{PRODUCTION}?api-version=2025-09-01&$skip=x")) == "InvalidSkipToken"


@pytest.mark.parametrize(
    "scope", [f"/subscriptions/{PRODUCTION_SUBSCRIPTION}", WORKSPACES[0].resource_id, f"{PRODUCTION}/one"]
)
def test_permissions_are_those_of_the_caller(arm: Arm, scope: str) -> None:
    def actions(person: str) -> str:
        return str(arm("GET", f"{scope}{RIGHTS}", person=person, version="2022-04-01").json()["value"])

    assert "workspaces/*/action" in actions("ada")
    assert "serverlessEndpoints/write" in actions("olga")
    assert "/action" not in actions("olga").replace("listKeys/action", "")
    assert "write" not in actions("vera")


def test_permissions_need_an_existing_scope(arm: Arm) -> None:
    assert code(arm("GET", f"{WORKSPACES[0].resource_id}x{RIGHTS}")) == "ResourceNotFound"
    assert code(arm("GET", f"/subscriptions/{RESEARCH}{RIGHTS}", person="vera")) == "AuthorizationFailed"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "POST", "DELETE"])
def test_an_unknown_resource_type_is_refused_like_arm(arm: Arm, method: str) -> None:
    response = arm(method, f"/subscriptions/{PRODUCTION_SUBSCRIPTION}/providers/Microsoft.Compute/virtualMachines")
    assert (response.status_code, code(response)) == (404, "InvalidResourceType")


def test_the_request_limit_is_reported_and_enforced() -> None:
    port = free_port()
    process = start_azure(port, dashboard_url="http://localhost:1", seconds="1", more=["--throttle-scale", "0.02"])
    try:
        azure = Azure(f"http://127.0.0.1:{port}")
        headers = {"Authorization": f"Bearer {azure.application_token()}"}
        url = f"{azure.url}{PRODUCTION}?api-version={VERSION}"
        responses = [azure.http.get(url, headers=headers, timeout=10) for _ in range(7)]
        azure.advance(60)
        later = azure.http.get(url, headers=headers, timeout=10)
        of_the_tenant = azure.http.get(f"{azure.url}/subscriptions?api-version=2022-12-01", headers=headers, timeout=10)
    finally:
        end(process)
    assert responses[0].headers["x-ms-ratelimit-remaining-subscription-reads"] == "4"
    assert responses[0].headers["x-ms-ratelimit-remaining-subscription-global-reads"] == "74"
    assert of_the_tenant.headers["x-ms-ratelimit-remaining-tenant-reads"] == "4"
    assert (responses[-1].status_code, code(responses[-1])) == (429, "SubscriptionRequestsThrottled")
    assert int(responses[-1].headers["Retry-After"]) >= 1
    assert later.ok
