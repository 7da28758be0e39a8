"""The models that a serverless endpoint can serve, read from a file that operators may edit.

Microsoft's lists of models and regions have been wrong before, so a model is never refused: the form only warns.
https://learn.microsoft.com/en-us/azure/machine-learning/concept-endpoint-serverless-availability
"""

import json
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from endpoints.arm.resources import same_location


@dataclass(frozen=True)
class Model:
    """A row of the catalogue. From the day in `retires`, the model's endpoints return 404.

    https://learn.microsoft.com/en-us/azure/machine-learning/concept-model-lifecycle-and-retirement
    """

    id: str
    publisher: str
    regions: tuple[str, ...]
    needs_marketplace: bool
    lifecycle: str
    retires: date | None

    @property
    def name(self) -> str:
        return self.id.rpartition("/models/")[2]

    def is_retired(self, today: date) -> bool:
        return self.retires is not None and self.retires <= today

    def warnings(self, location: str, today: date) -> list[str]:
        """Reasons against this model in this region, a sentence each."""
        warnings = []
        if self.is_retired(today):
            warnings.append(f"{self.name} retired on {self.retires:%-d %B %Y}. Azure may refuse it.")
        elif self.lifecycle == "deprecated":
            warnings.append(f"{self.name} is deprecated. Azure may refuse new endpoints for it.")
        if location and not any(same_location(region, location) for region in self.regions):
            warnings.append(f"{self.name} is not listed for {location}, only for {', '.join(self.regions)}.")
        if self.needs_marketplace:
            warnings.append(
                f"{self.name} is sold by {self.publisher}. The workspace needs its marketplace subscription."
            )
        return warnings


def models() -> list[Model]:
    """The catalogue. A changed file is read again."""
    path = Path(settings.MODEL_CATALOGUE_FILE)
    return _read(path, path.stat().st_mtime_ns)


def offered(today: date) -> list[Model]:
    """The models to suggest in a form."""
    return [model for model in models() if not model.is_retired(today)]


def find(model_id: str) -> Model | None:
    """The row of a model id, which compares without case."""
    return next((model for model in models() if model.id.lower() == model_id.strip().lower()), None)


@lru_cache(maxsize=1)
def _read(path: Path, modified: int) -> list[Model]:
    return [
        Model(
            id=f"azureml://registries/{row['registry']}/models/{row['model']}",
            publisher=row["publisher"],
            regions=tuple(row["regions"]),
            needs_marketplace=row["marketplace"],
            lifecycle=row["lifecycle"],
            retires=date.fromisoformat(row["retires"]) if row["retires"] else None,
        )
        for row in json.loads(path.read_text())["models"]
    ]
