"""Every URL. ARM's are case-insensitive.

https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/resource-name-rules
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponseBase
from django.urls import URLPattern, path, re_path

from emulator.arm import endpoints, keys, marketplace, operation_status, rbac, scopes
from emulator.control import api, page, resources
from emulator.entra import authorize, discovery, identity, token

SUBSCRIPTION = r"subscriptions/(?P<subscription>[^/]+)"
GROUP = rf"{SUBSCRIPTION}/resourceGroups/(?P<group>[^/]+)"
PROVIDER = r"/providers/Microsoft\.MachineLearningServices"
WORKSPACE = rf"{GROUP}{PROVIDER}/workspaces/(?P<workspace>[^/]+)"
ENDPOINT = rf"{WORKSPACE}/serverlessEndpoints/(?P<name>[^/]+)"
SCOPES = (SUBSCRIPTION, GROUP, WORKSPACE, ENDPOINT)
PERMISSIONS = r"/providers/Microsoft\.Authorization/permissions"
LOCATION = rf"{SUBSCRIPTION}{PROVIDER}/locations/(?P<region>[^/]+)"


def _arm(pattern: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
    url: Any = re_path(rf"(?i)^{pattern}/?$", view, name=name)
    return url  # type: ignore[no-any-return]


urlpatterns: list[URLPattern] = [
    path("", page.to_page),
    path("healthz", api.health),
    path("emulator/", page.show, name="page"),
    path("emulator/style.css", page.style),
    path("emulator/faults", api.faults_api),
    path("emulator/requests", api.requests_api),
    path("emulator/requests/<int:number>", api.request_api),
    path("emulator/reset", api.reset),
    path("emulator/access", api.access_api),
    path("emulator/clock", api.advance_clock),
    path("emulator/applications/<uuid:client_id>/certificates", api.register_certificate),
    re_path(r"^emulator/resources(?P<resource_id>/subscriptions/.+?)/?$", resources.act_api),
    path("emulator/people/<uuid:oid>/revoke", api.revoke),
    path("<uuid:tenant>/v2.0/.well-known/openid-configuration", discovery.configuration, name="discovery"),
    path("<uuid:tenant>/discovery/v2.0/keys", discovery.keys, name="jwks"),
    path("<uuid:tenant>/oauth2/v2.0/authorize", authorize.authorize, name="authorize"),
    path("<uuid:tenant>/oauth2/v2.0/token", token.token, name="token"),
    path("<uuid:tenant>/oauth2/v2.0/logout", authorize.sign_out, name="logout"),
    path("metadata/endpoints", discovery.cloud),
    path("msi/token", identity.app_service, name="identity"),
    path("metadata/identity/oauth2/token", identity.imds, name="identity"),
    _arm("subscriptions", scopes.subscriptions, "subscriptions"),
    _arm(SUBSCRIPTION, scopes.subscription, "subscription"),
    _arm(rf"{SUBSCRIPTION}/resourceGroups", scopes.resource_groups, "resource-groups"),
    _arm(f"{SUBSCRIPTION}{PROVIDER}", scopes.provider, "provider"),
    _arm(rf"{GROUP}{PROVIDER}/workspaces", scopes.workspaces, "workspaces"),
    _arm(rf"{SUBSCRIPTION}{PROVIDER}/workspaces", scopes.workspaces, "workspaces"),
    _arm(WORKSPACE, scopes.workspace, "workspace"),
    _arm(rf"{WORKSPACE}/serverlessEndpoints", endpoints.collection, "endpoints"),
    _arm(ENDPOINT, endpoints.endpoint, "endpoint"),
    _arm(rf"{ENDPOINT}/listKeys", keys.list_keys, "list-keys"),
    _arm(rf"{ENDPOINT}/regenerateKeys", keys.regenerate_keys, "regenerate-keys"),
    _arm(rf"{WORKSPACE}/marketplaceSubscriptions", marketplace.collection, "marketplace-subscriptions"),
    _arm(
        rf"{WORKSPACE}/marketplaceSubscriptions/(?P<name>[^/]+)",
        marketplace.marketplace_subscription,
        "marketplace-subscription",
    ),
    _arm(rf"{LOCATION}/mfeOperationsStatus/(?P<operation>[^/]+)", operation_status.status, "status"),
    _arm(rf"{LOCATION}/mfeOperationResults/(?P<operation>[^/]+)", operation_status.result, "result"),
    *(_arm(f"{scope}{PERMISSIONS}", rbac.permissions, "permissions") for scope in SCOPES),
    _arm(r"(?:subscriptions|providers)/.*", scopes.unknown, "unknown"),
]
