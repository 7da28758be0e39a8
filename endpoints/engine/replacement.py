"""Others may delete an endpoint and create another one under its name: no operation on the first is for the second."""

from dataclasses import replace
from datetime import datetime

from endpoints.arm.http import ArmResponse, ArmResult
from endpoints.arm.operations import Done, Outcome
from endpoints.arm.serverless_endpoint import ServerlessEndpoint
from endpoints.engine.creation import show_found
from endpoints.engine.provenance import created, is_by_another_principal, is_foreign, is_replaced
from endpoints.engine.update import RowUpdate, client_error
from endpoints.kinds import Goal
from endpoints.models import Operation
from endpoints.states import Phase

ACCEPTED = {Phase.FOLLOWING, Phase.CONFIRMING}


def replacement(operation: Operation, response: ArmResult) -> ServerlessEndpoint | None:
    """The other endpoint that a read of the resource has shown, if any."""
    if not isinstance(response, ArmResponse) or response.status != 200:
        return None
    resource = ServerlessEndpoint.from_json(response.object)
    return resource if resource.is_resource and _is_another(operation, resource) else None


def on_replaced(operation: Operation, resource: ServerlessEndpoint, now: datetime) -> RowUpdate:
    """Show the other endpoint, which belongs to no one here, and leave it as it is."""
    text = f"Azure holds another endpoint named {operation.endpoint.name}{created(resource)}."
    if operation.spec.goal is Goal.ABSENT and operation.phase in ACCEPTED:
        return replace(show_found(operation, resource, Done(Outcome.SUCCEEDED), now), text=f"Deleted. {text}")
    text = text if operation.sends else f"{text} Nothing was sent."
    return show_found(operation, resource, client_error("CreatedElsewhere", text), now)


def _is_another(operation: Operation, resource: ServerlessEndpoint) -> bool:
    endpoint = operation.endpoint
    if operation.spec.goal is Goal.EXISTS:
        # Before Azure accepts the PUT, the proof that the name is free decides.
        is_created = operation.phase in ACCEPTED and endpoint.owner_id is not None
        return is_created and is_by_another_principal(operation, resource)
    if endpoint.observed is None:
        return endpoint.is_ours and is_foreign(operation, resource)
    return is_replaced(endpoint.observed, resource)
