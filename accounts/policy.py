"""Who may do what: asked by views and again by the worker, which may run after a role is gone."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.core.exceptions import PermissionDenied
from django.http import HttpResponseBase

from accounts import audit
from accounts.http import SignedInRequest
from accounts.models import User
from accounts.roles import ALLOWED_TO, Action, allow

__all__ = ["Action", "may", "require"]

P = ParamSpec("P")
View = Callable[Concatenate[SignedInRequest, P], HttpResponseBase]


def may(user: User, action: Action) -> bool:
    return allow(user.roles, action)


def require(action: Action) -> Callable[[View[P]], View[P]]:
    """Mark a view with what it takes; refuse and record everybody else."""

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def checked(request: SignedInRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not may(request.user, action):
                details = {"roles": request.user.roles, "wanted": action.value}
                audit.record(
                    "refused",
                    request=request,
                    actor=request.user,
                    target=request.path,
                    outcome="refused",
                    details=details,
                )
                raise PermissionDenied(_sentence(action))
            return view(request, *args, **kwargs)

        checked.requires = action  # type: ignore[attr-defined]
        return checked

    return decorate


def _sentence(action: Action) -> str:
    names = sorted(role.value for role in ALLOWED_TO[action])
    roles = f"the role {names[0]}" if len(names) == 1 else f"one of the roles {', '.join(names[:-1])} or {names[-1]}"
    return f"To {action.value} you need {roles}. Ask an administrator of Endpoint Desk in your tenant for it."
