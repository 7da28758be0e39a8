"""List workspaces and register new ones."""

from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts import audit
from accounts.actor import actor_of
from accounts.http import SignedInRequest
from accounts.policy import Action, require
from accounts.tokens import TokenUnavailable
from endpoints.access import readable_workspaces
from endpoints.arm.reads import ArmFailed, ArmReader
from endpoints.arm.resources import GUID_ONLY, RESOURCE_GROUP_ONLY, Subscription, WorkspaceId, WorkspaceResource
from endpoints.arm_clients import reader
from endpoints.models import Workspace
from endpoints.services import register_workspace
from endpoints.watcher import watcher_powers


@dataclass(frozen=True)
class Choice:
    """A workspace that Azure lists."""

    arm_id: str
    name: str
    location: str
    is_registered: bool


@dataclass
class Picker:
    """Azure's lists for a user, level by level; `error` is why a list is missing."""

    subscription: str = ""
    resource_group: str = ""
    subscriptions: list[Subscription] = field(default_factory=list)
    resource_groups: list[str] = field(default_factory=list)
    workspaces: list[Choice] = field(default_factory=list)
    error: str = ""

    def fill(self, arm: ArmReader) -> None:
        """Read the lists in order. Raises ArmFailed, and keeps the lists read before."""
        self.subscriptions = arm.subscriptions()
        if self.subscription:
            self.resource_groups = arm.resource_groups(self.subscription)
        if self.resource_group:
            self.workspaces = _choices(arm.workspaces(self.subscription, self.resource_group))


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
    readable = readable_workspaces(request.user)
    rows = (
        Workspace.objects.filter(pk__in=readable.ids)
        .annotate(endpoint_count=Count("endpoints"))
        .order_by("name", "resource_group")
    )
    return render(request, "endpoints/workspaces.html", {"workspaces": rows, "notice": readable.notice})


@require_http_methods(["GET", "HEAD", "POST"])
@require(Action.REGISTER_WORKSPACE)
def register(request: SignedInRequest) -> HttpResponse:
    if request.method == "POST":
        return _submit(request)
    return _register_page(request, RegisterWorkspaceForm())


def _submit(request: SignedInRequest) -> HttpResponse:
    form = RegisterWorkspaceForm(request.POST)
    if not form.is_valid():
        return _register_page(request, form, status=422)
    arm_id = form.cleaned_data["resource_id"]
    attempt = audit.attempt(
        "workspace-registered",
        actor_of(request),
        target=str(arm_id),
        correlation_id=request.correlation_id,
    )
    try:
        with attempt:
            workspace, is_new = register_workspace(arm_id, actor_of(request))
    except (ArmFailed, TokenUnavailable) as error:
        form.add_error("resource_id", f"The workspace could not be read: {error}")
        return _register_page(request, form, status=422)
    messages.info(request, f"{workspace.name} is {'registered' if is_new else 'already registered'}.")
    for powers in watcher_powers([workspace]):
        if powers.too_much and not settings.WATCHER_MAY_WRITE:
            messages.warning(request, str(powers))
    response = redirect("endpoints:workspaces")
    response.status_code = 303
    return response


def _register_page(request: SignedInRequest, form: RegisterWorkspaceForm, status: int = 200) -> HttpResponse:
    context = {"form": form, "picker": _picker(request)}
    return render(request, "endpoints/register_workspace.html", context, status=status)


def _picker(request: SignedInRequest) -> Picker:
    subscription, group = request.GET.get("subscription", ""), request.GET.get("resource_group", "")
    picker = Picker()
    if GUID_ONLY.fullmatch(subscription):
        picker.subscription = subscription
        picker.resource_group = group if RESOURCE_GROUP_ONLY.fullmatch(group) else ""
    try:
        picker.fill(reader(request.user))
    except (ArmFailed, TokenUnavailable) as error:
        picker.error = str(error)
    return picker


def _choices(resources: list[WorkspaceResource]) -> list[Choice]:
    registered = {workspace.arm_id.lower() for workspace in Workspace.objects.all()}
    return [
        Choice(str(resource.id), resource.id.name, resource.location, str(resource.id).lower() in registered)
        for resource in sorted(resources, key=lambda resource: resource.id.name.lower())
    ]
