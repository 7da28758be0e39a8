"""Permissions, checked by the views and again by the worker, because a user may lose a role in between."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, Never, ParamSpec, Protocol

from django.core.exceptions import PermissionDenied
from django.http import HttpResponseBase

from accounts import audit, flow, limits
from accounts.actor import Actor, actor_of
from accounts.http import SignedInRequest
from accounts.models import User
from accounts.roles import RULES, Action, allow

__all__ = ["Action", "may", "record_refusal", "refuse", "require"]

P = ParamSpec("P")
View = Callable[Concatenate[SignedInRequest, P], HttpResponseBase]
ON_KEYS = {Action.REVEAL_KEYS, Action.REGENERATE_KEYS}


class Owned(Protocol):
    @property
    def owner_id(self) -> int | None: ...


def may(user: User, action: Action, endpoint: Owned | None = None) -> bool:
    """Whether the user may do this.

    Raises TypeError if that depends on who created the endpoint, and no endpoint is given.
    """
    if RULES[action].own and endpoint is None:
        raise TypeError(f"Whether a user may {action} depends on the endpoint.")
    return allow(user.roles, action, own=endpoint is not None and endpoint.owner_id == user.pk)


def require(action: Action) -> Callable[[View[P]], View[P]]:
    """Mark a view with its action; refuse, and record, users who may not do it with any endpoint.

    If it depends on the endpoint, the view checks it when it gets that: `endpoints.access.endpoint_to`. Keys also
    need a recent sign-in, and are rate limited.
    """

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def checked(request: SignedInRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not allow(request.user.roles, action, own=True):
                refuse(actor_of(request), action, request.path)
            if action in ON_KEYS:
                if not flow.authenticated_recently(request):
                    return flow.authenticate_again(request)
                limits.hit(limits.RateLimit.KEYS, str(request.user.pk), actor_of(request), target=request.path)
            return view(request, *args, **kwargs)

        checked.requires = action  # type: ignore[attr-defined]
        return checked

    return decorate


def refuse(actor: Actor, action: Action, target: str) -> Never:
    """Record the refusal, and raise PermissionDenied with the roles that would be needed."""
    record_refusal(actor, action, target)
    raise PermissionDenied(
        f"To {action.value} you need {RULES[action]}. An administrator of your tenant can assign it in Entra ID."
    )


def record_refusal(actor: Actor, action: Action, target: str) -> None:
    details = {"roles": actor.user.roles if actor.user else [], "action": action.value}
    audit.record("refused", actor, target=target, outcome="refused", details=details)
