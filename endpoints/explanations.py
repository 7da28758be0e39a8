"""Azure's errors explained: the meaning, and how to fix it.

Error codes decide. For some causes this service sends no code of their own, so Azure's message decides. Messages are in
English because every request has an Accept-Language header.
"""

from dataclasses import dataclass

from endpoints.arm.errors import ArmError


@dataclass(frozen=True)
class Explanation:
    """The title is also the reason in the table, and part of sentences such as "Not deleted: {title}"."""

    title: str
    meaning: str
    advice: str


# https://learn.microsoft.com/en-us/azure/azure-resource-manager/troubleshooting/common-deployment-errors
# https://learn.microsoft.com/en-us/azure/machine-learning/how-to-deploy-models-serverless
BY_AZURE_CODE = {
    "ServerlessModelNotAvailableInRegion": Explanation(
        "The model is not available in this region",
        "Azure does not offer this model as a serverless endpoint in the region of the workspace.",
        "Choose a workspace in another region, or another model.",
    ),
    "ServerlessOfferNotFound": Explanation(
        "The model needs a marketplace subscription",
        "A partner sells this model. The workspace has no subscription to its offer, or the offer was withdrawn.",
        "Subscribe the workspace to the model in Azure Machine Learning studio, then create the endpoint again.",
    ),
    "AvailabilityNotInRegion": Explanation(
        "The model is not sold in the billing country",
        "The publisher does not sell this model in the country of the subscription's billing account.",
        "Ask the owner of the billing account for a subscription in another country, or choose another model.",
    ),
    "AuthorizationFailed": Explanation(
        "You do not have access in Azure",
        "Your Azure role does not allow this on the serverless endpoints of the workspace.",
        "Ask for the role Azure AI Developer on the resource group. A new role can take a few minutes to work.",
    ),
    "RequestDisallowedByPolicy": Explanation(
        "An Azure policy forbids it",
        "A policy of your organization does not allow this resource with these settings.",
        "Azure's response names the policy. Ask its owner, or change the settings.",
    ),
    "MissingSubscriptionRegistration": Explanation(
        "The subscription is not registered for Azure Machine Learning",
        "The resource provider Microsoft.MachineLearningServices is not registered in the subscription.",
        "Ask an owner of the subscription to register it, then try again.",
    ),
    "SubscriptionNotFound": Explanation(
        "Azure cannot find the subscription",
        "The subscription was deleted or disabled, or you do not have access to it.",
        "Check the subscription in the Azure portal.",
    ),
    "ResourceGroupNotFound": Explanation(
        "Azure cannot find the resource group",
        "The resource group of the workspace was deleted, or you do not have access to it.",
        "Check the resource group in the Azure portal.",
    ),
    "ResourceNotFound": Explanation(
        "Azure cannot find the resource",
        "The workspace or the endpoint was deleted, or you do not have access to it.",
        "Check the workspace in the Azure portal.",
    ),
    "InvalidResourceLocation": Explanation(
        "The region differs from the workspace's",
        "The location in the request differs from the region of the workspace or of the existing endpoint.",
        "Register the workspace again if it was moved, or choose another name.",
    ),
    "QuotaExceeded": Explanation(
        "The quota is used up",
        "The subscription or the workspace has no quota left for another endpoint of this kind.",
        "Delete an endpoint that is not needed, or ask Azure support for more quota.",
    ),
    "Canceled": Explanation(
        "Azure canceled the operation",
        "A user or Azure itself stopped the operation before it was done.",
        "Try again.",
    ),
    "Failed": Explanation(
        "Failed without a reason",
        "Azure reported that the operation failed, but not why.",
        "Try again. If it fails again, open a support request with the correlation id.",
    ),
}

