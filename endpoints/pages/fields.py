"""Form fields for all pages."""

from typing import Any

from django import forms


def text_field(
    label: str, *, help_text: str = "", required: bool = False, max_length: int = 255, **more: Any
) -> forms.CharField:
    attributes = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none", **more.pop("attrs", {})}
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=required,
        max_length=max_length,
        widget=forms.TextInput(attrs=attributes),
        **more,
    )
