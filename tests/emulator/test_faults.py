"""What can be made to go wrong, and for whom."""

import time
from collections.abc import Callable

import pytest
import requests

from emulator.seed import WORKSPACES
from tests.emulator.arm_client import PHI, PRODUCTION, Ask, body, code
from tests.support.azure import Azure

pytestmark = pytest.mark.filterwarnings("ignore:.*response_mode:UserWarning")


@pytest.mark.parametrize(("when", "is_made"), [("before", False), ("after", True)])
def test_a_connection_is_lost_before_or_after_the_work_is_done(
    azure: Azure, ask: Ask, when: str, is_made: bool
) -> None:
    azure.fault("drop", where="put", when=when, times=1)
    with pytest.raises(requests.ConnectionError):
        ask("PUT", f"{PRODUCTION}/one", json=body())
    assert ask("GET", f"{PRODUCTION}/one").ok == is_made
    (lost,) = azure.requests("PUT", "/one")
    assert (lost["status"], lost["faults"]) == (201 if is_made else 500, ["drop"])


def test_a_connection_is_lost_in_the_middle_of_an_answer(azure: Azure, ask: Ask) -> None:
    azure.fault("cut-off", where="list")
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        ask("GET", PRODUCTION)


@pytest.mark.parametrize(("when", "is_made"), [("before", False), ("after", True)])
def test_an_answer_never_comes_and_nobody_else_waits(azure: Azure, ask: Ask, when: str, is_made: bool) -> None:
    azure.fault("hang", method="PUT", when=when, times=1)
    with pytest.raises(requests.ReadTimeout):
        ask("PUT", f"{PRODUCTION}/one", json=body(), timeout=0.3)
    assert ask("GET", f"{PRODUCTION}/one").ok == is_made


def test_a_slow_answer_is_right(azure: Azure, ask: Ask) -> None:
    azure.fault("slow", where="list", seconds=0.2)
    started = time.monotonic()
    assert ask("GET", PRODUCTION).ok
    assert time.monotonic() - started >= 0.2


def test_any_error_can_be_had(azure: Azure, ask: Ask) -> None:
    azure.fault("error", method="POST", path="*/listKeys", status=418, code="Teapot", message="Short and stout.")
    answer = ask("POST", f"{PRODUCTION}/one/listKeys")
    assert (answer.status_code, answer.json()["error"]) == (418, {"code": "Teapot", "message": "Short and stout."})
    assert ask("GET", f"{PRODUCTION}/one").status_code == 404


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
def test_a_fault_is_for_whom_it_is_meant(azure: Azure, ask: Ask, scope: dict[str, str], fits: bool, way: str) -> None:
    monitor = ask("PUT", f"{PRODUCTION}/one", json=body()).headers["Azure-AsyncOperation"]
    azure.fault("server-error", **scope)
    answer = ask("GET", f"{PRODUCTION}/one" if way == "resource" else monitor)
    if way == "monitor" and "path" in scope:
        fits = False
    assert (answer.status_code == 503) == fits


def test_a_put_is_known_by_the_model_it_asks_for(azure: Azure, ask: Ask) -> None:
    azure.fault("refuse", model=PHI, cause="payment")
    assert "payment method" in ask("PUT", f"{PRODUCTION}/one", json=body()).text


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
def test_every_cause_comes_at_the_put_and_in_the_status(
    azure: Azure, ask: Ask, cause: str, status: int, inner: str
) -> None:
    azure.fault("refuse", cause=cause, times=1)
    refused = ask("PUT", f"{PRODUCTION}/one", json=body())
    assert (refused.status_code, inner in refused.text) == (status, True)
    azure.fault("fail", cause=cause, times=1)
    monitor = ask("PUT", f"{PRODUCTION}/one", json=body()).headers["Azure-AsyncOperation"]
    azure.advance(60)
    ended = ask("GET", monitor)
    assert (ended.json()["status"], inner in ended.text) == ("Failed", True)
    assert ask("GET", f"{PRODUCTION}/one").json()["properties"]["endpointState"] == "CreationFailed"


@pytest.mark.parametrize(
    ("kind", "look"),
    [
        ("unknown-state", lambda found: found["properties"]["endpointState"] == "Hibernating"),
        ("extra-fields", lambda found: "moodOfTheService" in found["properties"]),
        ("no-provisioning-state", lambda found: "provisioningState" not in found["properties"]),
    ],
)
def test_a_read_shows_what_nobody_expects(
    azure: Azure, ask: Ask, kind: str, look: Callable[[dict[str, object]], bool]
) -> None:
    ask("PUT", f"{PRODUCTION}/one", json=body())
    azure.fault(kind)
    azure.fault(kind, where="list", name="one")
    assert look(ask("GET", f"{PRODUCTION}/one").json())
    assert look(ask("GET", PRODUCTION).json()["value"][0])


