"""The kinds of operation, and all that differs between them: one row each."""

from dataclasses import dataclass
from enum import Enum, auto

from django.db.models import TextChoices

from accounts.roles import Action
from endpoints.states import State


class Kind(TextChoices):
    CREATE = "create", "Create"
    UPDATE = "update", "Update"
    DELETE = "delete", "Delete"
    REGENERATE_KEY = "regenerate-key", "Regenerate a key"
    # Only reads what Azure holds.
    REFRESH = "refresh", "Refresh"

    @property
    def spec(self) -> "KindSpec":
        return KINDS[self]


class Goal(Enum):
    """What shows that Azure did what was requested. The engine decides by this, never by the kind itself."""

    EXISTS = auto()  # the resource, with the requested model; safe to send again
    INCLUDES = auto()  # the requested values in the resource; never sent twice
    ABSENT = auto()  # a resource that is gone; safe to send again
    RESPONSE = auto()  # nothing but the response, which is never stored and never requested twice
    REFRESHED = auto()  # whatever the resource shows, once nothing moves


class Precheck(Enum):
    """Whether the resource is read before anything is sent."""

    ALWAYS = auto()
    # A name that Azure was never seen to hold for us may belong to somebody else there.
    UNLESS_OURS = auto()
    NEVER = auto()


@dataclass(frozen=True)
class KindSpec:
    """`audit_action` is empty for what changes nothing in Azure."""

    method: str
    goal: Goal
    precheck: Precheck
    permission: Action
    audit_action: str
    # Shown until a worker sends the request, and while Azure works on it.
    queued_state: State
    working_state: State
    requested_text: str
    queued_reason: str = ""
    done_text: str = ""
    failed_text: str = ""
    # Appended to the path of the resource.
    action_path: str = ""
    # Ends an operation that waits for a sign-in, which may never come.
    replaces_parked: bool = False

    @property
    def reads_resource(self) -> bool:
        """Whether the resource tells how the operation went."""
        return self.goal is not Goal.RESPONSE


KINDS = {
    Kind.CREATE: KindSpec(
        method="PUT",
        goal=Goal.EXISTS,
        precheck=Precheck.ALWAYS,
        permission=Action.CREATE_ENDPOINT,
        audit_action="endpoint-created",
        queued_state=State.QUEUED,
        working_state=State.CREATING,
        requested_text="Asked for.",
    ),
    Kind.UPDATE: KindSpec(
        method="PATCH",
        goal=Goal.INCLUDES,
        precheck=Precheck.NEVER,
        permission=Action.UPDATE_ENDPOINT,
        audit_action="endpoint-changed",
        queued_state=State.UPDATING,
        working_state=State.UPDATING,
        requested_text="A change was asked for.",
        done_text="Changed",
        failed_text="It was not changed: {cause}",
    ),
    Kind.DELETE: KindSpec(
        method="DELETE",
        goal=Goal.ABSENT,
        precheck=Precheck.UNLESS_OURS,
        permission=Action.DELETE_ENDPOINT,
        audit_action="endpoint-deleted",
        queued_state=State.DELETING,
        working_state=State.DELETING,
        requested_text="The deletion was asked for.",
        done_text="Deleted",
        failed_text="It was not deleted: {cause}",
        replaces_parked=True,
    ),
    Kind.REGENERATE_KEY: KindSpec(
        method="POST",
        goal=Goal.RESPONSE,
        precheck=Precheck.NEVER,
        permission=Action.REGENERATE_KEYS,
        audit_action="key-regenerated",
        queued_state=State.UPDATING,
        working_state=State.UPDATING,
        requested_text="A new key was asked for.",
        done_text="Azure made a new key.",
        failed_text="It was not changed: {cause}",
        action_path="/regenerateKeys",
    ),
    Kind.REFRESH: KindSpec(
        method="GET",
        goal=Goal.REFRESHED,
        precheck=Precheck.ALWAYS,
        permission=Action.VIEW_ENDPOINTS,
        audit_action="",
        queued_state=State.QUEUED,
        working_state=State.CREATING,
        requested_text="A new look was asked for.",
        queued_reason="Azure is asked what it holds.",
        failed_text="It could not be looked at: {cause}",
        replaces_parked=True,
    ),
}

_CHANGES = frozenset({Kind.UPDATE, Kind.DELETE, Kind.REGENERATE_KEY, Kind.REFRESH})
# What may be requested in each state, by anybody whom the kind's permission allows it.
ALLOWED: dict[State, frozenset[Kind]] = {
    State.QUEUED: frozenset(),
    State.CREATING: frozenset(),
    State.UPDATING: frozenset(),
    State.DELETING: frozenset(),
    # What waits there gives way to a deletion or a look.
    State.NEEDS_SIGN_IN: frozenset({Kind.DELETE, Kind.REFRESH}),
    State.ONLINE: _CHANGES,
    State.DEGRADED: _CHANGES,
    State.FAILED: _CHANGES | {Kind.CREATE},
    State.UNKNOWN: _CHANGES | {Kind.CREATE},
    State.DELETED: frozenset({Kind.CREATE, Kind.REFRESH}),
}
