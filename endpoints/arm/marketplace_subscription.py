"""The JSON of a marketplace subscription, as types.

A workspace needs one for each model of a partner: https://learn.microsoft.com/en-us/rest/api/azureml/marketplace-subscriptions
"""

# ruff: noqa: RUF009  the calls below are field specifiers, and the nested defaults are frozen
from dataclasses import dataclass

from endpoints.arm.json_fields import ArmObject, nested, text
from endpoints.arm.serverless_endpoint import SystemData


@dataclass(frozen=True)
class MarketplacePlan(ArmObject):
    """https://learn.microsoft.com/en-us/rest/api/azureml/marketplace-subscriptions/get#marketplaceplan"""

    publisher_id: str = text("publisherId")
    offer_id: str = text("offerId")
    plan_id: str = text("planId")


@dataclass(frozen=True)
class MarketplaceSubscriptionProperties(ArmObject):
    """https://learn.microsoft.com/en-us/rest/api/azureml/marketplace-subscriptions/get#marketplacesubscription"""

    model_id: str = text("modelId")
    marketplace_plan: MarketplacePlan = nested("marketplacePlan", MarketplacePlan)
    marketplace_subscription_status: str = text("marketplaceSubscriptionStatus")
    provisioning_state: str = text("provisioningState")


@dataclass(frozen=True)
class MarketplaceSubscriptionResource(ArmObject):
    """https://learn.microsoft.com/en-us/rest/api/azureml/marketplace-subscriptions/get"""

    properties: MarketplaceSubscriptionProperties = nested("properties", MarketplaceSubscriptionProperties)
    id: str = text("id")
    name: str = text("name")
    type: str = text("type")
    system_data: SystemData = nested("systemData", SystemData)

    @property
    def model_id(self) -> str:
        return self.properties.model_id

    @property
    def status(self) -> str:
        """Subscribed, Suspended, Unsubscribed, or another word of a newer or an older service."""
        return self.properties.marketplace_subscription_status
