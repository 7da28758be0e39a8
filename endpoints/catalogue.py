"""The models that a serverless endpoint can serve: a data file that an operator may edit, never code.

Microsoft's own tables have been wrong before, so what it says becomes a warning and never a refusal.
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
    """A row of the catalogue. `retires` is the day from which its endpoints answer 404."""

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
        """What speaks against this model in this region, a sentence each."""
        found = []
        if self.is_retired(today):
            found.append(f"{self.name} was to be retired on {self.retires:%-d %B %Y}; Azure may refuse it.")
        elif self.lifecycle == "deprecated":
            found.append(f"{self.name} is deprecated; Azure may take no new endpoints for it.")
        if location and not any(same_location(region, location) for region in self.regions):
            found.append(f"{self.name} is not listed for {location}. Listed: {', '.join(self.regions)}.")
        if self.needs_marketplace:
            found.append(f"{self.name} is sold by {self.publisher}: the workspace needs its marketplace subscription.")
        return found


def models() -> list[Model]:
    """The catalogue as its file is now."""
    path = Path(settings.MODEL_CATALOGUE_FILE)
    return _read(path, path.stat().st_mtime_ns)


def offered(today: date) -> list[Model]:
    """What a form should suggest: models that are not retired."""
    return [model for model in models() if not model.is_retired(today)]


def find(model_id: str) -> Model | None:
    """The row of a model id; names compare without case."""
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
