"""Faults: their effect and their scope."""

import time
from collections.abc import Callable

import pytest
import requests

from emulator.seed import WORKSPACES
from tests.emulator.arm_client import PHI, PRODUCTION, Arm, body, code
from tests.support.azure import Azure

pytestmark = pytest.mark.filterwarnings("ignore:.*response_mode:UserWarning")


@pytest.mark.parametrize(("when", "is_made"), [("before", False), ("after", True)])
def test_a_drop_closes_the_connection_before_or_after_the_work(
    azure: Azure, arm: Arm, when: str, is_made: bool
) -> None:
    azure.fault("drop", where="put", when=when, times=1)
    with pytest.raises(requests.ConnectionError):
        arm("PUT", f"{PRODUCTION}/one", json=body())
    assert arm("GET", f"{PRODUCTION}/one").ok == is_made
    (lost,) = azure.requests("PUT", "/one")
    assert (lost["status"], lost["faults"]) == (201 if is_made else 500, ["drop"])


def test_a_cut_off_closes_the_connection_within_the_body(azure: Azure, arm: Arm) -> None:
    azure.fault("cut-off", where="list")
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        arm("GET", PRODUCTION)


@pytest.mark.parametrize(("when", "is_made"), [("before", False), ("after", True)])
def test_a_hang_delays_no_other_request(azure: Azure, arm: Arm, when: str, is_made: bool) -> None:
    azure.fault("hang", method="PUT", when=when, times=1)
    with pytest.raises(requests.ReadTimeout):
        arm("PUT", f"{PRODUCTION}/one", json=body(), timeout=0.3)
    assert arm("GET", f"{PRODUCTION}/one").ok == is_made


def test_a_slow_response_is_correct(azure: Azure, arm: Arm) -> None:
    azure.fault("slow", where="list", seconds=0.2)
    started = time.monotonic()
    assert arm("GET", PRODUCTION).ok
    assert time.monotonic() - started >= 0.2


def test_a_fault_can_be_any_error(azure: Azure, arm: Arm) -> None:
    azure.fault("error", method="POST", path="*/listKeys", status=418, code="Teapot", message="Short and stout.")
    response = arm("POST", f"{PRODUCTION}/one/listKeys")
    assert (response.status_code, response.json()["error"]) == (418, {"code": "Teapot", "message": "Short and stout."})
    assert arm("GET", f"{PRODUCTION}/one").status_code == 404


@pytest.mark.parametrize(
    ("scope", "fits"),
    [
        ({"name": "on*"}, True),
        ({"name": "two"}, False),
        ({"model": "*/phi-4"}, True),
        ({"model": "*cohere*"}, False),
        ({"workspace": "ml-production"}, True),
        ({"workspace": "ml-research"}, False),
        ({"person": "ada@*"}, True),
        ({"person": "oscar@*"}, False),
        ({"match": "ML-Prod*"}, True),
        ({"match": "nobody"}, False),
        ({"method": "get"}, True),
        ({"method": "PUT"}, False),
        ({"path": "*/serverlessEndpoints/one"}, True),
        ({"path": "*/two"}, False),
        ({"name": "one", "person": "oscar@*"}, False),
    ],
)
@pytest.mark.parametrize("way", ["resource", "monitor"])
def test_a_fault_matches_its_scope(azure: Azure, arm: Arm, scope: dict[str, str], fits: bool, way: str) -> None:
    monitor = arm("PUT", f"{PRODUCTION}/one", json=body()).headers["Azure-AsyncOperation"]
    azure.fault("server-error", **scope)
    response = arm("GET", f"{PRODUCTION}/one" if way == "resource" else monitor)
    if way == "monitor" and "path" in scope:
        fits = False
    assert (response.status_code == 503) == fits


def test_a_fault_matches_the_model_of_a_put(azure: Azure, arm: Arm) -> None:
    azure.fault("refuse", model=PHI, cause="payment")
    assert "payment method" in arm("PUT", f"{PRODUCTION}/one", json=body()).text


@pytest.mark.parametrize(
    ("cause", "status", "inner"),
    [
        ("region", 400, "ServerlessModelNotAvailableInRegion"),
        ("offer", 400, "ServerlessOfferNotFound"),
        ("quota", 400, "QuotaExceeded"),
        ("taken", 409, "UserError"),
        ("plan", 400, "eligibility check failed"),
        ("enrollment", 400, "enrollment"),
        ("payment", 400, "payment method"),
        ("country", 400, "AvailabilityNotInRegion"),
        ("provider", 409, "MissingSubscriptionRegistration"),
        ("rights", 403, "AuthorizationFailed"),
        ("policy", 403, "PolicyViolation"),
        ("internal", 500, "InternalServerError"),
    ],
)
def test_every_cause_works_at_put_and_in_the_status(
    azure: Azure, arm: Arm, cause: str, status: int, inner: str
) -> None:
    azure.fault("refuse", cause=cause, times=1)
    refused = arm("PUT", f"{PRODUCTION}/one", json=body())
    assert (refused.status_code, inner in refused.text) == (status, True)
    azure.fault("fail", cause=cause, times=1)
    monitor = arm("PUT", f"{PRODUCTION}/one", json=body()).headers["Azure-AsyncOperation"]
    azure.advance(60)
    ended = arm("GET", monitor)
    assert (ended.json()["status"], inner in ended.text) == ("Failed", True)
    assert arm("GET", f"{PRODUCTION}/one").json()["properties"]["endpointState"] == "CreationFailed"


