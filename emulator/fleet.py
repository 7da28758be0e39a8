"""Many workspaces, with endpoints that are online: made by rule, so that every start has the same ones."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from emulator.catalogue import Model, models_in
from emulator.directory import PEOPLE, PIPELINE
from emulator.options import options
from emulator.seed import ResourceGroup, Subscription, Workspace

REGIONS = ("eastus2", "swedencentral", "westus3", "eastus", "northcentralus", "southcentralus", "westus")
TEAMS = ("billing", "claims", "fraud", "growth", "legal", "logistics", "people", "search", "support", "vision")
# Azure allows letters of any script in the name of a resource group:
# https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/resource-name-rules#microsoftresources
GROUP_BEYOND_ASCII = "rg-größe-データ"
CREATORS = (*((person.upn, person.kind) for person in PEOPLE[:3]), (PIPELINE.oid, PIPELINE.kind))


@dataclass(frozen=True)
class Deployment:
    """An endpoint of the fleet."""

    name: str
    workspace: Workspace
    model: Model
    created_by: str
    created_by_type: str


@cache
def subscriptions() -> tuple[Subscription, ...]:
    count = options().subscriptions if options().workspaces else 0
    return tuple(
        Subscription(str(uuid.uuid5(uuid.NAMESPACE_URL, f"emulator/subscriptions/{number}")), f"Contoso Team {number}")
        for number in range(1, count + 1)
    )


@cache
def workspaces() -> tuple[Workspace, ...]:
    """Spread over the subscriptions first, then over the regions."""
    return tuple(_workspace(number) for number in range(options().workspaces))


def _workspace(number: int) -> Workspace:
    home, team = number % len(subscriptions()), TEAMS[number % len(TEAMS)]
    region = REGIONS[number // len(subscriptions()) % len(REGIONS)]
    group = GROUP_BEYOND_ASCII if home == 0 and region == REGIONS[0] else f"rg-{region}"
    offers = ("azureml-meta", "azureml-mistral") if number % 2 else ()
    title = f"{team.title()} {number}"
    return Workspace(subscriptions()[home].subscription_id, group, f"ml-{team}-{number:04}", region, title, offers)


def resource_groups() -> tuple[ResourceGroup, ...]:
    homes = {(each.subscription_id, each.resource_group): each.location for each in workspaces()}
    return tuple(ResourceGroup(*home, location) for home, location in homes.items())


def deployments() -> Iterator[Deployment]:
    for number in range(options().endpoints):
        workspace = workspaces()[number % len(workspaces())]
        models = _models(workspace.location, workspace.offers)
        model = models[number // len(workspaces()) % len(models)]
        # The number makes the name unique in its region, as Azure requires.
        name = f"{workspace.name.split('-')[1]}-{model.name.lower().replace('.', '-')}-{number:05}"
        yield Deployment(name, workspace, model, *CREATORS[(number + number // len(workspaces())) % len(CREATORS)])


@cache
def _models(region: str, offers: tuple[str, ...]) -> list[Model]:
    return [model for model in models_in(region) if not model.needs_offer or model.registry in offers]
