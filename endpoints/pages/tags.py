"""Tags of a resource as rows of a form: a key and a value each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

# ARM's limits for every resource.
MAX_TAGS, MAX_KEY_LENGTH, MAX_VALUE_LENGTH = 15, 512, 256
ROWS_TO_START_WITH = 2

Pair = tuple[str, str]


@dataclass(frozen=True)
class TagRow:
    index: int
    key: str
    value: str
    key_error: str = ""
    value_error: str = ""


class TagsInput(forms.Widget):
    """Reads the repeated inputs `tag_key` and `tag_value`; the template draws them."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[Pair]:
        keys = data.getlist("tag_key") if hasattr(data, "getlist") else []
        values = data.getlist("tag_value") if hasattr(data, "getlist") else []
        values += [""] * (len(keys) - len(values))
        return [(key.strip(), value.strip()) for key, value in zip(keys, values, strict=False)]


class TagsField(forms.Field):
    """Rows in, a dictionary out. Each error carries the row it belongs to in `params`."""

    widget = TagsInput

    def clean(self, value: Any) -> dict[str, str]:
        pairs: Sequence[Pair] = value or []
        errors = [error for row, pair in enumerate(pairs) for error in _errors(row, pair, pairs)]
        tags = {key: text for key, text in pairs if key}
        if len(tags) > MAX_TAGS:
            errors.append(ValidationError(f"Azure takes {MAX_TAGS} tags at most; there are {len(tags)}."))
        if errors:
            raise ValidationError(errors)
        return tags


def tag_rows(pairs: Sequence[Pair], errors: Sequence[ValidationError], *, spare: int = 0) -> list[TagRow]:
    """The rows to draw: those with something in them, their errors, and empty ones after them."""
    told = {(error.code, error.params["row"]): str(error.messages[0]) for error in errors if error.params}
    rows = [
        TagRow(index, key, value, told.get(("key", index), ""), told.get(("value", index), ""))
        for index, (key, value) in enumerate(pairs)
    ]
    empty = max(ROWS_TO_START_WITH - len(rows), spare)
    rows += [TagRow(len(rows) + number, "", "") for number in range(empty)]
    return rows[: max(MAX_TAGS, len(pairs))]


def _errors(row: int, pair: Pair, pairs: Sequence[Pair]) -> list[ValidationError]:
    key, value = pair
    errors = []
    if value and not key:
        errors.append(_error(row, "key", f"Give the tag with the value “{value[:40]}” a key, or empty the value."))
    if len(key) > MAX_KEY_LENGTH:
        errors.append(_error(row, "key", f"Shorten the key of tag {row + 1} to {MAX_KEY_LENGTH} characters."))
    if len(value) > MAX_VALUE_LENGTH:
        errors.append(_error(row, "value", f"Shorten the value of tag {row + 1} to {MAX_VALUE_LENGTH} characters."))
    if key and any(key.lower() == other.lower() for other, _ in pairs[:row]):
        errors.append(_error(row, "key", f"The key “{key[:40]}” is there twice. Azure compares keys without case."))
    return errors


def _error(row: int, part: str, text: str) -> ValidationError:
    return ValidationError(text, code=part, params={"row": row})