@pytest.mark.parametrize(
    ("kind", "look"),
    [
        ("unknown-state", lambda found: found["properties"]["endpointState"] == "Hibernating"),
        ("extra-fields", lambda found: "moodOfTheService" in found["properties"]),
        ("no-provisioning-state", lambda found: "provisioningState" not in found["properties"]),
    ],
)
def test_a_read_can_show_unexpected_values(
    azure: Azure, arm: Arm, kind: str, look: Callable[[dict[str, object]], bool]
) -> None:
    arm("PUT", f"{PRODUCTION}/one", json=body())
    azure.fault(kind)
    azure.fault(kind, where="list", name="one")
    assert look(arm("GET", f"{PRODUCTION}/one").json())
    assert look(arm("GET", PRODUCTION).json()["value"][0])


def test_a_status_can_show_unexpected_values(azure: Azure, arm: Arm) -> None:
    monitor = arm("PUT", f"{PRODUCTION}/one", json=body()).headers["Azure-AsyncOperation"]
    azure.fault("unknown-status", status="Pondering")
    azure.fault("whole-percent")
    azure.fault("retry-after", where="status", retry_after=17)
    response = arm("GET", monitor)
    assert (response.json()["status"], response.json()["percentComplete"]) == ("Pondering", 50)
    assert response.headers["Retry-After"] == "17"


def test_the_status_can_run_ahead_of_the_resource(azure: Azure, arm: Arm) -> None:
    azure.fault("drift", seconds=100)
    monitor = arm("PUT", f"{PRODUCTION}/one", json=body()).headers["Azure-AsyncOperation"]
    azure.advance(60)
    assert arm("GET", monitor).json()["status"] == "Succeeded"
    assert arm("GET", f"{PRODUCTION}/one").json()["properties"]["provisioningState"] == "Creating"
    azure.advance(100)
    assert arm("GET", f"{PRODUCTION}/one").json()["properties"]["provisioningState"] == "Succeeded"


def test_a_suspended_endpoint_is_reinstated(azure: Azure, arm: Arm) -> None:
    arm("PUT", f"{PRODUCTION}/one", json=body())
    azure.advance(60)
    azure.fault("suspended", name="one", times=1, seconds=100)
    seen = []
    for _ in range(4):
        seen.append(arm("GET", f"{PRODUCTION}/one").json()["properties"]["endpointState"])
        azure.advance(35)
    assert seen == ["Suspending", "Suspended", "Reinstating", "Online"]


def test_external_changes_delete_and_change_endpoints(azure: Azure, arm: Arm) -> None:
    for name in ("one", "two"):
        arm("PUT", f"{PRODUCTION}/{name}", json=body())
    azure.advance(60)
    azure.fault("deleted-elsewhere", name="one", times=1)
    azure.fault("changed-elsewhere", name="two", times=1)
    (left,) = arm("GET", PRODUCTION).json()["value"]
    assert (left["name"], left["tags"]) == ("two", {"by": "others"})
    assert left["systemData"]["lastModifiedBy"] == "somebody.else@emulator.test"


def test_an_operation_can_be_unknown_at_first(azure: Azure, arm: Arm) -> None:
    azure.fault("operation-not-found", where="put", polls=1)
    monitor = arm("PUT", f"{PRODUCTION}/one", json=body()).headers["Azure-AsyncOperation"]
    assert [arm("GET", monitor).status_code for _ in range(2)] == [404, 200]


def test_polling_urls_can_be_missing_or_foreign(azure: Azure, arm: Arm) -> None:
    azure.fault("no-monitor", where="delete", location="result", times=1)
    azure.fault("foreign-monitor", times=1, origin="http://127.0.0.1:1")
    made = arm("PUT", f"{PRODUCTION}/one", json=body())
    assert made.headers["Azure-AsyncOperation"].startswith("http://127.0.0.1:1/")
    azure.advance(60)
    deleted = arm("DELETE", f"{PRODUCTION}/one")
    assert "Azure-AsyncOperation" not in deleted.headers
    assert "mfeOperationResults" in deleted.headers["Location"]


@pytest.mark.parametrize(("kind", "status"), [("empty", 200), ("broken-json", 200), ("html", 502), ("redirect", 307)])
def test_a_response_can_be_other_than_json(azure: Azure, arm: Arm, kind: str, status: int) -> None:
    azure.fault(kind, where="list")
    response = arm("GET", PRODUCTION)
    assert response.status_code == status
    with pytest.raises(requests.JSONDecodeError):
        response.json()


def test_a_fault_of_lists_does_not_affect_resources(azure: Azure, arm: Arm) -> None:
    azure.fault("throttle", where="list", retry_after=3)
    assert arm("GET", PRODUCTION).headers["Retry-After"] == "3"
    assert code(arm("GET", f"{PRODUCTION}/one")) == "ResourceNotFound"
    assert arm("GET", WORKSPACES[0].resource_id).ok
