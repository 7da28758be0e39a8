"""Fills the database of an installation with operations in flight, or with endpoints at rest.

The operations are due evenly over thirty seconds. Each workspace has a hundred, all requested by one user who has
signed in. With --due, prints when each operation is due instead.
"""

import argparse
import os
import random
import sys
import uuid
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.models import User  # noqa: E402
from benchmarks.arm import SIGNATURE  # noqa: E402
from benchmarks.rows import OBSERVED  # noqa: E402
from endpoints.arm.serverless_endpoint import ServerlessEndpoint  # noqa: E402
from endpoints.kinds import Kind  # noqa: E402
from endpoints.models import Endpoint, Operation, Workspace  # noqa: E402
from endpoints.states import Phase, State, Urgency  # noqa: E402
from tests.support.azure import Azure  # noqa: E402

MODEL = "azureml://registries/azureml/models/Phi-4-mini-instruct"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--in-flight", type=int, default=0)
    parser.add_argument("--at-rest", type=int, default=0)
    parser.add_argument(
        "--workspaces-per-subscription", type=int, default=4, help="ARM limits requests by subscription"
    )
    parser.add_argument("--due", action="store_true")
    options = parser.parse_args()
    if options.due:
        rows = Operation.objects.filter(lease=None, settled_at=None).values_list("endpoint__name", "next_step_at")
        print("\n".join(f"{name} {due.timestamp()}" for name, due in rows if due))
        return
    owner = sign_in()
    number, state = options.in_flight or options.at_rest, State.CREATING if options.in_flight else State.ONLINE
    endpoints = make_endpoints(owner, number, state, options.workspaces_per_subscription)
    if options.in_flight:
        start_operations(endpoints, owner)


def sign_in() -> User:
    client = Client(headers={"host": settings.PUBLIC_HOST})
    back = Azure(settings.EMULATOR_URL).pick(client.get("/auth/start")["Location"], "ada")
    assert client.get(back.removeprefix(settings.PUBLIC_BASE_URL)).status_code == 302
    return User.objects.get()


def make_endpoints(owner: User, number: int, state: State, per_subscription: int) -> list[Endpoint]:
    now = timezone.now()
    workspaces = [
        Workspace(
            subscription_id=f"8f2a1c66-5b0e-4d6f-9c1a-{index // per_subscription:012d}",
            resource_group="rg",
            name=f"w{index}",
            location="eastus2",
            registered_at=now,
        )
        for index in range(-(-number // 100))
    ]
    Workspace.objects.bulk_create(workspaces)
    times = {"created_at": now, "state_since": now, "changed_at": now, "confirmed_at": now}
    endpoints = [
        Endpoint(
            workspace=workspaces[index // 100],
            name=f"w{index // 100}-{index % 100}",
            owner=owner,
            requested=ServerlessEndpoint.from_json(OBSERVED),
            observed=ServerlessEndpoint.from_json(OBSERVED),
            model_id=MODEL,
            state=state,
            urgency=Urgency.of(state),
            **times,
        )
        for index in range(number)
    ]
    return Endpoint.objects.bulk_create(endpoints, batch_size=500)


def start_operations(endpoints: list[Endpoint], owner: User) -> None:
    now = timezone.now()
    operations = [
        Operation(
            endpoint=endpoint,
            kind=Kind.CREATE,
            phase=Phase.FOLLOWING,
            submission_id=uuid.uuid4(),
            requested_by=owner,
            requested_at=now,
            body=OBSERVED,
            monitor_url=f"{settings.EMULATOR_URL}/status/{endpoint.name}?{SIGNATURE}",
            arm_status="Updating",
            polls=random.randrange(20, 60),
            deadline_at=now + timedelta(hours=3),
            next_step_at=now + timedelta(seconds=5 + 30 * index / len(endpoints)),
        )
        for index, endpoint in enumerate(endpoints)
    ]
    random.shuffle(operations)
    Operation.objects.bulk_create(operations, batch_size=500)


if __name__ == "__main__":
    main()
