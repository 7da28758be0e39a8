"""Reads for a user who waits for them: single resources and complete lists."""

from uuid import UUID

from endpoints.arm.errors import ArmError
from endpoints.arm.http import ArmHttp, ArmRequest, ArmResponse
from endpoints.arm.json_fields import JsonObject
from endpoints.arm.origin import ForeignOrigin
from endpoints.arm.paging import items_in, next_page
from endpoints.arm.resources import PROVIDER, Subscription, WorkspaceId, WorkspaceResource

# https://learn.microsoft.com/en-us/rest/api/resources/subscriptions/list
SUBSCRIPTIONS_API_VERSION = "2022-12-01"
# https://learn.microsoft.com/en-us/rest/api/resources/resource-groups/list
RESOURCE_GROUPS_API_VERSION = "2021-04-01"
MAX_PAGES = 100


class ArmFailed(Exception):
    """A read failed."""


class ArmRefused(ArmFailed):
    """ARM returned an error."""

    def __init__(self, error: ArmError) -> None:
        super().__init__(error.message or f"Azure returned {error.status} without a reason.")
        self.error = error


class ArmUnreachable(ArmFailed):
    """No usable response arrived."""


class ArmReader:
    """Reads with the token of one user, under one correlation id."""

    def __init__(self, http: ArmHttp, token: str, correlation_id: UUID, api_version: str) -> None:
        self._http = http
        self._token = token
        self._correlation_id = correlation_id
        self._api_version = api_version

    def subscriptions(self) -> list[Subscription]:
        url = self._http.url("/subscriptions", api_version=SUBSCRIPTIONS_API_VERSION)
        return [Subscription.of(item) for item in self._list(url)]

    def resource_groups(self, subscription_id: str) -> list[str]:
        url = self._http.url(
            f"/subscriptions/{subscription_id}/resourcegroups", api_version=RESOURCE_GROUPS_API_VERSION
        )
        return [item["name"] for item in self._list(url)]

    def workspaces(self, subscription_id: str, resource_group: str) -> list[WorkspaceResource]:
        path = f"/subscriptions/{subscription_id}/resourceGroups/{resource_group}/providers/{PROVIDER}/workspaces"
        return [WorkspaceResource.of(item) for item in self._list(self._http.url(path, api_version=self._api_version))]

    def workspace(self, workspace_id: WorkspaceId) -> WorkspaceResource:
        response = self._get(self._http.url(str(workspace_id), api_version=self._api_version))
        return WorkspaceResource.of(response.object)

    def _list(self, url: str) -> list[JsonObject]:
        items: list[JsonObject] = []
        for _ in range(MAX_PAGES):
            page = self._get(url).object
            items += items_in(page)
            try:
                url = next_page(page, url)
            except ForeignOrigin as error:
                raise ArmUnreachable(str(error)) from error
            if not url:
                return items
        raise ArmUnreachable(f"Azure's list has more than {MAX_PAGES} pages.")

    def _get(self, url: str) -> ArmResponse:
        response = self._http.send(ArmRequest("GET", url), self._token, self._correlation_id)
        if not isinstance(response, ArmResponse):
            raise ArmUnreachable(response.reason)
        if response.status != 200:
            raise ArmRefused(ArmError.from_response(response))
        if not response.object:
            raise ArmUnreachable("Azure returned a body that is not a JSON object.")
        return response
