"""The dashboard, an admin in which every visitor may see endpoints, and a signed-in view that does nothing."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from endpoints.models import Endpoint


class OpenSite(admin.AdminSite):
    def has_permission(self, request: HttpRequest) -> bool:
        return True


class EndpointAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "model_id", "state", "reason", "inference_uri", "workspace", "owner", "changed_at")
    list_filter = ("state",)
    list_per_page = 50
    list_select_related = ("workspace", "owner")
    search_fields = ("name", "model_id")
    ordering = ("urgency", "name", "id")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return True

    has_change_permission = has_add_permission = has_delete_permission = has_view_permission


site = OpenSite()
site.register(Endpoint, EndpointAdmin)


def empty(request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=304)


urlpatterns = [path("admin/", site.urls), path("empty", empty), path("", include("dashboard.urls"))]
handler403 = "accounts.views.forbidden"
