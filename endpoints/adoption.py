"""Give an endpoint an owner, or hand it over to another one."""

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts import audit
from accounts.actor import Actor
from accounts.models import User
from accounts.roles import Action, allow
from endpoints import history
from endpoints.models import Endpoint
from endpoints.versions import bump


def possible_owners() -> list[User]:
    """The users known here whose roles let them own endpoints, by name."""
    users = User.objects.order_by("name", "username")
    return [user for user in users if allow(user.roles, Action.UPDATE_ENDPOINT, own=True)]


def adopt(endpoint: Endpoint, owner: User, actor: Actor) -> None:
    """Make the user the owner. Nothing happens if that is so already."""
    with transaction.atomic():
        locked = Endpoint.objects.select_for_update(of=("self",), no_key=True)
        endpoint = locked.select_related("workspace").get(pk=endpoint.pk)
        before = endpoint.owner
        if before == owner:
            return
        Endpoint.objects.filter(pk=endpoint.pk).update(owner=owner, version=F("version") + 1)
        text = f"Owner: {before.name if before else 'no one'} → {owner.name}."
        history.add_endpoint_event(endpoint.pk, text, timezone.now(), actor=actor.user)
        details = {"from": before.username if before else "", "to": owner.username}
        audit.record("endpoint-adopted", actor, target=endpoint.arm_id, details=details)
        bump(endpoint.workspace_id)
