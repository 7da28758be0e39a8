from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from endpoints.models import Endpoint, Workspace
from tests.support.azure import Azure
from tests.support.fleet import read_fleet


@pytest.fixture
def production(azure: Azure, ada: Client, workspaces: list[Workspace]) -> Workspace:
    """A workspace that Ada reads."""
    ada.get("/")
    read_fleet()
    return workspaces[0]


@pytest.fixture
def listed(production: Workspace, chat: Endpoint) -> Endpoint:
    """An endpoint that was created here some time ago, and that a list has shown."""
    Endpoint.objects.update(sent_at=timezone.now() - timedelta(minutes=3))
    read_fleet()
    chat.refresh_from_db()
    return chat
