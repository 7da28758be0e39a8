"""The control page: faults, the clock, people, the journal and the options."""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods

from emulator import clock, faults, journal, state
from emulator.arm.errors import ArmError
from emulator.arm.plans import MAGIC_NAMES
from emulator.control.api import revoke_now, start_over
from emulator.control.resources import Act, perform
from emulator.directory import APPLICATIONS, PEOPLE, person_by_oid
from emulator.fault_kinds import KINDS, TARGETS
from emulator.faults import Scope
from emulator.numbers import whole_number
from emulator.options import OPTIONS, options
from emulator.seed import WORKSPACES

STYLE = Path(__file__).parent.parent / "static" / "style.css"
SHOWN_REQUESTS = 60
EXAMPLE = f"{WORKSPACES[0].resource_id}/serverlessEndpoints/theirs"
EXAMPLE_MODEL = "azureml://registries/azureml/models/Phi-4"
SCOPE = tuple(part.name for part in fields(Scope) if part.name != "match")


@dataclass(frozen=True)
class ActOfOthers:
    method: str
    body: dict[str, Any]
    about: str


ACTS = {
    "create": ActOfOthers("PUT", {"properties": {"modelSettings": {"modelId": EXAMPLE_MODEL}}}, "create an endpoint"),
    "tag": ActOfOthers("PATCH", {"tags": {"by": "others"}}, "change the tags of an endpoint"),
    "suspend": ActOfOthers("PATCH", {"properties": {"endpointState": "Suspended"}}, "suspend an endpoint"),
    "reinstate": ActOfOthers("PATCH", {"properties": {"endpointState": "Online"}}, "reinstate an endpoint"),
    "unsubscribe": ActOfOthers(
        "PATCH",
        {"properties": {"marketplaceSubscriptionStatus": "Unsubscribed"}},
        "cancel a marketplace subscription",
    ),
    "add": ActOfOthers("PUT", {}, "create a subscription, resource group or workspace"),
    "delete": ActOfOthers("DELETE", {}, "delete anything"),
}


@require_GET
def to_page(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect("/emulator/")


@require_GET
def style(request: HttpRequest) -> HttpResponse:
    return HttpResponse(STYLE.read_text("utf-8"), content_type="text/css; charset=utf-8")


@require_http_methods(["GET", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    problem = _act(request.POST) if request.method == "POST" else ""
    if request.method == "POST" and not problem:
        return HttpResponseRedirect(request.path)
    low, high = options().provisioning_seconds
    context = {
        "faults": faults.switched_on(),
        "kinds": {name: (kind, _written(kind.settings)) for name, kind in KINDS.items()},
        "where": TARGETS,
        "scope": [(name, request.POST.get(name, "")) for name in SCOPE],
        "now": clock.iso(clock.now())[:19].replace("T", " "),
        "people": PEOPLE,
        "applications": APPLICATIONS,
        "revoked": set(state.state().revoked_at),
        "requests": journal.newest_first(SHOWN_REQUESTS),
        "selected": _selected(request.GET.get("request", "")),
        "magic_names": MAGIC_NAMES,
        "seconds": f"{low:g}" if low == high else f"{low:g} to {high:g}",
        "options": OPTIONS,
        "acts": ACTS,
        "example": EXAMPLE,
        "problem": problem,
        "typed": request.POST,
    }
    return render(request, "emulator/page.html", context, status=400 if problem else 200)


def _selected(number: str) -> dict[str, Any] | None:
    entry_number = whole_number(number)
    entries = [] if entry_number is None else journal.details(entry_number)
    return entries[0] if entries else None


def _act(form: QueryDict) -> str:
    """Carry out the action of a button; returns the problem, if there is one."""
    person, seconds, number = (str(form.get(name, "")) for name in ("person", "seconds", "id"))
    match form.get("do"):
        case "reset":
            start_over()
        case "off" if (removed := whole_number(number)) is not None:
            faults.switch_off(removed)
        case "revoke" if person_by_oid(person):
            revoke_now(person)
        case "advance" if seconds in {"60", "3600"}:
            state.advance_clock(float(seconds))
        case "on":
            return _switch_on(form)
        case "act" if form.get("act") in ACTS:
            return _act_as_others(form)
        case other:
            return f"Unknown action '{other}', or not with these values."
    return ""


def _act_as_others(form: QueryDict) -> str:
    chosen = ACTS[str(form.get("act"))]
    resource_id, by = (str(form.get(name, "")).strip() for name in ("resource", "by"))
    try:
        perform(Act(chosen.method, resource_id, chosen.body, by))
    except (ArmError, ValueError) as error:
        return str(error)
    return ""


def _switch_on(form: QueryDict) -> str:
    spec: dict[str, Any] = {name: str(form.get(name, "")).strip() for name in ("kind", "where", *SCOPE)}
    if times := str(form.get("times", "")).strip():
        number = whole_number(times)
        spec["times"] = times if number is None else number
    try:
        faults.switch_on(spec | _read(str(form.get("settings", ""))))
    except faults.InvalidFault as error:
        return str(error)
    return ""


def _read(text: str) -> dict[str, Any]:
    """Read settings such as `status=503, code=Busy`."""
    settings: dict[str, Any] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, equals, value = part.partition("=")
        if not equals:
            raise faults.InvalidFault(f"'{part}' is not a setting. Write, for example, status=503, retry_after=10.")
        try:
            settings[name.strip()] = json.loads(value)
        except ValueError:
            settings[name.strip()] = value.strip()
    return settings


def _written(settings: dict[str, Any]) -> str:
    """Write settings as `_read` reads them."""
    return ", ".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in settings.items()
    )
