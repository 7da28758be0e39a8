"""The form for a new endpoint, validated by the rules of Azure's API definition.

https://learn.microsoft.com/en-us/rest/api/azureml/serverless-endpoints/create-or-update
"""

import uuid
from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

from endpoints import catalogue
from endpoints.arm.resources import (
    ENDPOINT_NAME,
    FINE_TUNED_MODEL_ID,
    REGISTRY_MODEL_ID,
    USER_ASSIGNED_IDENTITY_ID,
)
from endpoints.arm.serverless_endpoint import (
    ContentSafety,
    ManagedServiceIdentity,
    ModelSettings,
    Properties,
    ServerlessEndpoint,
    Sku,
    UserAssignedIdentity,
)
from endpoints.models import Endpoint, Workspace
from endpoints.pages.fields import text_field
from endpoints.pages.tags import TagRow, TagsField, tag_rows
from endpoints.services import NewEndpoint

INT32_MAX = 2**31 - 1
# The first api-version with auth modes other than Key:
# https://learn.microsoft.com/en-us/azure/templates/microsoft.machinelearningservices/change-log/workspaces/serverlessendpoints
MORE_AUTH_MODES_SINCE = "2025-12-01"
TYPES_WITH_USER_ASSIGNED = {"UserAssigned", "SystemAssigned,UserAssigned"}
SKU = ("name", "tier", "size", "family", "capacity")
ADVANCED = ("kind", "identity_type", "user_assigned_identities", *(f"sku_{part}" for part in SKU))
NAME_RULE = "Start with a letter, then use letters, digits and hyphens, up to 52 characters."


def auth_modes() -> list[tuple[str, str]]:
    modes = [("Key", "Key")]
    if settings.ARM_API_VERSION[:10] >= MORE_AUTH_MODES_SINCE:
        modes += [("AAD", "Entra ID"), ("KeyAndAAD", "Key and Entra ID")]
    return modes


class WorkspaceField(forms.ModelChoiceField):  # type: ignore[type-arg]  # generic only in django-stubs
    def label_from_instance(self, workspace: Workspace) -> str:
        return f"{workspace.name} · {workspace.location}"


