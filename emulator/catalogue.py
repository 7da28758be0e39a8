"""Which models can be deployed in which region, and which need a marketplace offer first: catalogue.json.

https://learn.microsoft.com/en-us/azure/machine-learning/concept-endpoint-serverless-availability
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("catalogue.json")
REGISTRY_ID = re.compile(r"azureml://registries/([^/]+)/models/([^/]+)/?", re.IGNORECASE)
FINE_TUNED_ID = re.compile(r"azureml://locations/[^/]+/workspaces/[^/]+/models/[^/]+/versions/[^/]+", re.IGNORECASE)
# The task of a model, by a part of its name; all others chat.
TASKS = {
    "embed": "embeddings",
    "stable-": "image_generation",
    "timegen": "text_generation",
    "rerank": "text_generation",
}


@dataclass(frozen=True)
class Model:
    registry: str
    name: str
    regions: frozenset[str]
    needs_offer: bool
    retired: bool

    @property
    def id(self) -> str:
        return f"azureml://registries/{self.registry}/models/{self.name}"

    @property
    def plan(self) -> dict[str, str]:
        """The marketplace plan of its offer."""
        return {
            "publisherId": self.registry.removeprefix("azureml-"),
            "offerId": self.offer,
            "planId": f"{self.offer}-plan",
        }

    @property
    def task(self) -> str:
        """The model_type of the inference API."""
        return next((task for part, task in TASKS.items() if part in self.name.lower()), "chat_completion")

    @property
    def offer(self) -> str:
        return f"{self.registry.removeprefix('azureml-')}-{self.name.lower().replace('.', '-')}-offer"


@cache
def _models() -> dict[tuple[str, str], Model]:
    table = json.loads(FILE.read_text("utf-8"))
    models = [_model(table["regions"], row) for row in table["models"]]
    return {(model.registry, model.name.lower()): model for model in models}


def _model(regions: dict[str, list[str]], row: dict[str, str | bool]) -> Model:
    where = str(row["regions"])
    return Model(
        registry=str(row["registry"]),
        name=str(row["name"]),
        regions=frozenset(regions.get(where) or where.split(",")),
        needs_offer=bool(row["offer"]),
        retired=bool(row.get("retired")),
    )


def models_of(registries: tuple[str, ...]) -> list[Model]:
    """The models that these registries still offer on the marketplace."""
    return [
        model
        for model in _models().values()
        if model.registry in registries and model.needs_offer and not model.retired
    ]


def models_in(region: str) -> list[Model]:
    """The models that can be deployed in a region."""
    return [model for model in _models().values() if region in model.regions and not model.retired]


def find_model(model_id: str) -> Model | None:
    """The model with this id; names are case-insensitive, as in registries."""
    match = REGISTRY_ID.fullmatch(model_id)
    return _models().get((match[1].lower(), match[2].lower())) if match else None


def is_fine_tuned(model_id: str) -> bool:
    """A fine-tuned model is in a workspace, has a version and is not in the catalogue."""
    return bool(FINE_TUNED_ID.fullmatch(model_id))


def region_title(region: str) -> str:
    """A region as in the service's messages: "East US 2" for eastus2."""
    titles: dict[str, str] = json.loads(FILE.read_text("utf-8"))["titles"]
    return titles.get(region, region)