def test_a_status_shows_what_nobody_expects(azure: Azure, ask: Ask) -> None:
    monitor = ask("PUT", f"{PRODUCTION}/one", json=body()).headers["Azure-AsyncOperation"]
    azure.fault("unknown-status", status="Pondering")
    azure.fault("whole-percent")
    azure.fault("retry-after", where="status", retry_after=17)
    answer = ask("GET", monitor)
    assert (answer.json()["status"], answer.json()["percentComplete"]) == ("Pondering", 50)
    assert answer.headers["Retry-After"] == "17"


def test_the_status_can_run_ahead_of_the_resource(azure: Azure, ask: Ask) -> None:
    azure.fault("drift", seconds=100)
    monitor = ask("PUT", f"{PRODUCTION}/one", json=body()).headers["Azure-AsyncOperation"]
    azure.advance(60)
    assert ask("GET", monitor).json()["status"] == "Succeeded"
    assert ask("GET", f"{PRODUCTION}/one").json()["properties"]["provisioningState"] == "Creating"
    azure.advance(100)
    assert ask("GET", f"{PRODUCTION}/one").json()["properties"]["provisioningState"] == "Succeeded"


def test_an_endpoint_is_suspended_and_comes_back_on_its_own(azure: Azure, ask: Ask) -> None:
    ask("PUT", f"{PRODUCTION}/one", json=body())
    azure.advance(60)
    azure.fault("suspended", name="one", times=1, seconds=100)
    seen = []
    for _ in range(4):
        seen.append(ask("GET", f"{PRODUCTION}/one").json()["properties"]["endpointState"])
        azure.advance(35)
    assert seen == ["Suspending", "Suspended", "Reinstating", "Online"]


def test_others_delete_and_change_endpoints(azure: Azure, ask: Ask) -> None:
    for name in ("one", "two"):
        ask("PUT", f"{PRODUCTION}/{name}", json=body())
    azure.advance(60)
    azure.fault("deleted-elsewhere", name="one", times=1)
    azure.fault("changed-elsewhere", name="two", times=1)
    (left,) = ask("GET", PRODUCTION).json()["value"]
    assert (left["name"], left["tags"]) == ("two", {"by": "others"})
    assert left["systemData"]["lastModifiedBy"] == "somebody.else@emulator.test"


def test_an_operation_that_nobody_knows(azure: Azure, ask: Ask) -> None:
    azure.fault("operation-not-found", where="put", polls=1)
    monitor = ask("PUT", f"{PRODUCTION}/one", json=body()).headers["Azure-AsyncOperation"]
    assert [ask("GET", monitor).status_code for _ in range(2)] == [404, 200]


def test_where_to_look_can_be_missing_or_foreign(azure: Azure, ask: Ask) -> None:
    azure.fault("no-monitor", where="delete", location="result", times=1)
    azure.fault("foreign-monitor", times=1, origin="http://127.0.0.1:1")
    made = ask("PUT", f"{PRODUCTION}/one", json=body())
    assert made.headers["Azure-AsyncOperation"].startswith("http://127.0.0.1:1/")
    azure.advance(60)
    deleted = ask("DELETE", f"{PRODUCTION}/one")
    assert "Azure-AsyncOperation" not in deleted.headers
    assert "mfeOperationResults" in deleted.headers["Location"]


@pytest.mark.parametrize(("kind", "status"), [("empty", 200), ("broken-json", 200), ("html", 502), ("redirect", 307)])
def test_an_answer_is_no_json(azure: Azure, ask: Ask, kind: str, status: int) -> None:
    azure.fault(kind, where="list")
    answer = ask("GET", PRODUCTION)
    assert answer.status_code == status
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_a_fault_of_the_lists_is_not_one_of_the_resources(azure: Azure, ask: Ask) -> None:
    azure.fault("throttle", where="list", retry_after=3)
    assert ask("GET", PRODUCTION).headers["Retry-After"] == "3"
    assert code(ask("GET", f"{PRODUCTION}/one")) == "ResourceNotFound"
    assert ask("GET", WORKSPACES[0].resource_id).ok