class CreateEndpointForm(forms.Form):
    """Every field of the PUT body. Empty fields are left out of it."""

    submission_id = forms.UUIDField(
        initial=uuid.uuid4,
        widget=forms.HiddenInput,
        error_messages={"required": "Reload this page.", "invalid": "Reload this page."},
    )
    workspace = WorkspaceField(
        queryset=Workspace.objects.none(),
        help_text="The endpoint is created in the region of its workspace.",
        empty_label="Choose a workspace",
        error_messages={
            "required": "Choose a workspace.",
            "invalid_choice": "Choose one of the workspaces in the list.",
        },
    )
    name = text_field(
        "Name",
        help_text=f"Becomes part of a host name, so it must be unique in the whole Azure region. {NAME_RULE}",
        required=True,
        max_length=52,
        validators=[RegexValidator(rf"\A{ENDPOINT_NAME}\Z", f"Enter a valid name. {NAME_RULE}")],
        # Browsers compile it with the v flag, which requires the hyphen to be escaped:
        # https://developer.mozilla.org/en-US/docs/Web/HTML/Reference/Attributes/pattern
        attrs={"pattern": r"[a-zA-Z][a-zA-Z0-9\-]{0,51}", "title": NAME_RULE},
        error_messages={"required": "Enter a name.", "max_length": f"The name is too long. {NAME_RULE}"},
    )
    model_id = text_field(
        "Model",
        help_text="Choose from the catalogue, or paste a model id.",
        required=True,
        max_length=1024,
        attrs={"list": "models", "placeholder": "azureml://registries/…/models/…"},
        error_messages={"required": "Choose a model."},
    )
    auth_mode = forms.ChoiceField(label="Authentication", help_text="How clients of the endpoint authenticate.")
    content_safety = forms.ChoiceField(
        label="Content safety",
        required=False,
        choices=[("", "Azure's default"), ("Enabled", "Enabled"), ("Disabled", "Disabled")],
        help_text="Filters prompts and responses. It cannot be changed later.",
    )
    tags = TagsField(required=False)
    kind = text_field("Kind", help_text="Free text that some Azure tools use.")
    identity_type = forms.ChoiceField(
        label="Identity",
        required=False,
        choices=[
            ("", "Not set"),
            ("None", "None"),
            ("SystemAssigned", "System-assigned"),
            ("UserAssigned", "User-assigned"),
            ("SystemAssigned,UserAssigned", "System-assigned and user-assigned"),
        ],
    )
    user_assigned_identities = forms.CharField(
        label="User-assigned identities",
        required=False,
        max_length=8000,
        help_text="One resource id per line.",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )
    sku_name = text_field("SKU name", help_text="Leave empty to set no SKU.", initial="Consumption")
    sku_tier = forms.ChoiceField(
        label="SKU tier",
        required=False,
        choices=[("", "Not set"), *((tier, tier) for tier in ("Free", "Basic", "Standard", "Premium"))],
    )
    sku_size = text_field("SKU size")
    sku_family = text_field("SKU family")
    sku_capacity = forms.IntegerField(
        label="SKU capacity",
        required=False,
        min_value=0,
        max_value=INT32_MAX,
        error_messages={"invalid": "Enter a whole number."},
    )

    def __init__(self, workspaces: list[Workspace], today: date, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        self.today = today
        self.has_workspaces = bool(workspaces)
        self._spare_tag_rows = 0
        field = self.fields["workspace"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101  (for mypy)
        field.queryset = Workspace.objects.filter(pk__in=[workspace.pk for workspace in workspaces])
        if len(workspaces) == 1:
            self.initial.setdefault("workspace", workspaces[0].pk)
        modes = self.fields["auth_mode"]
        assert isinstance(modes, forms.ChoiceField)  # noqa: S101  (for mypy)
        modes.choices = auth_modes()

    @property
    def models(self) -> list[catalogue.Model]:
        return catalogue.offered(self.today)

    @property
    def tag_rows(self) -> list[TagRow]:
        return tag_rows(self["tags"].value() or [], self._tag_errors, spare=self._spare_tag_rows)

    @property
    def tags_error(self) -> str:
        """The errors of the tags as a whole, such as too many of them."""
        return " ".join(str(error.messages[0]) for error in self._tag_errors if not error.params)

    @property
    def more_is_open(self) -> bool:
        """Whether the collapsed part holds an error or a value that the user entered."""
        has_errors = self.is_bound and any(name in self.errors for name in ADVANCED)
        return has_errors or any(self[name].value() not in {None, "", self._default(name)} for name in ADVANCED)

    @property
    def warnings(self) -> list[str]:
        """The catalogue's warnings. They do not block the form, because only Azure knows."""
        model = catalogue.find(str(self["model_id"].value() or ""))
        if model is None:
            return []
        try:
            workspace = self.fields["workspace"].clean(self["workspace"].value())
        except ValidationError:
            workspace = None
        return model.warnings(workspace.location if workspace else "", self.today)

    def with_more_tag_rows(self) -> "CreateEndpointForm":
        """The same values in a form without errors and with one more row for a tag."""
        values = {name: self[name].value() for name in self.fields}
        form = CreateEndpointForm([], self.today, initial=values)
        form.fields["workspace"].queryset = self.fields["workspace"].queryset  # type: ignore[attr-defined]
        form.has_workspaces = self.has_workspaces
        form._spare_tag_rows = 1
        return form

    def clean_model_id(self) -> str:
        model_id: str = self.cleaned_data["model_id"]
        if "/versions/" in model_id and REGISTRY_MODEL_ID.match(model_id):
            raise ValidationError(
                "Remove the version: a serverless endpoint serves the latest one. "
                f"Use {model_id.partition('/versions/')[0]}."
            )
        if not (REGISTRY_MODEL_ID.fullmatch(model_id) or FINE_TUNED_MODEL_ID.fullmatch(model_id)):
            raise ValidationError(
                "Enter a model id, such as azureml://registries/azureml-meta/models/Name, or, for a model that you "
                "fine-tuned, azureml://locations/region/workspaces/id/models/name/versions/1."
            )
        return model_id

    def clean_user_assigned_identities(self) -> list[str]:
        ids = {
            line.strip().lower(): line.strip() for line in self.cleaned_data["user_assigned_identities"].splitlines()
        }
        ids.pop("", None)
        invalid = [line for line in ids.values() if not USER_ASSIGNED_IDENTITY_ID.fullmatch(line)]
        if invalid:
            raise ValidationError(
                [f"“{line[:120]}” is not the resource id of a user-assigned identity." for line in invalid[:5]]
            )
        return list(ids.values())

    def clean(self) -> dict[str, Any]:
        self._check_identity()
        self._check_sku()
        return self.cleaned_data

    def resource(self) -> ServerlessEndpoint:
        """The PUT body. Requires a valid form."""
        data = self.cleaned_data
        return ServerlessEndpoint(
            location=data["workspace"].location,
            kind=data["kind"],
            tags=data["tags"],
            identity=self._identity(),
            sku=self._sku(),
            properties=Properties(
                auth_mode=data["auth_mode"],
                model_settings=ModelSettings(model_id=data["model_id"]),
                content_safety=ContentSafety(content_safety_status=data["content_safety"]),
            ),
        )

    def new_endpoint(self) -> NewEndpoint:
        data = self.cleaned_data
        return NewEndpoint(data["workspace"], data["name"], self.resource(), data["submission_id"])

    @property
    def _tag_errors(self) -> list[ValidationError]:
        return self.errors.as_data().get("tags", []) if self.is_bound else []

    def _check_identity(self) -> None:
        data = self.cleaned_data
        has_user_assigned = data.get("identity_type") in TYPES_WITH_USER_ASSIGNED
        assigned = data.get("user_assigned_identities")
        if has_user_assigned and assigned == []:
            self.add_error("user_assigned_identities", "Enter at least one resource id of a user-assigned identity.")
        if assigned and not has_user_assigned:
            self.add_error("identity_type", "Choose a user-assigned identity, or remove the resource ids.")

    def _check_sku(self) -> None:
        data = self.cleaned_data
        rest = [data.get(f"sku_{part}") for part in SKU[1:]]
        if not data.get("sku_name") and "sku_name" not in self.errors and any(part not in {None, ""} for part in rest):
            self.add_error("sku_name", "Enter the SKU name. Azure requires it with any other SKU field.")

    def _identity(self) -> ManagedServiceIdentity:
        data = self.cleaned_data
        assigned = {arm_id: UserAssignedIdentity() for arm_id in data["user_assigned_identities"]}
        return ManagedServiceIdentity(type=data["identity_type"], user_assigned_identities=assigned)

    def _sku(self) -> Sku:
        parts = {part: self.cleaned_data[f"sku_{part}"] for part in SKU}
        return Sku(**parts)

    def _default(self, name: str) -> Any:
        return self.fields[name].initial


def initial_for(endpoint: Endpoint) -> dict[str, Any]:
    """The values with which this endpoint was created, here or elsewhere."""
    requested = endpoint.requested if endpoint.was_requested else endpoint.observed or ServerlessEndpoint()
    properties, identity, sku = requested.properties, requested.identity, requested.sku
    return {
        "workspace": endpoint.workspace_id,
        "name": endpoint.name,
        "model_id": endpoint.model_id,
        "auth_mode": properties.auth_mode,
        "content_safety": properties.content_safety.content_safety_status,
        "tags": list(requested.tags.items()),
        "kind": requested.kind,
        "identity_type": identity.type,
        "user_assigned_identities": "\n".join(identity.user_assigned_identities),
        "sku_name": sku.name,
        "sku_tier": sku.tier,
        "sku_size": sku.size,
        "sku_family": sku.family,
        "sku_capacity": "" if sku.capacity is None else sku.capacity,
    }
