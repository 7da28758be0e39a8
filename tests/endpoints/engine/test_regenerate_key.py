"""Key regenerations, against the emulator over HTTP."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from endpoints import services
from endpoints.arm.http import ArmRequest
from endpoints.engine import step
from endpoints.models import Endpoint, Operation
from tests.support.arm_responses import arm_response
from tests.support.azure import Azure
from tests.support.creation import Act, settle, texts


def test_key_is_regenerated_once_and_not_stored(azure: Azure, chat: Endpoint, as_ada: Act) -> None:
    operation = as_ada(services.regenerate_key, "Primary")
    assert settle(azure, chat).state == "online"
    operation.refresh_from_db()
    assert operation.outcome == "succeeded"
    assert azure.count_accepted("POST", "/regenerateKeys") == 1
    kept = str(list(Operation.objects.values())) + str(list(Endpoint.objects.values())) + str(texts(chat))
    assert "primaryKey" not in kept


def test_key_inside_a_status_response_is_not_stored(azure: Azure, chat: Endpoint, as_ada: Act) -> None:
    operation = as_ada(services.regenerate_key, "Primary")
    operation.phase, operation.result_url = "following", f"{azure.url}/result"
    response = arm_response(200, {"status": "Succeeded", "properties": {"primaryKey": "top-secret"}})
    update = step.conclude(operation, ArmRequest("GET", operation.result_url), chat.arm_id, response, timezone.now())
    assert update.is_settled
    assert "top-secret" not in repr(update)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [("operation-not-found", {}), ("at-once", {"where": "regenerate"}), ("throttle", {"times": 2})],
)
def test_key_regeneration_survives_a_fault(
    azure: Azure, chat: Endpoint, as_ada: Act, kind: str, settings: dict[str, Any]
) -> None:
    azure.fault(kind, **{"where": "regenerate", **settings})
    operation = as_ada(services.regenerate_key, "Secondary")
    settle(azure, chat)
    operation.refresh_from_db()
    assert operation.outcome == "succeeded", texts(chat)
    assert azure.count_accepted("POST", "/regenerateKeys") == 1


@pytest.mark.parametrize("fault", ["drop", "server-error"])
def test_key_regeneration_is_never_sent_twice(azure: Azure, chat: Endpoint, as_ada: Act, fault: str) -> None:
    azure.fault(fault, where="regenerate", when="after")
    operation = as_ada(services.regenerate_key, "Primary")
    assert settle(azure, chat).state == "online"
    operation.refresh_from_db()
    assert (operation.outcome, (operation.error or {})["code"]) == ("error", "OutcomeUnknown")
    assert azure.count("POST", "/regenerateKeys") == 1


def test_key_regeneration_is_not_repeated_after_a_kill(azure: Azure, chat: Endpoint, as_ada: Act) -> None:
    operation = as_ada(services.regenerate_key, "Primary")
    long_ago = timezone.now() - timedelta(minutes=5)
    Operation.objects.filter(pk=operation.pk).update(phase="sending", sends=1, lease=uuid4(), lease_until=long_ago)
    settle(azure, chat)
    operation.refresh_from_db()
    assert (operation.error or {})["code"] == "OutcomeUnknown"
    assert azure.requests("POST", "/regenerateKeys") == []
    assert "Worker stopped responding; resuming with another one." in texts(chat)
