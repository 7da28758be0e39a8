"""Who made a resource in Azure, as its systemData says: a request of ours, or someone else.

https://learn.microsoft.com/en-us/rest/api/azureml/serverless-endpoints/create-or-update#systemdata
"""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils.dateparse import parse_datetime

from endpoints.arm.serverless_endpoint import ServerlessEndpoint, SystemData
from endpoints.kinds import CREATIONS
from endpoints.models import Operation

# The clocks of Azure and of this installation may differ by this much.
CLOCK_TOLERANCE = timedelta(minutes=5)


def is_foreign(operation: Operation, resource: ServerlessEndpoint) -> bool:
    """Whether a resource is certainly not the result of a PUT that was sent for this endpoint."""
    sent_at, created_at = operation.endpoint.sent_at, _created_at(resource.system_data)
    if sent_at and created_at and created_at < sent_at - CLOCK_TOLERANCE:
        return True
    return is_by_another_principal(operation, resource)


def is_by_another_principal(operation: Operation, resource: ServerlessEndpoint) -> bool:
    """Whether another principal created it than those that send our requests. False if that is in doubt."""
    created_by, kind = resource.system_data.created_by, resource.system_data.created_by_type.lower()
    if kind == "user":
        # A user can also be shown as an object id, which says nothing about the name.
        return "@" in created_by and _canonical(created_by) not in map(_canonical, _senders(operation))
    if kind in {"application", "managedidentity"} and created_by:
        # An application can be shown as its object id, which we do not know.
        return settings.ARM_WRITES_AS != "app" and created_by.lower() != settings.ENTRA_CLIENT_ID.lower()
    return False


def created(resource: ServerlessEndpoint) -> str:
    """Who created it, and when, as the end of a sentence. Empty if Azure does not say."""
    created_by, created_at = resource.system_data.created_by, _created_at(resource.system_data)
    by = f" by {created_by[:100]}" if created_by else ""
    at = f" on {created_at:%d %B %Y at %H:%M} UTC" if created_at else ""
    return f", created{by}{at}" if by or at else ""


def is_same(resource: ServerlessEndpoint, other: ServerlessEndpoint) -> bool:
    """Whether both have the same creation, rather than one having replaced the other under its name."""
    first, second = resource.system_data, other.system_data
    return (first.created_by, first.created_at) == (second.created_by, second.created_at)


def is_replaced(before: ServerlessEndpoint, resource: ServerlessEndpoint) -> bool:
    """Whether another endpoint is certainly in the place of the one before."""
    times = (_created_at(before.system_data), _created_at(resource.system_data))
    return None not in times and not is_same(before, resource)


def _senders(operation: Operation) -> set[str]:
    """The users whose PUT requests left for this endpoint since it was new here."""
    sent = operation.endpoint.operations.filter(kind__in=CREATIONS, sends__gt=0)
    earlier = sent.exclude(settled_at__lt=operation.endpoint.sent_at) if operation.endpoint.sent_at else sent.none()
    return {operation.requested_by.username, *earlier.values_list("requested_by__username", flat=True)}


def _canonical(username: str) -> str:
    """Guests have several names: ann@fabrikam.com, ann_fabrikam.com#EXT#@contoso.com, live.com#ann@fabrikam.com.

    https://learn.microsoft.com/en-us/entra/external-id/user-properties
    """
    name = username.casefold()
    name = name.partition("#ext#")[0] if "#ext#" in name else name.rpartition("#")[2]
    return name.replace("@", "_")


def _created_at(system_data: SystemData) -> datetime | None:
    try:
        created_at = parse_datetime(system_data.created_at)
    except ValueError:
        return None
    return created_at.replace(tzinfo=UTC) if created_at and created_at.tzinfo is None else created_at
