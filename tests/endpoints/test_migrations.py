"""Migrations keep the rows that exist, forwards and backwards."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.apps.registry import Apps
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

BEFORE = ("endpoints", "0002_operations_of_every_kind")
AFTER = ("endpoints", "0003_field_terms")
NOW = timezone.now()
# Of the columns that 0003 renames.
VALUES = {"location": "eastus2"}, "ada@example.com", NOW, True, True

Migrate = Callable[[tuple[str, str]], Apps]


@pytest.fixture
def migrate(transactional_db: None) -> Iterator[Migrate]:
    """Migrate the database of the test; returns the models as they were at that migration."""

    def migrate(target: tuple[str, str]) -> Apps:
        executor = MigrationExecutor(connection)
        apps = executor.migrate([target]).apps
        assert isinstance(apps, Apps)
        return apps

    yield migrate
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def model(apps: Apps, label: str) -> Any:
    """A model as it was then, which type checkers do not know."""
    return apps.get_model(label)


def create_operations(apps: Apps) -> None:
    """One operation of kind look and one of kind create, in the columns of 0002."""
    user = model(apps, "accounts.User").objects.create(tid="t", oid="o", username="ada@example.com")
    workspace = model(apps, "endpoints.Workspace").objects.create(
        subscription_id=str(uuid4()), resource_group="rg", name="ml", location="eastus2", registered_at=NOW
    )
    for kind in ("look", "create"):
        endpoint = model(apps, "endpoints.Endpoint").objects.create(
            workspace=workspace,
            name=kind,
            owner=user,
            asked={"location": "eastus2"},
            created_at=NOW,
            state_since=NOW,
            changed_at=NOW,
        )
        model(apps, "endpoints.Operation").objects.create(
            endpoint=endpoint,
            kind=kind,
            submission_id=uuid4(),
            asked_by=user,
            asked_at=NOW,
            wants_fresh_token=True,
            paced_by_azure=True,
            error={"code": "HeldOtherwise", "message": "", "status": 0, "raw": {}},
        )


def rows(apps: Apps, *columns: str) -> list[tuple[Any, ...]]:
    return list(model(apps, "endpoints.Operation").objects.order_by("-kind").values_list(*columns))


def test_field_terms_keep_operations(migrate: Migrate) -> None:
    create_operations(migrate(BEFORE))
    columns = "endpoint__requested", "requested_by__username", "requested_at", "force_token_refresh", "has_retry_after"
    assert rows(migrate(AFTER), "kind", *columns) == [("refresh", *VALUES), ("create", *VALUES)]


def test_field_terms_rename_stored_error_codes(migrate: Migrate) -> None:
    create_operations(migrate(BEFORE))
    assert rows(migrate(AFTER), "error__code") == [("ModelMismatch",)] * 2
    assert rows(migrate(BEFORE), "error__code") == [("HeldOtherwise",)] * 2


def test_field_terms_can_be_reversed(migrate: Migrate) -> None:
    create_operations(migrate(BEFORE))
    migrate(AFTER)
    columns = "endpoint__asked", "asked_by__username", "asked_at", "wants_fresh_token", "paced_by_azure"
    assert rows(migrate(BEFORE), "kind", *columns) == [("look", *VALUES), ("create", *VALUES)]
