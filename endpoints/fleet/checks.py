"""Record the check of one endpoint: one read, which changes the state only by what Azure answered."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from endpoints import clock
from endpoints.arm.absence import Absence
from endpoints.arm.http import ArmResponse, ArmResult
from endpoints.arm.serverless_endpoint import ServerlessEndpoint
from endpoints.engine.leases import RELEASED
from endpoints.fleet.leases import still_leased
from endpoints.fleet.listing import Unreadable, no_arm_response, unreadable
from endpoints.fleet.pace import after_failure
from endpoints.fleet.reconcile import SECOND_PROOF_AFTER, absent, busy
from endpoints.fleet.sighting import Sighting, seen
from endpoints.models import Endpoint, EndpointCheck, WorkspaceRead
from endpoints.versions import bump

MAX_ATTEMPTS = 3


def conclude(check: EndpointCheck, responses: list[ArmResult] | Exception, sighting: Sighting) -> Unreadable | None:
    """Record what Azure showed; returns why it showed nothing."""
    resource = _resource(responses, check.endpoint.arm_id)
    if isinstance(resource, Unreadable) and resource.absence is not Absence.PROVED:
        return resource
    with transaction.atomic():
        if still_leased([check]).exists():
            _record(check, resource, sighting)
    return None


def fail(check: EndpointCheck, problem: Unreadable, now: datetime) -> None:
    """Try a few times; then the row says since when and why it could not be confirmed."""
    if check.faults + 1 < MAX_ATTEMPTS and not problem.is_refused and problem.absence is Absence.UNKNOWN:
        due_at = after_failure(check.faults, problem.wait, now)
        still_leased([check]).update(**RELEASED, faults=F("faults") + 1, due_at=due_at)
        return
    with transaction.atomic():
        if not still_leased([check]).delete()[0]:
            return
        unproved = problem.absence in {Absence.LIKELY, Absence.OF_PARENT}
        text = "Azure does not find it, but gave no proof that it is gone." if unproved else problem.problem
        row = Endpoint.objects.filter(pk=check.endpoint_id)
        row.filter(problem_since=None).update(problem_since=now)
        row.update(problem=text[:500], version=F("version") + 1)
        bump(check.endpoint.workspace_id)
    # A list of its workspace can prove what this response could not.
    if unproved:
        WorkspaceRead.objects.filter(pk=check.endpoint.workspace_id).update(wanted_at=now, due_at=now)


def _resource(responses: list[ArmResult] | Exception, arm_id: str) -> ServerlessEndpoint | Unreadable:
    if isinstance(responses, Exception):
        return Unreadable(str(responses) or type(responses).__name__)
    response = responses[0]
    if not isinstance(response, ArmResponse) or response.status != 200:
        return unreadable(response, arm_id)
    resource = ServerlessEndpoint.from_json(response.object)
    return resource if resource.is_resource else Unreadable(no_arm_response(response))


def _record(check: EndpointCheck, resource: ServerlessEndpoint | Unreadable, sighting: Sighting) -> None:
    row = Endpoint.objects.select_related("workspace").get(pk=check.endpoint_id)
    running, parked = busy(row.workspace_id)
    if row.pk in running:
        _finish(check, row, {})
    elif isinstance(resource, ServerlessEndpoint):
        seen(row, resource, sighting, is_parked=row.pk in parked)
        _finish(check, row, {"confirmed_at": sighting.now})
    elif row.pk in parked or absent(row, sighting):
        _finish(check, row, {})
    else:
        due_at = clock.now() + SECOND_PROOF_AFTER
        still_leased([check]).update(**RELEASED, due_at=due_at, faults=0)
        bump(row.workspace_id)  # so that the next list is compared, and may refute this


def _finish(check: EndpointCheck, row: Endpoint, columns: dict[str, Any]) -> None:
    """The sign that it is being checked goes, so the table shows something new in any case."""
    EndpointCheck.objects.filter(pk=check.pk, lease=check.lease).delete()
    Endpoint.objects.filter(pk=row.pk).update(**columns, version=F("version") + 1)
    bump(row.workspace_id)
