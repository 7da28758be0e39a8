"""The page of one workspace: what it holds, how its last read went, its findings, and unregistering it."""

from typing import Any
from urllib.parse import quote
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import limits
from accounts.actor import actor_of
from accounts.http import SignedInRequest
from accounts.models import User
from accounts.policy import Action, require
from endpoints import access, clock
from endpoints.models import Endpoint, Finding, MarketplaceSubscription, Workspace, WorkspaceRead
from endpoints.pages.fields import text_field
from endpoints.pages.findings import PORTAL, rows
from endpoints.pages.see_other import see_other
from endpoints.pages.workspace_lists import counts_of, subscription_names
from endpoints.wake import wake_reader_on_commit
from endpoints.workspaces import Running, unregister_workspace

MAX_ROWS = 50


class UnregisterForm(forms.Form):
    """Requires the workspace's name if it holds endpoints."""

    def __init__(self, workspace: Workspace, data: Any = None) -> None:
        super().__init__(data, label_suffix="")
        self.workspace = workspace
        if workspace.endpoints.exists():
            self.fields["typed_name"] = text_field(f"Type {workspace.name} to unregister it", required=True)

    def clean_typed_name(self) -> str:
        typed: str = self.cleaned_data["typed_name"].strip()
        if typed != self.workspace.name:
            raise ValidationError(f"The name does not match. Type {self.workspace.name} to unregister it.")
        return typed


@require_safe
@require(Action.VIEW_ENDPOINTS)
def workspace(request: SignedInRequest, workspace_id: UUID) -> HttpResponse:
    shown = workspace_or_404(request.user, workspace_id)
    findings = Finding.objects.filter(workspace=shown).order_by("since", "pk")
    endpoints = Endpoint.objects.filter(workspace=shown).select_related("owner").defer("observed", "requested")
    context = {
        "workspace": shown,
        "read": WorkspaceRead.objects.filter(workspace=shown).first(),
        "counts": counts_of([shown])[shown.pk],
        "endpoint_count": endpoints.count(),
        "endpoints": endpoints.order_by("urgency", "name", "id")[:MAX_ROWS],
        "findings": rows(findings[:MAX_ROWS], request.user),
        "finding_count": findings.count(),
        "subscriptions": MarketplaceSubscription.objects.filter(workspace=shown).order_by("name"),
        "subscription_name": subscription_names(request.user).get(shown.subscription_id.lower(), ""),
        "portal_url": f"{PORTAL}{quote(shown.arm_id)}",
    }
    return render(request, "endpoints/workspace.html", context)


@require_POST
@require(Action.VIEW_ENDPOINTS)
def read_now(request: SignedInRequest, workspace_id: UUID) -> HttpResponseBase:
    """Have a worker read the workspace."""
    shown = workspace_or_404(request.user, workspace_id)
    limits.hit(limits.RateLimit.CHECKS, str(request.user.pk), actor_of(request), target=shown.arm_id)
    now = clock.now()
    if not WorkspaceRead.objects.filter(workspace=shown).update(wanted_at=now, due_at=now, subscriptions_due_at=now):
        WorkspaceRead.objects.get_or_create(workspace=shown, defaults={"wanted_at": now, "due_at": now})
    wake_reader_on_commit()
    messages.info(request, f"Checking Azure. Reload the page to see what {shown.name} holds.")
    return see_other("endpoints:workspace", shown.pk)


@require_http_methods(["GET", "HEAD", "POST"])
@require(Action.UNREGISTER_WORKSPACE)
def unregister(request: SignedInRequest, workspace_id: UUID) -> HttpResponse:
    """Ask for confirmation, then unregister the workspace."""
    shown = workspace_or_404(request.user, workspace_id)
    form = UnregisterForm(shown, request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            unregister_workspace(shown, actor_of(request))
        except Running as error:
            form.add_error(None, str(error))
        else:
            messages.info(request, f"{shown.name} is no longer registered. Nothing has changed in Azure.")
            return see_other("endpoints:workspaces")
    context = {"workspace": shown, "form": form, "endpoint_count": shown.endpoints.count()}
    return render(request, "endpoints/unregister_workspace.html", context, status=422 if form.errors else 200)


def workspace_or_404(user: User, workspace_id: UUID) -> Workspace:
    access.prepare(user)
    return get_object_or_404(Workspace.objects.filter(pk__in=access.readable_ids(user)), pk=workspace_id)
