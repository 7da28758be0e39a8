"""What an error of Azure means and what to do about it, in sentences.

Decided by codes. Azure's texts are read only where this service gives no code of its own for a cause; they are English
because every request asks for that.
"""

from dataclasses import dataclass

from endpoints.arm.errors import ArmError


@dataclass(frozen=True)
class Explanation:
    """`title` says what happened, `meaning` what that means, `advice` what to do."""

    title: str
    meaning: str
    advice: str


BY_CODE = {
    "ServerlessModelNotAvailableInRegion": Explanation(
        "The model is not available in this region",
        "Azure does not offer this model as a serverless endpoint in the region of the workspace.",
        "Choose a workspace in another region, or another model.",
    ),
    "ServerlessOfferNotFound": Explanation(
        "The model needs a marketplace subscription",
        "The model is sold by a partner. The workspace has no subscription to its offer, or the offer is gone.",
        "Subscribe the workspace to the model in Azure Machine Learning studio, then create the endpoint again.",
    ),
    "AvailabilityNotInRegion": Explanation(
        "The model is not sold in the billing country",
        "The publisher does not sell this model in the country of the subscription's billing account.",
        "Ask whoever owns the billing account for a subscription in another country, or choose another model.",
    ),
    "AlreadyExists": Explanation(
        "The name is taken in this workspace",
        "Azure already holds an endpoint of this name that was not created here. Nothing was sent.",
        "Choose another name.",
    ),
    "AuthorizationFailed": Explanation(
        "Azure does not let you do this",
        "Your Azure role lacks this right on the serverless endpoints of the workspace.",
        "Ask for the role Azure AI Developer on the resource group. A new role can take some minutes to work.",
    ),
    "RequestDisallowedByPolicy": Explanation(
        "An Azure policy forbids it",
        "A policy of your organisation does not allow this resource as it was asked for.",
        "The error below names the policy. Ask its owner, or change the settings it names.",
    ),
    "MissingSubscriptionRegistration": Explanation(
        "The subscription is not registered for Azure Machine Learning",
        "The resource provider Microsoft.MachineLearningServices is not registered in the subscription.",
        "Ask an owner of the subscription to register it, then try again.",
    ),
    "SubscriptionNotFound": Explanation(
        "Azure does not find the subscription",
        "The subscription is gone, disabled, or you have no right to see it.",
        "Check the subscription in the Azure portal.",
    ),
    "ResourceGroupNotFound": Explanation(
        "Azure does not find the resource group",
        "The resource group of the workspace is gone, or you have no right to see it.",
        "Check the resource group in the Azure portal.",
    ),
    "ResourceNotFound": Explanation(
        "Azure does not find the resource",
        "The workspace or the endpoint is gone, or you have no right to see it.",
        "Check the workspace in the Azure portal.",
    ),
    "InvalidResourceLocation": Explanation(
        "The region is not the workspace's",
        "The location in the request differs from the region of the workspace or of the existing endpoint.",
        "Register the workspace again if it was moved, or choose another name.",
    ),
    "QuotaExceeded": Explanation(
        "A quota is used up",
        "The subscription or the workspace has no room for another endpoint of this kind.",
        "Delete an endpoint that is not needed, or ask Azure support for more.",
    ),
    "Canceled": Explanation(
        "Azure canceled the operation",
        "Somebody, or Azure itself, stopped it before it was done.",
        "Try again.",
    ),
    "Failed": Explanation(
        "Azure says it failed and gives no cause",
        "The operation ended as Failed without an error text.",
        "Try again. If it fails again, open a support request with the correlation id.",
    ),
    "NotFollowed": Explanation(
        "Azure did not finish in time",
        "The operation ran longer than Azure allows itself. It may still be running there.",
        "Look again: if Azure holds the endpoint, it is followed from there.",
    ),
    "AzureUnavailable": Explanation(
        "Azure could not be asked for an hour",
        "Neither the request nor its result could be confirmed.",
        "Check the connection to Azure and its status page, then try again.",
    ),
    "ForeignOrigin": Explanation(
        "Azure pointed to another host",
        "The address to follow the operation leads away from Azure Resource Manager. Your token was not sent there.",
        "Tell the operators of this dashboard: a proxy may be changing Azure's answers.",
    ),
    "RoleLost": Explanation(
        "You may not do this any more",
        "Your role in Endpoint Desk changed after you asked for this. Nothing was sent to Azure.",
        "Ask an administrator of Endpoint Desk in your tenant for the role.",
    ),
    "ConnectionLost": Explanation(
        "The connection to Azure was lost",
        "No answer to the request came back whole.",
        "Check the connection to Azure and its status page, then try again.",
    ),
    "ChangeNotSeen": Explanation(
        "Azure does not show the change",
        "The answer to the request was lost, and the endpoint is as it was. A change is never sent twice by itself.",
        "Ask for the change again.",
    ),
    "ModelMismatch": Explanation(
        "Azure holds it with another model",
        "An earlier request under this name was carried out after all. Nothing was sent this time.",
        "Use the endpoint as it is, or delete it and create it again.",
    ),
    "Withdrawn": Explanation(
        "It was withdrawn",
        "It waited for somebody to sign in, and somebody else asked for something else meanwhile.",
        "Ask for it again if it is still wanted.",
    ),
    "OutcomeUnknown": Explanation(
        "Azure may have made a new key",
        "The answer to the request was lost. A second request would make another key, so none was sent.",
        "Read the keys. If they are the old ones, ask for a new key again.",
    ),
    "NotDeleted": Explanation(
        "Azure still shows the endpoint",
        "Azure reported the end of the deletion, and the endpoint is still there some time later.",
        "Look again in a few minutes. If it is still there, delete it again.",
    ),
}

