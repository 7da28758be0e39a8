"""Pages of a list: `{"value": [...], "nextLink": "..."}`.

https://github.com/microsoft/api-guidelines/blob/vNext/azure/Guidelines.md#collections
"""

from endpoints.arm.json_fields import JsonObject
from endpoints.arm.origin import resolve


def items_in(page: JsonObject) -> list[JsonObject]:
    """The objects on a page; anything else in its place is skipped."""
    items = page.get("value")
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def next_page(page: JsonObject, base: str) -> str:
    """The URL of the next page, byte for byte, or empty on the last page. Raises ForeignOrigin as `resolve` does."""
    link = page.get("nextLink")
    return resolve(link, base) if isinstance(link, str) and link else ""
