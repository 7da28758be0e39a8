"""A column that holds the JSON of a serverless endpoint and reads as its type."""

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Expression

from endpoints.arm.serverless_endpoint import ServerlessEndpoint


class ResourceField(models.JSONField):
    """Keeps ARM's JSON whole: `ServerlessEndpoint` loses nothing of what it reads."""

    def deconstruct(self) -> Any:
        name, _, args, kwargs = super().deconstruct()
        # An empty resource is the default of the model; a migration never adds it to a row.
        kwargs.pop("default", None)
        # A column like every other JSONField, so that a migration needs nothing of this module.
        return name, "django.db.models.JSONField", args, kwargs

    def from_db_value(
        self, value: str | None, expression: Expression, connection: BaseDatabaseWrapper
    ) -> ServerlessEndpoint | None:
        return self.to_python(super().from_db_value(value, expression, connection))

    def to_python(self, value: Any) -> ServerlessEndpoint | None:
        return ServerlessEndpoint.from_json(value) if isinstance(value, dict) else value

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        return super().get_db_prep_value(_as_json(value), connection, prepared)

    def value_to_string(self, obj: models.Model) -> Any:
        return _as_json(self.value_from_object(obj))


def _as_json(value: Any) -> Any:
    return value.to_json() if isinstance(value, ServerlessEndpoint) else value
