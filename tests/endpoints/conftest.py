"""An endpoint that is online, and operations on it."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.actor import Actor
from accounts.models import User
from endpoints.models import Endpoint, Operation, Workspace
from tests.support.azure import Azure
from tests.support.creation import Act, settle, submit
from tests.support.strangers import strangers_endpoint


@pytest.fixture
def chat(azure: Azure, ada: Client, workspaces: list[Workspace]) -> Endpoint:
    """An online endpoint."""
    endpoint = settle(azure, submit(ada, workspaces[0]))
    assert endpoint.state == "online"
    return endpoint


@pytest.fixture
def as_ada(chat: Endpoint, ada_user: User) -> Act:
    """Call a service for `chat` in Ada's name."""
    User.objects.filter(pk=ada_user.pk).update(roles=["Admin", "Keys"])

    def call(service: Callable[..., Operation], *arguments: Any) -> Operation:
        return service(chat, *arguments, uuid4(), Actor(ada_user, str(uuid4())))

    return call


@pytest.fixture
def found(azure: Azure, ada: Client, workspaces: list[Workspace]) -> Endpoint:
    """An endpoint that a pipeline made and that Ada wanted to create: online, owned by no one here."""
    strangers_endpoint(azure, workspaces[0], "found")
    azure.advance(60)
    return settle(azure, submit(ada, workspaces[0], "found"))
