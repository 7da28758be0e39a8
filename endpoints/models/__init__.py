"""Workspaces, their endpoints, the operations on these, and the history."""

from endpoints.models.endpoint import Endpoint, EndpointCheck
from endpoints.models.finding import Finding, MarketplaceSubscription
from endpoints.models.operation import Event, Operation
from endpoints.models.workspace import (
    AccessRead,
    SubscriptionsRead,
    VisibleWorkspace,
    Workspace,
    WorkspaceAccess,
    WorkspaceRead,
)

__all__ = [
    "AccessRead",
    "Endpoint",
    "EndpointCheck",
    "Event",
    "Finding",
    "MarketplaceSubscription",
    "Operation",
    "SubscriptionsRead",
    "VisibleWorkspace",
    "Workspace",
    "WorkspaceAccess",
    "WorkspaceRead",
]
