"""Create an endpoint: the form, the preview of the request, and the catalogue's warnings."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import limits
from accounts.actor import actor_of
from accounts.http import SignedInRequest
from accounts.policy import Action, record_refusal, require
from endpoints.access import endpoint_or_404, notices, readable_workspaces
from endpoints.arm.resources import WorkspaceId
from endpoints.arm_clients import endpoint_url
from endpoints.pages.as_json import pretty
from endpoints.pages.create_form import CreateEndpointForm, initial_for
from endpoints.services import NameTaken, NotYours, create_endpoint


@require_http_methods(["GET", "HEAD", "POST"])
@require(Action.CREATE_ENDPOINT)
def create(request: SignedInRequest) -> HttpResponse:
    if request.method != "POST":
        return _render_form(request, _form(request))
    form = _form(request)
    if "more_tags" in request.POST:
        return _render_form(request, form.with_more_tag_rows())
    if not form.is_valid():
        return _render_form(request, form, status=422)
    try:
        limits.hit(limits.RateLimit.CREATIONS, str(request.user.pk), actor_of(request), target=request.path)
        endpoint = create_endpoint(form.new_endpoint(), actor_of(request))
    except limits.RateLimited as error:
        form.add_error(None, str(error))
        return _render_form(request, form, status=429)
    except NameTaken as error:
        if isinstance(error, NotYours):
            record_refusal(actor_of(request), Action.UPDATE_ENDPOINT, error.endpoint.arm_id)
        form.add_error("name", str(error))
        return _render_form(request, form, status=422)
    response = redirect(endpoint)
    response.status_code = 303
    return response


@require_POST
@require(Action.CREATE_ENDPOINT)
def preview(request: SignedInRequest) -> HttpResponse:
    """Show the request that the form would send to Azure."""
    form = _form(request)
    context: dict[str, object] = {}
    if form.is_valid():
        new = form.new_endpoint()
        arm_id = f"{WorkspaceId.parse(new.workspace.arm_id)}/serverlessEndpoints/{new.name}"
        context |= {"method": "PUT", "url": endpoint_url(arm_id), "body": pretty(new.resource.to_json())}
    else:
        context["errors"] = [error for errors in form.errors.values() for error in errors]
    template = "endpoints/preview.html#request_body" if request.htmx else "endpoints/preview.html"
    return render(request, template, context)


@require_safe
@require(Action.CREATE_ENDPOINT)
def warnings(request: SignedInRequest) -> HttpResponse:
    """The catalogue's warnings about the chosen model and workspace, loaded whenever one of them changes."""
    form = CreateEndpointForm(readable_workspaces(request.user).workspaces, timezone.localdate(), request.GET)
    return render(request, "endpoints/create.html#warnings", {"form": form})


def _form(request: SignedInRequest) -> CreateEndpointForm:
    workspaces = [one for one in readable_workspaces(request.user).workspaces if not one.gone_at]
    today = timezone.localdate()
    if request.method == "POST":
        return CreateEndpointForm(workspaces, today, request.POST)
    initial = {"workspace": request.GET.get("workspace", "")}
    if endpoint_id := _uuid(request.GET.get("from", "")):
        initial = initial_for(endpoint_or_404(request.user, endpoint_id))
    return CreateEndpointForm(workspaces, today, initial=initial)


def _render_form(request: SignedInRequest, form: CreateEndpointForm, status: int = 200) -> HttpResponse:
    context = {"form": form, "notices": notices(request.user)}
    return render(request, "endpoints/create.html", context, status=status)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
