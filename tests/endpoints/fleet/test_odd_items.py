"""Lists with items of another shape than the API defines: none is taken for a change, or for proof of absence."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from endpoints.arm.json_fields import JsonObject
from endpoints.fleet.listing import Listing, listing_of
from endpoints.fleet.reconcile import reconcile
from endpoints.fleet.sighting import Sighting
from endpoints.models import Endpoint
from tests.support.arm_responses import arm_response
from tests.support.creation import PHI, texts


def item(**fields: Any) -> JsonObject:
    properties = {"provisioningState": "Succeeded", "endpointState": "Online", "modelSettings": {"modelId": PHI}}
    return {"properties": properties, **fields}


def list_again(endpoint: Endpoint, *items: Any, times: int = 2) -> Endpoint:
    """Apply a list of these items several times, ten seconds apart."""
    for number in range(1, times + 1):
        now = timezone.now() + timedelta(seconds=10 * number)
        listing = listing_of([arm_response(200, {"value": [*items]})], endpoint.workspace.arm_id)
        assert isinstance(listing, Listing)
        reconcile(endpoint.workspace, listing.items, Sighting(now, endpoint.listed_as, now))
    endpoint.refresh_from_db()
    return endpoint


@pytest.mark.parametrize(
    "change",
    [
        lambda whole: {"name": whole["name"], "id": whole["id"]},
        lambda whole: {**whole, "properties": None},
        lambda whole: {**whole, "properties": "none"},
        lambda whole: {**whole, "name": 7},
        lambda whole: {key: value for key, value in whole.items() if key != "name"},
        lambda whole: {key: value for key, value in whole.items() if key not in {"name", "id"}},
        lambda whole: whole["name"],
        lambda whole: None,
    ],
    ids=["no properties", "null", "text", "number as name", "no name", "no name or id", "no object", "nothing"],
)
def test_odd_item_of_an_endpoint_changes_nothing(listed: Endpoint, change: Callable[[JsonObject], Any]) -> None:
    assert listed.observed
    before = texts(listed)
    endpoint = list_again(listed, change(listed.observed.to_json()), item(name="other"))
    assert (endpoint.state, endpoint.drift, endpoint.missing_since) == ("online", None, None)
    assert texts(endpoint) == before


@pytest.mark.parametrize(
    ("items", "names"),
    [
        ([item(name="Twin"), item(name="twin")], ["twin"]),
        ([item(name="n" * 300)], ["n" * 255]),
        ([{"name": "bare", "properties": 5, "systemData": [], "tags": 1}], ["bare"]),
        ([item(name="half\ud800", tags={"\0": "\0"})], ["half?"]),
        ([item(name=7, id="/serverlessEndpoints/by-id"), "text", None], ["by-id"]),
    ],
    ids=["two cases", "long name", "wrong types", "unstorable", "name from the id"],
)
def test_odd_items_stop_no_other(ada: Client, listed: Endpoint, items: list[Any], names: list[str]) -> None:
    assert listed.observed
    list_again(listed, listed.observed.to_json(), *items)
    others = Endpoint.objects.exclude(pk=listed.pk)
    assert [endpoint.name for endpoint in others] == names
    assert all(ada.get(endpoint.get_absolute_url()).status_code == 200 for endpoint in others)
