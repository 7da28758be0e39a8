"""An endpoint that is online, and somebody who asks for something to be done with it."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.actor import Actor
from accounts.models import User
from endpoints.models import Endpoint, Operation, Workspace
from tests.conftest import SignIn
from tests.support.azure import Azure
from tests.support.creation import Ask, settle, submit


@pytest.fixture
def ada(sign_in: SignIn, workspaces: list[Workspace]) -> Client:
    return sign_in("ada")


@pytest.fixture
def chat(azure: Azure, ada: Client, workspaces: list[Workspace]) -> Endpoint:
    """An endpoint that is online."""
    endpoint = settle(azure, submit(ada, workspaces[0]))
    assert endpoint.state == "online"
    return endpoint


@pytest.fixture
def ask(chat: Endpoint) -> Ask:
    """Ask for something in Ada's name."""
    user = User.objects.get(username="ada@emulator.test")
    User.objects.filter(pk=user.pk).update(roles=["Admin", "Keys"])

    def ask(service: Callable[..., Operation], *what: Any) -> Operation:
        return service(chat, *what, uuid4(), Actor(user, str(uuid4())))

    return ask