# This service sends UserError with nothing but a text for these.
BY_TEXT = {
    "is not available. please select a different name": Explanation(
        "The name is taken in this region",
        "Endpoint names become host names, so a name can be used once in a whole Azure region, by anybody.",
        "Choose another name, for example with a short suffix of your team.",
    ),
    "already has a serverless endpoint": Explanation(
        "The workspace has an endpoint for this model",
        "Azure serves each model once in a workspace.",
        "Use the endpoint that is there, or choose another workspace or model.",
    ),
    "no valid payment method": Explanation(
        "The subscription has no valid payment method",
        "Azure Marketplace refuses the purchase of this model. This is billing, not configuration.",
        "Ask whoever owns the billing account to add a payment method.",
    ),
    "allow purchase of marketplace products": Explanation(
        "Your enrolment forbids marketplace purchases",
        "Azure Marketplace refuses the purchase of this model. This is billing, not configuration.",
        "Ask the administrator of your Azure enrolment to allow marketplace purchases.",
    ),
    "eligibility check failed": Explanation(
        "Azure Marketplace does not sell this model to the subscription",
        "The purchase check failed: the agreement, the country or the plan does not allow it.",
        "Show Azure's text below to whoever owns the billing account.",
    ),
    "provisioning state": Explanation(
        "Another operation is running on this endpoint",
        "Azure does one thing at a time for an endpoint.",
        "Wait until it is done, then try again.",
    ),
}

BY_STATUS = {
    400: Explanation(
        "Azure refused the request", "Something in the settings is not accepted.", "Read Azure's text and correct it."
    ),
    401: Explanation("Azure did not accept the sign-in", "The token was refused.", "Sign in again and try again."),
    403: Explanation(
        "Azure does not let you do this", "Your Azure role lacks a right.", "Ask the owner of the resource group."
    ),
    404: Explanation(
        "Azure does not find the resource", "It is gone, or you may not see it.", "Check it in the Azure portal."
    ),
    409: Explanation(
        "Azure says it is in conflict", "Something else is in the way of this.", "Read Azure's text and try again."
    ),
    429: Explanation(
        "Azure is throttling", "Too many requests were sent for this subscription.", "Wait, then try again."
    ),
}

OTHERWISE = Explanation(
    "Azure could not do it",
    "Azure answered with an error that Endpoint Desk does not know.",
    "Read Azure's text. If it does not help, open a support request with the correlation id.",
)


def explain(error: ArmError) -> Explanation:
    """The best explanation there is: by the deepest code, then the outer one, then the text, then the HTTP status."""
    for code in (error.inner_code, error.code):
        if code in BY_CODE:
            return BY_CODE[code]
    for text, explanation in BY_TEXT.items():
        if text in error.message.lower():
            return explanation
    return BY_STATUS.get(error.status, OTHERWISE)
