"""The buttons on the page of an endpoint."""

from uuid import uuid4

from django.test import Client

from endpoints.models import Endpoint


def press(client: Client, endpoint: Endpoint, button: str, **form: str) -> int:
    """Press a button; returns the status of the response."""
    return client.post(f"{endpoint.get_absolute_url()}{button}", form).status_code


def delete(client: Client, endpoint: Endpoint) -> int:
    return press(client, endpoint, "delete", submission_id=str(uuid4()), typed_name=endpoint.name)
