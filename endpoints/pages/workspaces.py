"""List workspaces and register new ones."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import limits
from accounts.actor import actor_of
from accounts.http import SignedInRequest
from accounts.policy import Action, require
from endpoints import access
from endpoints.arm.resources import WorkspaceId
from endpoints.models import Workspace
from endpoints.pages.see_other import see_other
from endpoints.pages.workspace_lists import Candidates, NewWorkspaces, Registered
from endpoints.watcher import watcher_powers
from endpoints.workspaces import Registration, register_workspaces

# The watcher's powers are asked for in so many of the workspaces that are registered together.
MAX_WATCHED = 3


class RegisterWorkspaceForm(forms.Form):
    resource_id = forms.CharField(
        label="Resource id",
        max_length=500,
        help_text="In the Azure portal, open the workspace, then JSON View, and copy Resource ID.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": "Enter a resource id."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})

    def clean_resource_id(self) -> WorkspaceId:
        try:
            return WorkspaceId.parse(self.cleaned_data["resource_id"])
        except ValueError:
            raise ValidationError(
                "Enter the resource id of an Azure Machine Learning workspace, such as /subscriptions/…"
                "/resourceGroups/…/providers/Microsoft.MachineLearningServices/workspaces/…."
            ) from None


@require_safe
@require(Action.VIEW_ENDPOINTS)
def workspaces(request: SignedInRequest) -> HttpResponse:
    access.prepare(request.user)
    new = NewWorkspaces.of(request.user) if request.user.may_register_workspaces else None
    context = {
        "registered": Registered.of(request.user, request.GET),
        "new": new,
        "notices": access.notices(request.user),
    }
    return render(request, "endpoints/workspaces.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@require(Action.REGISTER_WORKSPACE)
def register(request: SignedInRequest) -> HttpResponse:
    if request.method != "POST":
        return _register_page(request, RegisterWorkspaceForm())
    if "chosen" in request.POST:
        return _submit_chosen(request)
    return _submit_pasted(request)


@require_POST
@require(Action.REGISTER_WORKSPACE)
def find(request: SignedInRequest) -> HttpResponseBase:
    """Have Azure list all workspaces again."""
    limits.hit(limits.RateLimit.CHECKS, str(request.user.pk), actor_of(request), target=request.path)
    access.make_due(request.user)
    messages.info(request, "Checking Azure. New workspaces appear here in a moment: reload the page.")
    return see_other("endpoints:register_workspace")


def _submit_pasted(request: SignedInRequest) -> HttpResponse:
    form = RegisterWorkspaceForm(request.POST)
    if not form.is_valid():
        return _register_page(request, form, status=422)
    (registration,) = register_workspaces([form.cleaned_data["resource_id"]], actor_of(request))
    if registration.workspace is None:
        form.add_error("resource_id", f"The workspace could not be read: {registration.problem}")
        return _register_page(request, form, status=422)
    state = "registered" if registration.is_new else "already registered"
    messages.info(request, f"{registration.workspace.name} is {state}.")
    _warn_about_watcher(request, [registration.workspace])
    return see_other("endpoints:workspaces")


def _submit_chosen(request: SignedInRequest) -> HttpResponse:
    ids = [found for text in request.POST.getlist("chosen") if (found := WorkspaceId.try_parse(text))]
    registrations = register_workspaces(ids, actor_of(request))
    if not ids:
        messages.error(request, "Choose at least one workspace.")
    _report(request, registrations)
    _warn_about_watcher(request, [one.workspace for one in registrations if one.workspace][:MAX_WATCHED])
    has_failed = any(one.problem for one in registrations)
    return see_other("endpoints:register_workspace" if has_failed or not ids else "endpoints:workspaces")


def _report(request: HttpRequest, registrations: list[Registration]) -> None:
    new = [one for one in registrations if one.is_new]
    if len(new) == 1:
        messages.info(request, f"{new[0].workspace} is registered.")
    elif new:
        messages.info(request, f"{len(new)} workspaces are registered.")
    for registration in registrations:
        if registration.problem:
            messages.error(request, f"{registration.id.name} is not registered: {registration.problem}")
    if not registrations:
        messages.warning(request, "Choose a workspace first.")


def _warn_about_watcher(request: HttpRequest, workspaces: Collection[Workspace]) -> None:
    for powers in watcher_powers(workspaces):
        if powers.too_much and not settings.WATCHER_MAY_WRITE:
            messages.warning(request, str(powers))


def _register_page(request: SignedInRequest, form: RegisterWorkspaceForm, status: int = 200) -> HttpResponse:
    access.prepare(request.user)
    context = {
        "form": form,
        "candidates": Candidates.of(request.user, request.GET),
        "notices": [one for one in access.notices(request.user) if one.kind == access.NoticeKind.UNREACHABLE],
    }
    return render(request, "endpoints/register_workspace.html", context, status=status)
