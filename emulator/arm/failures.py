"""Why Azure refuses or fails an endpoint: each cause once, used at PUT, in a status document and as a fault.

Codes and messages are those of error documents in public issues. HTTP statuses are published for few of them:
400 and 409 of `UserError` are guesses, and clients should decide by code.
"""

from dataclasses import dataclass

from emulator.arm.errors import ArmError, service_error
from emulator.catalogue import find_model, region_title

ELIGIBILITY = "Marketplace Subscription purchase eligibility check failed, error message [{}]."


@dataclass(frozen=True)
class Failure:
    status: int
    code: str
    message: str
    inner: tuple[str, ...] = ()
    # False: ARM itself refuses, before the machine learning front end sees the request.
    from_service: bool = True


@dataclass(frozen=True)
class Subject:
    """The values that the message of an error contains."""

    name: str
    model_id: str
    region: str
    subscription: str
    person: str = ""
    scope: str = ""
    action: str = "Microsoft.MachineLearningServices/workspaces/serverlessEndpoints/write"
    state: str = "Updating"


FAILURES = {
    # https://github.com/Azure/terraform-provider-azapi/issues/662
    "region": Failure(
        400,
        "UserError",
        "The requested model {model} is not available in region {region}.",
        ("BadRequest", "ServerlessModelNotAvailableInRegion"),
    ),
    # https://github.com/pulumi/pulumi-azure-native/issues/3687
    "offer": Failure(
        400,
        "UserError",
        "Serverless offer '{offer}' not found in service namespace '{namespace}'.",
        ("NotFound", "ServerlessOfferNotFound"),
    ),
    # https://github.com/Azure-Samples/azureai-foundry-finetuning-raft/issues/45
    "taken": Failure(
        409, "UserError", "Serverless endpoint name '{name}' is not available. Please select a different name."
    ),
    "model": Failure(
        409,
        "UserError",
        "Model {model} already has a serverless endpoint in this workspace. Only one is allowed.",
        ("Conflict", "ServerlessEndpointForModelExists"),
    ),
    "quota": Failure(
        400,
        "UserError",
        "The quota of serverless endpoints in region {region} is used up.",
        ("BadRequest", "QuotaExceeded"),
    ),
    # https://github.com/Nixtla/nixtla/issues/602
    "plan": Failure(400, "UserError", ELIGIBILITY.format("Plan '{offer}-plan' not found in offer '{offer}'.")),
    # https://github.com/microsoft/microsoft-foundry-for-vscode/issues/280
    "enrollment": Failure(
        400,
        "UserError",
        ELIGIBILITY.format(
            "Cannot complete purchase as your enrollment for this subscription doesn't allow purchase of marketplace "
            "products. Please contact your enrollment administrator to update the enrollment settings: "
            "https://go.microsoft.com/fwlink/?linkid=2297238"
        ),
    ),
    # https://github.com/microsoft/foundry-dev-tools/issues/440
    "payment": Failure(
        400,
        "UserError",
        ELIGIBILITY.format(
            "Purchase failed because there is no valid payment method associated with this Azure subscription. "
            "See https://aka.ms/SaaSPurchaseErrors"
        ),
    ),
    # https://github.com/MicrosoftDocs/azure-docs/issues/120449
    "country": Failure(400, "AvailabilityNotInRegion", "Product is not available in region: JP."),
    # https://github.com/Azure/azure-sdk-for-net/issues/36961
    "busy": Failure(
        409,
        "UserError",
        "Cannot change serverless endpoint {name} because it is in {state} provisioning state.",
        ("Conflict", "OperationInProgress"),
    ),
    # https://learn.microsoft.com/en-us/azure/azure-resource-manager/troubleshooting/error-register-resource-provider
    "provider": Failure(
        409,
        "MissingSubscriptionRegistration",
        "The subscription is not registered to use namespace 'Microsoft.MachineLearningServices'. "
        "See https://aka.ms/rps-not-found for how to register subscriptions.",
        from_service=False,
    ),
    # https://learn.microsoft.com/en-us/azure/role-based-access-control/troubleshooting
    "rights": Failure(
        403,
        "AuthorizationFailed",
        "The client '{person}' with object id '{person}' does not have authorization to perform action "
        "'{action}' over scope '{scope}' or the scope "
        "is invalid. If access was recently granted, please refresh your credentials.",
        from_service=False,
    ),
    # https://learn.microsoft.com/en-us/azure/azure-resource-manager/troubleshooting/error-policy-requestdisallowedbypolicy
    "policy": Failure(
        403,
        "RequestDisallowedByPolicy",
        "Resource '{name}' was disallowed by policy. Reasons: 'Only approved models may be deployed.'. "
        "See error details for policy resource IDs.",
        from_service=False,
    ),
    "internal": Failure(500, "InternalServerError", "An internal server error occurred. Please try again."),
}


def error_of(cause: str, subject: Subject) -> ArmError:
    """The error of a cause, about this endpoint."""
    failure = FAILURES[cause]
    message = failure.message.format(
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
    if failure.from_service:
        return service_error(failure.status, failure.code, message, subject.region, *failure.inner)
    return ArmError(failure.status, failure.code, message, target=subject.name, additional_info=_policy(cause))


def _offer(model_id: str) -> str:
    model = find_model(model_id)
    return model.offer if model else f"{model_id.rsplit('/', 1)[-1].lower() or 'model'}-offer"


def _policy(cause: str) -> list[dict[str, object]] | None:
    """https://github.com/cloud-and-ai-microsoft/resource-provider-contract/blob/master/v1.0/common-api-details.md"""
    if cause != "policy":
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
