"""Why Azure refuses or fails an endpoint: each cause once, usable at PUT, in a status document and as a fault."""

from dataclasses import dataclass

from emulator.arm.errors import ArmError, service_error
from emulator.catalogue import find_model, region_title

ELIGIBILITY = "Marketplace Subscription purchase eligibility check failed, error message [{}]."


@dataclass(frozen=True)
class Cause:
    status: int
    code: str
    message: str
    inner: tuple[str, ...] = ()
    # False: ARM itself answers, before the machine learning front end has seen the request.
    from_service: bool = True


@dataclass(frozen=True)
class Subject:
    """What an error's sentence speaks of."""

    name: str
    model_id: str
    region: str
    subscription: str
    person: str = ""
    scope: str = ""
    action: str = "Microsoft.MachineLearningServices/workspaces/serverlessEndpoints/write"
    state: str = "Updating"


# HTTP statuses are nowhere public for most of these; clients decide by code.
CAUSES = {
    "region": Cause(
        400,
        "UserError",
        "The requested model {model} is not available in region {region}.",
        ("BadRequest", "ServerlessModelNotAvailableInRegion"),
    ),
    "offer": Cause(
        400,
        "UserError",
        "Serverless offer '{offer}' not found in service namespace '{namespace}'.",
        ("NotFound", "ServerlessOfferNotFound"),
    ),
    "taken": Cause(
        409, "UserError", "Serverless endpoint name '{name}' is not available. Please select a different name."
    ),
    "model": Cause(
        409,
        "UserError",
        "Model {model} already has a serverless endpoint in this workspace. Only one is allowed.",
        ("Conflict", "ServerlessEndpointForModelExists"),
    ),
    "quota": Cause(
        400,
        "UserError",
        "The quota of serverless endpoints in region {region} is used up.",
        ("BadRequest", "QuotaExceeded"),
    ),
    "plan": Cause(400, "UserError", ELIGIBILITY.format("Plan '{offer}-plan' not found in offer '{offer}'.")),
    "enrollment": Cause(
        400,
        "UserError",
        ELIGIBILITY.format(
            "Cannot complete purchase as your enrollment for this subscription doesn't allow purchase of marketplace "
            "products. Please contact your enrollment administrator to update the enrollment settings: "
            "https://go.microsoft.com/fwlink/?linkid=2297238"
        ),
    ),
    "payment": Cause(
        400,
        "UserError",
        ELIGIBILITY.format(
            "Purchase failed because there is no valid payment method associated with this Azure subscription. "
            "See https://aka.ms/SaaSPurchaseErrors"
        ),
    ),
    "country": Cause(400, "AvailabilityNotInRegion", "Product is not available in region: JP."),
    "busy": Cause(
        409,
        "UserError",
        "Cannot change serverless endpoint {name} because it is in {state} provisioning state.",
        ("Conflict", "OperationInProgress"),
    ),
    "provider": Cause(
        409,
        "MissingSubscriptionRegistration",
        "The subscription is not registered to use namespace 'Microsoft.MachineLearningServices'. "
        "See https://aka.ms/rps-not-found for how to register subscriptions.",
        from_service=False,
    ),
    "rights": Cause(
        403,
        "AuthorizationFailed",
        "The client '{person}' with object id '{person}' does not have authorization to perform action "
        "'{action}' over scope '{scope}' or the scope "
        "is invalid. If access was recently granted, please refresh your credentials.",
        from_service=False,
    ),
    "policy": Cause(
        403,
        "RequestDisallowedByPolicy",
        "Resource '{name}' was disallowed by policy. Reasons: 'Only approved models may be deployed.'. "
        "See error details for policy resource IDs.",
        from_service=False,
    ),
    "internal": Cause(500, "InternalServerError", "An internal server error occurred. Please try again."),
}


def error_of(cause_name: str, subject: Subject) -> ArmError:
    """The error document of a cause, speaking of this endpoint."""
    cause = CAUSES[cause_name]
    message = cause.message.format(
        name=subject.name,
        model=subject.model_id,
        region=region_title(subject.region),
        offer=_offer(subject.model_id),
        namespace=subject.subscription[:7],
        person=subject.person,
        scope=subject.scope,
        action=subject.action,
        state=subject.state,
    )
    if cause.from_service:
        return service_error(cause.status, cause.code, message, subject.region, *cause.inner)
    return ArmError(cause.status, cause.code, message, target=subject.name, additional_info=_policy(cause_name))


def _offer(model_id: str) -> str:
    model = find_model(model_id)
    return model.offer if model else f"{model_id.rsplit('/', 1)[-1].lower() or 'model'}-offer"


def _policy(cause_name: str) -> list[dict[str, object]] | None:
    """What ARM adds when a policy said no (resource-provider contract, common-api-details.md)."""
    if cause_name != "policy":
        return None
    prefix = "/providers/Microsoft.Authorization"
    info = {
        "policyDefinitionDisplayName": "Only approved models",
        "policyDefinitionId": f"{prefix}/policyDefinitions/only-approved-models",
        "policyDefinitionEffect": "deny",
        "policyAssignmentDisplayName": "Only approved models in production",
        "policyAssignmentId": f"{prefix}/policyAssignments/only-approved-models",
        "policyAssignmentScope": "/providers/Microsoft.Management/managementGroups/contoso",
    }
    return [{"type": "PolicyViolation", "info": info}]
