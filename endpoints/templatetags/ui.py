"""Small things that every template may use: icons, times, copy buttons, states."""

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
# Drawn rows of this process: some 2 kB each.
MAX_ROWS = 5_000
_rows: dict[tuple[object, ...], SafeString] = {}


@register.simple_tag
@cache
def icon(name: str) -> SafeString:
    """The icon inlined, in the colour of the text around it, and silent: what it says stands beside it."""
    path = finders.find(f"icons/{name}.svg")
    if path is None:
        raise template.TemplateSyntaxError(f"There is no static/icons/{name}.svg.")
    return mark_safe(Path(str(path)).read_text().strip())  # noqa: S308  (our own files)


@register.simple_tag
def ago(moment: datetime | None) -> SafeString | str:
    """How long ago, kept up to date by the browser; the exact time on hover."""
    if moment is None:
        return ""
    seconds = (timezone.now() - moment).total_seconds()
    return format_html(
        '<time datetime="{}" title="{}" data-ago>{}</time>', moment.isoformat(), _exact(moment), elapsed(seconds)
    )


@register.simple_tag
def since(moment: datetime | None) -> SafeString | str:
    """The same in a page that is kept: the exact time, which the browser turns into how long ago that is."""
    if moment is None:
        return ""
    exact = _exact(moment)
    return format_html('<time datetime="{}" title="{}" data-ago>{}</time>', moment.isoformat(), exact, exact)


@register.simple_tag
def row(endpoint: Endpoint) -> SafeString:
    """The row of an endpoint, drawn once for each version of it: most rows of most pages did not change."""
    workspace, owner = endpoint.workspace, endpoint.owner
    drawn_from = (endpoint.pk, endpoint.version, workspace.name, workspace.location, owner.name, owner.username)
    html = _rows.get(drawn_from)
    if html is None:
        html = render_to_string("endpoints/row.html", {"endpoint": endpoint})
        if len(_rows) >= MAX_ROWS:
            _rows.clear()
        _rows[drawn_from] = html
    return html


@register.simple_tag
def absolute(moment: datetime | None) -> SafeString | str:
    if moment is None:
        return ""
    return format_html('<time datetime="{}">{}</time>', moment.isoformat(), _exact(moment))


@register.inclusion_tag("components/copy.html")
def copy(value: str, label: str, key: str = "") -> dict[str, str]:
    """A button that copies `value`; `label` says what that is, `key` keeps its id from one poll to the next."""
    return {"value": value, "label": label, "key": key}


@register.inclusion_tag("components/state.html")
def state(value: str) -> dict[str, State]:
    return {"state": State(value)}


@register.filter
def is_moment(value: Any) -> bool:
    return isinstance(value, datetime)


@register.filter
def listed(value: Any) -> Any:
    """A list as people write it."""
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else value


def elapsed(seconds: float) -> str:
    """Like "4 min ago"; `static/js/app.js` counts on in the same words."""
    if seconds < 5:
        return "just now"
    for limit, size, unit in ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // size)} {unit} ago"
    days = int(seconds // 86_400)
    return f"{days} day ago" if days == 1 else f"{days} days ago"


def _exact(moment: datetime) -> str:
    return f"{moment:%-d %b %Y, %H:%M:%S} UTC"
