"""The kinds of findings and everything that differs between them, one row each, the most urgent first."""

from dataclasses import dataclass
from enum import Enum, auto

from django.db.models import TextChoices


class FindingKind(TextChoices):
    """Each with its title, in the order of the findings page."""

    SUBSCRIPTION_INACTIVE = "subscription-inactive", "Marketplace subscription not active"
    NOT_ONLINE = "not-online", "Succeeded but not Online"
    NO_URI = "no-uri", "Online without an inference URI"
    RETIRED = "retired", "Model retired"
    OVERDUE = "overdue", "Takes far longer than usual"
    SUBSCRIPTION_MISSING = "subscription-missing", "No marketplace subscription"
    FAILED = "failed", "Failed endpoint left in Azure"
    DRIFT = "drift", "Different from the request"
    RETIRING = "retiring", "Model retires soon"
    UNOWNED = "unowned", "Not created here"
    SUBSCRIPTION_UNUSED = "subscription-unused", "Marketplace subscription without an endpoint"

    @property
    def spec(self) -> "FindingSpec":
        return FINDINGS[self]


class Remedy(Enum):
    """What a page offers to do about a finding, besides opening the endpoint."""

    CHECK = auto()
    COMPARE = auto()
    DELETE = auto()
    ADOPT = auto()
    CREATE = auto()
    PORTAL = auto()


@dataclass(frozen=True)
class FindingSpec:
    meaning: str
    advice: str
    remedies: tuple[Remedy, ...] = ()


FINDINGS = {
    # https://learn.microsoft.com/en-us/rest/api/azureml/marketplace-subscriptions/get#marketplacesubscriptionstatus
    FindingKind.SUBSCRIPTION_INACTIVE: FindingSpec(
        "The model is billed by a marketplace subscription that is not active. Calls fail until it is.",
        "Fix the billing, or subscribe again, in the Azure portal.",
        (Remedy.PORTAL,),
    ),
    FindingKind.NOT_ONLINE: FindingSpec(
        "The latest operation succeeded, but Azure does not report the endpoint as Online. Calls may fail.",
        "Check it now. If it stays so, delete it and create it again, or contact Azure support.",
        (Remedy.CHECK, Remedy.DELETE),
    ),
    FindingKind.NO_URI: FindingSpec(
        "Azure reports the endpoint as Online, but no URI that clients could call.",
        "Check it now. If no URI appears, delete it and create it again.",
        (Remedy.CHECK, Remedy.DELETE),
    ),
    # https://learn.microsoft.com/en-us/azure/machine-learning/concept-model-lifecycle-and-retirement
    FindingKind.RETIRED: FindingSpec(
        "Azure has retired the model. Calls return 404, although the endpoint is Online.",
        "Create an endpoint with a newer model, then delete this one.",
        (Remedy.CREATE, Remedy.DELETE),
    ),
    FindingKind.OVERDUE: FindingSpec(
        "It has been in this state for over an hour. A few minutes are usual.",
        "Check it now. If nothing changes, contact Azure support with the correlation id on its page.",
        (Remedy.CHECK,),
    ),
    FindingKind.SUBSCRIPTION_MISSING: FindingSpec(
        "The model needs a marketplace subscription, and the workspace does not have it. Calls may fail.",
        "Subscribe the workspace to the model's offer in the Azure portal.",
        (Remedy.PORTAL,),
    ),
    FindingKind.FAILED: FindingSpec(
        "Its creation or deletion failed. Azure still holds it, so its name stays taken.",
        "Delete it, or create it again.",
        (Remedy.CREATE, Remedy.DELETE),
    ),
    FindingKind.DRIFT: FindingSpec(
        "Azure holds other settings than those requested here.",
        "Compare them on the endpoint's page. Then accept those in Azure, or send the request again.",
        (Remedy.COMPARE,),
    ),
    FindingKind.RETIRING: FindingSpec(
        "From that day on, calls return 404.",
        "Create an endpoint with a newer model, and switch the clients to it.",
        (Remedy.CREATE,),
    ),
    FindingKind.UNOWNED: FindingSpec(
        "The endpoint was found in Azure and has no owner here. Only Admins can change it from here.",
        "Give it an owner, or delete it.",
        (Remedy.ADOPT, Remedy.DELETE),
    ),
    FindingKind.SUBSCRIPTION_UNUSED: FindingSpec(
        "The workspace has subscribed to the model's offer, but none of its endpoints serves the model.",
        "Create an endpoint, or cancel the subscription in the Azure portal.",
        (Remedy.CREATE, Remedy.PORTAL),
    ),
}
