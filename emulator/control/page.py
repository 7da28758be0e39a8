"""The page for people: faults to switch on, who is there, what came in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods

from emulator import faults, journal, state
from emulator.arm.operations import MAGIC_NAMES
from emulator.control.api import revoke_now, start_over
from emulator.directory import PEOPLE
from emulator.options import options

_STYLE = Path(__file__).parent.parent / "static" / "style.css"
_SHOWN_REQUESTS = 60


@require_GET
def to_page(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect("/emulator/")


@require_GET
def style(request: HttpRequest) -> HttpResponse:
    return HttpResponse(_STYLE.read_text("utf-8"), content_type="text/css; charset=utf-8")


@require_http_methods(["GET", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    problem = _act(request) if request.method == "POST" else ""
    if request.method == "POST" and not problem:
        return HttpResponseRedirect(request.path)
    low, high = options().provisioning_seconds
    context = {
        "faults": faults.switched_on(),
        "kinds": faults.KINDS,
        "where": faults.WHERE,
        "people": PEOPLE,
        "revoked": set(state.state().revoked_at),
        "requests": journal.newest_first(_SHOWN_REQUESTS),
        "magic_names": MAGIC_NAMES,
        "seconds": f"{low:g}" if low == high else f"{low:g} to {high:g}",
        "problem": problem,
        "typed": request.POST,
    }
    return render(request, "emulator/page.html", context, status=400 if problem else 200)


def _act(request: HttpRequest) -> str:
    """Do what the button says; returns what is wrong with it."""
    form = request.POST
    match form.get("do"):
        case "reset":
            start_over()
        case "off":
            faults.switch_off(int(form["id"]) if form.get("id", "").isdigit() else None)
        case "revoke":
            revoke_now(form.get("person", ""))
        case "on":
            return _switch_on(form.get("kind", ""), form.get("where", ""), form.get("match", ""), form.get("times", ""))
        case other:
            return f"There is nothing called '{other}' to do here."
    return ""


def _switch_on(kind: str, where: str, match: str, times: str) -> str:
    wish: dict[str, Any] = {"kind": kind, "where": where or None, "match": match.strip()}
    if times.strip():
        wish["times"] = int(times) if times.strip().isdigit() else times
    try:
        faults.switch_on(wish)
    except faults.Refused as error:
        return str(error)
    return ""