# The codes of errors that Endpoint Desk itself finds.
BY_OWN_CODE = {
    "AlreadyExists": Explanation(
        "The name is taken in this workspace",
        "Azure already has an endpoint with this name that was not created here. Nothing was sent.",
        "Choose another name.",
    ),
    "CreatedElsewhere": Explanation(
        "Azure has another endpoint with this name",
        "It was not created by a request made here, so it has no owner here and was left as it is.",
        "To create an endpoint, choose another name. To change or delete this one, ask an Admin.",
    ),
    "UnreadableResponse": Explanation(
        "Azure's response could not be read",
        "The body is not what Azure Resource Manager returns. A proxy may have replaced it.",
        "Try again. If it fails again, tell the operator of Endpoint Desk.",
    ),
    "NotFollowed": Explanation(
        "Azure did not finish in time",
        "The operation took longer than Azure allows. It may still be running.",
        "Check now. If the endpoint exists in Azure, its state is shown here again.",
    ),
    "AzureUnavailable": Explanation(
        "Azure could not be reached for an hour",
        "Neither the request nor its result could be confirmed.",
        "Check the connection to Azure and its status page, then try again.",
    ),
    "ForeignOrigin": Explanation(
        "Azure's response points to another host",
        "The URL of the operation's status is not on Azure Resource Manager. Your token was not sent there.",
        "Tell the operator of Endpoint Desk: a proxy may be changing Azure's responses.",
    ),
    "RoleLost": Explanation(
        "You do not have access any more",
        "Your role in Endpoint Desk changed after this request. Nothing was sent to Azure.",
        "Ask an administrator of your tenant to assign you the role again.",
    ),
    "ConnectionLost": Explanation(
        "The connection to Azure was lost",
        "No complete response arrived.",
        "Check the connection to Azure and its status page, then try again.",
    ),
    "ChangeNotSeen": Explanation(
        "Azure does not show the change",
        "The response was lost, and the endpoint has not changed. Changes are never sent twice automatically.",
        "Request the change again.",
    ),
    "ModelMismatch": Explanation(
        "Azure has this endpoint with another model",
        "An earlier request with this name succeeded after all. Nothing was sent this time.",
        "Use the endpoint as it is, or delete it and create it again.",
    ),
    "Withdrawn": Explanation(
        "Replaced by another request",
        "The operation was waiting for a sign-in when another user made a request.",
        "Request it again if you still need it.",
    ),
    "OutcomeUnknown": Explanation(
        "Azure may have made a new key",
        "The response was lost. A second request would make yet another key, so none was sent.",
        "Read the keys. If they have not changed, request a new key again.",
    ),
    "NotDeleted": Explanation(
        "Azure still shows the endpoint",
        "Azure reported that the deletion is done, but the endpoint still existed some time later.",
        "Check again in a few minutes. If it still exists, delete it again.",
    ),
}

# Parts of messages, in lower case, for causes that this service reports with the general code UserError.
# https://learn.microsoft.com/en-us/marketplace/purchase-validation-checks
BY_MESSAGE = {
    "is not available. please select a different name": Explanation(
        "The name is taken in this region",
        "An endpoint's name becomes a host name, so it must be unique in the whole Azure region.",
        "Choose another name, for example with a short suffix for your team.",
    ),
    "already has a serverless endpoint": Explanation(
        "The workspace already has an endpoint for this model",
        "Azure allows one serverless endpoint per model in a workspace.",
        "Use the existing endpoint, or choose another workspace or model.",
    ),
    "no valid payment method": Explanation(
        "The subscription has no valid payment method",
        "Azure Marketplace refuses the purchase of this model because of the billing account.",
        "Ask the owner of the billing account to add a payment method.",
    ),
    "allow purchase of marketplace products": Explanation(
        "Your enrollment forbids marketplace purchases",
        "Azure Marketplace refuses the purchase of this model because of the billing settings.",
        "Ask the administrator of your Azure enrollment to allow marketplace purchases.",
    ),
    "eligibility check failed": Explanation(
        "Azure Marketplace does not sell this model to the subscription",
        "The purchase check failed: the agreement, the country or the plan does not allow it.",
        "Show Azure's response to the owner of the billing account.",
    ),
    "provisioning state": Explanation(
        "Another operation is running on this endpoint",
        "Azure runs one operation at a time on an endpoint.",
        "Wait until it ends, then try again.",
    ),
}

BY_HTTP_STATUS = {
    400: Explanation(
        "Azure refused the request", "A setting is not valid.", "Read Azure's response and correct the setting."
    ),
    401: Explanation("Azure did not accept the sign-in", "The token was refused.", "Sign in again, then try again."),
    403: Explanation(
        "You do not have access in Azure",
        "Your Azure role does not allow this.",
        "Ask the owner of the resource group for access.",
    ),
    404: Explanation(
        "Azure cannot find the resource",
        "It was deleted, or you do not have access to it.",
        "Check it in the Azure portal.",
    ),
    409: Explanation(
        "Conflict with another operation",
        "Azure reported a conflict with the current state of the resource.",
        "Read Azure's response, then try again.",
    ),
    429: Explanation(
        "Azure is throttling requests", "Too many requests were sent for this subscription.", "Wait, then try again."
    ),
}

UNKNOWN_ERROR = Explanation(
    "Azure reported an error",
    "Endpoint Desk does not know this error.",
    "Read Azure's response. If it does not help, open a support request with the correlation id.",
)


def explain(error: ArmError) -> Explanation:
    """Explain an error by its innermost code, else its outer code, else its message, else the HTTP status."""
    for code in (error.inner_code, error.code):
        if explanation := BY_AZURE_CODE.get(code) or BY_OWN_CODE.get(code):
            return explanation
    for text, explanation in BY_MESSAGE.items():
        if text in error.message.lower():
            return explanation
    return BY_HTTP_STATUS.get(error.status, UNKNOWN_ERROR)
