"""Tags of a resource as rows of a form, each with a key and a value."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

# The limits of ARM's contract with services. Microsoft's page allows 50 tags, which a service need not support:
# https://github.com/cloud-and-ai-microsoft/resource-provider-contract/blob/master/v1.0/resource-api-reference.md
# https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/tag-resources#limitations
MAX_TAGS, MAX_KEY_LENGTH, MAX_VALUE_LENGTH = 15, 512, 256
MIN_ROWS = 2

Pair = tuple[str, str]


@dataclass(frozen=True)
class TagRow:
    index: int
    key: str
    value: str
    key_error: str = ""
    value_error: str = ""


class TagsInput(forms.Widget):
    """Reads the repeated inputs `tag_key` and `tag_value`. The template of the page renders them."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[Pair]:
        keys = data.getlist("tag_key") if hasattr(data, "getlist") else []
        values = data.getlist("tag_value") if hasattr(data, "getlist") else []
        values += [""] * (len(keys) - len(values))
        return [(key.strip(), value.strip()) for key, value in zip(keys, values, strict=False)]


class TagsField(forms.Field):
    """Turns rows into a dict. The `params` of an error name its row."""

    widget = TagsInput

    def clean(self, value: Any) -> dict[str, str]:
        pairs: Sequence[Pair] = value or []
        errors = [error for row, pair in enumerate(pairs) for error in _errors(row, pair, pairs)]
        tags = {key: text for key, text in pairs if key}
        if len(tags) > MAX_TAGS:
            errors.append(ValidationError(f"Remove some tags: Azure allows {MAX_TAGS}, and there are {len(tags)}."))
        if errors:
            raise ValidationError(errors)
        return tags


def tag_rows(pairs: Sequence[Pair], errors: Sequence[ValidationError], *, spare: int = 0) -> list[TagRow]:
    """The rows to show: those with a key or value, with their errors, then empty ones."""
    messages = {(error.code, error.params["row"]): str(error.messages[0]) for error in errors if error.params}
    rows = [
        TagRow(index, key, value, messages.get(("key", index), ""), messages.get(("value", index), ""))
        for index, (key, value) in enumerate(pairs)
    ]
    empty = max(MIN_ROWS - len(rows), spare)
    rows += [TagRow(len(rows) + number, "", "") for number in range(empty)]
    return rows[: max(MAX_TAGS, len(pairs))]


def _errors(row: int, pair: Pair, pairs: Sequence[Pair]) -> list[ValidationError]:
    key, value = pair
    errors = []
    if value and not key:
        errors.append(_error(row, "key", f"Enter a key for the value “{value[:40]}”, or remove the value."))
    if len(key) > MAX_KEY_LENGTH:
        errors.append(_error(row, "key", f"Shorten the key of tag {row + 1} to {MAX_KEY_LENGTH} characters."))
    if len(value) > MAX_VALUE_LENGTH:
        errors.append(_error(row, "value", f"Shorten the value of tag {row + 1} to {MAX_VALUE_LENGTH} characters."))
    if key and any(key.lower() == other.lower() for other, _ in pairs[:row]):
        errors.append(_error(row, "key", f"Remove the duplicate key “{key[:40]}”. Azure ignores case in keys."))
    return errors


def _error(row: int, part: str, text: str) -> ValidationError:
    return ValidationError(text, code=part, params={"row": row})
