"""Icons, times, copy buttons and states, in every template without {% load %}."""

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from django import template
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from endpoints.models import Endpoint
from endpoints.states import State

register = template.Library()
# Each rendered row takes about 2 kB.
MAX_CACHED_ROWS = 5_000
_rendered_rows: dict[tuple[object, ...], SafeString] = {}


@register.simple_tag
@cache
def icon(name: str) -> SafeString:
    """The icon, inlined to take the colour of its text. Screen readers skip it, because text stands beside it."""
    path = finders.find(f"icons/{name}.svg")
    if path is None:
        raise template.TemplateSyntaxError(f"static/icons/{name}.svg does not exist.")
    return mark_safe(Path(str(path)).read_text().strip())  # noqa: S308  (our own files)


@register.simple_tag
def ago(moment: datetime | None) -> SafeString | str:
    """A relative time, which app.js keeps up to date. Its tooltip is the exact time."""
    if moment is None:
        return ""
    seconds = (timezone.now() - moment).total_seconds()
    return format_html(
        '<time datetime="{}" title="{}" data-ago>{}</time>', moment.isoformat(), _exact(moment), elapsed(seconds)
    )


@register.simple_tag
def since(moment: datetime | None) -> SafeString | str:
    """The same for cached HTML: the exact time, which app.js replaces by the relative one."""
    if moment is None:
        return ""
    exact = _exact(moment)
    return format_html('<time datetime="{}" title="{}" data-ago>{}</time>', moment.isoformat(), exact, exact)


@register.simple_tag
def row(endpoint: Endpoint) -> SafeString:
    """The row of an endpoint, cached by its version, because most rows do not change between two pages."""
    workspace, owner = endpoint.workspace, endpoint.owner
    owner_names = (owner.name, owner.username) if owner else ()
    key = (endpoint.pk, endpoint.version, workspace.name, workspace.location, owner_names, endpoint.unconfirmed)
    html = _rendered_rows.get(key)
    if html is None:
        html = render_to_string("endpoints/row.html", {"endpoint": endpoint})
        if len(_rendered_rows) >= MAX_CACHED_ROWS:
            _rendered_rows.clear()
        _rendered_rows[key] = html
    return html


@register.simple_tag
def absolute(moment: datetime | None) -> SafeString | str:
    if moment is None:
        return ""
    return format_html('<time datetime="{}">{}</time>', moment.isoformat(), _exact(moment))


@register.inclusion_tag("components/copy.html")
def copy(value: str, label: str, key: str = "") -> dict[str, str]:
    """A button "Copy {label}". With a `key` it has an id, so that it keeps the focus when the page is morphed."""
    return {"value": value, "label": label, "key": key}


@register.inclusion_tag("components/state.html")
def state(value: str) -> dict[str, State]:
    return {"state": State(value)}


@register.filter
def is_moment(value: Any) -> bool:
    return isinstance(value, datetime)


@register.filter
def listed(value: Any) -> Any:
    """A list, separated by commas."""
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else value


def elapsed(seconds: float) -> str:
    """A relative time such as "4 min ago". `elapsed` in static/js/app.js formats it alike."""
    if seconds < 5:
        return "just now"
    for limit, size, unit in ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // size)} {unit} ago"
    days = int(seconds // 86_400)
    return f"{days} day ago" if days == 1 else f"{days} days ago"


def _exact(moment: datetime) -> str:
    return f"{moment:%-d %b %Y, %H:%M:%S} UTC"
