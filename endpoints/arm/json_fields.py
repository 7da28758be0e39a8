"""Dataclasses over JSON objects that lose nothing of what they read.

A field has its default while the JSON has no value of its type. What no field can hold stays in `extra`: unknown
fields, wrongly typed values, nulls and empty values.
"""

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, Self, TypeVar

JsonObject = dict[str, Any]


@dataclass(frozen=True)
class ArmObject:
    """A JSON object. Subclasses declare its fields with `text`, `integer`, `texts`, `nested` and `json_field`."""

    extra: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    key_order: tuple[str, ...] = field(default=(), kw_only=True, repr=False, compare=False)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read any JSON object. Never raises, and `to_json` returns an equal object."""
        declared = _declared_fields(cls)
        values: JsonObject = {}
        extra: JsonObject = {}
        for key, value in data.items():
            known = declared.get(key)
            if known is None or value == known.empty or (read := known.read(value)) is None:
                extra[key] = value
            else:
                values[known.name] = read
        return cls(**values, extra=extra, key_order=tuple(data))

    def to_json(self) -> JsonObject:
        """Write what is set, in the order in which it was read, else in that of the class."""
        whole = self._written_fields()
        whole.update((key, value) for key, value in self.extra.items() if key not in whole)
        return {key: whole[key] for key in (*self.key_order, *whole) if key in whole}

    def has(self, name: str) -> bool:
        """Whether the JSON has the field with this Python name, even if only as null or with an empty value."""
        (key,) = (key for key, known in _declared_fields(type(self)).items() if known.name == name)
        return key in self.extra or key in self._written_fields()

    def _written_fields(self) -> JsonObject:
        declared = _declared_fields(type(self))
        written = {key: _written(getattr(self, known.name)) for key, known in declared.items()}
        return {key: value for key, value in written.items() if value != declared[key].empty}


T = TypeVar("T")
Nested = TypeVar("Nested", bound=ArmObject)


def json_field(key: str, read: Callable[[Any], T | None], default: T, *, is_secret: bool = False) -> T:
    """Declare the field for a key. `read` returns None if the field cannot hold the value."""
    metadata = {"key": key, "read": read}
    if isinstance(default, dict):
        return field(default_factory=partial(copy, default), metadata=metadata)
    return field(default=default, metadata=metadata, repr=not is_secret)


def text(key: str, *, is_secret: bool = False) -> str:
    return json_field(key, read_text, "", is_secret=is_secret)


def integer(key: str) -> int | None:
    return json_field(key, read_integer, None)


def texts(key: str) -> Mapping[str, str]:
    return json_field(key, read_texts, {})


def nested(key: str, of: type[Nested]) -> Nested:
    return json_field(key, reader_of(of), of())


def read_text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def read_integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def read_texts(value: Any) -> Mapping[str, str] | None:
    return read_mapping(value, lambda item: isinstance(item, str))


def read_mapping(value: Any, fits: Callable[[Any], bool]) -> JsonObject | None:
    """A copy of a JSON object in which every value fits."""
    return dict(value) if isinstance(value, dict) and all(map(fits, value.values())) else None


def reader_of(of: type[Nested]) -> Callable[[Any], Nested | None]:
    return lambda value: of.from_json(value) if isinstance(value, dict) else None


@dataclass(frozen=True)
class _DeclaredField:
    name: str
    read: Callable[[Any], Any]
    empty: Any  # the default, as JSON


# By class, then by JSON key. functools.cache would do, but mypy takes no class as hashable:
# https://github.com/python/mypy/issues/11470
_DECLARED_FIELDS: dict[type[ArmObject], dict[str, _DeclaredField]] = {}


def _declared_fields(of: type[ArmObject]) -> dict[str, _DeclaredField]:
    if of not in _DECLARED_FIELDS:
        unset = of()
        _DECLARED_FIELDS[of] = {
            item.metadata["key"]: _DeclaredField(item.name, item.metadata["read"], _written(getattr(unset, item.name)))
            for item in fields(of)
            if item.metadata
        }
    return _DECLARED_FIELDS[of]


def _written(value: Any) -> Any:
    if isinstance(value, str):  # most are, and the check for a Mapping is slow
        return value
    if isinstance(value, ArmObject):
        return value.to_json()
    return {key: _written(item) for key, item in value.items()} if isinstance(value, Mapping) else value
