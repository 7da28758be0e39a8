"""The kinds of operation and everything that differs between them, one row each; and what each state allows."""

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

    @property
    def spec(self) -> "KindSpec":
        return KINDS[self]


class Goal(Enum):
    """The proof that Azure did what was requested. The engine decides by the goal, never by the kind."""

    EXISTS = auto()  # the resource with the requested model; the request may be sent again
    INCLUDES = auto()  # the requested values in the resource; the request is never sent twice
    ABSENT = auto()  # the missing resource; the request may be sent again
    RESPONSE = auto()  # only the response, which is never stored; the request is never sent twice


@dataclass(frozen=True)
class KindSpec:
    method: str
    goal: Goal
    permission: Action
    audit_action: str
    # Shown until a worker sends the request, then while Azure works on it.
    queued_state: State
    working_state: State
    requested_text: str
    done_text: str = ""
    failed_text: str = ""
    # Appended to the path of the resource.
    action_path: str = ""
    # Whether it ends an operation that waits for a sign-in, which may never come.
    replaces_parked: bool = False

    @property
    def reads_resource(self) -> bool:
        """Whether the resource shows how the operation went."""
        return self.goal is not Goal.RESPONSE


KINDS = {
    Kind.CREATE: KindSpec(
        method="PUT",
        goal=Goal.EXISTS,
        permission=Action.CREATE_ENDPOINT,
        audit_action="endpoint-created",
        queued_state=State.QUEUED,
        working_state=State.CREATING,
        requested_text="Creation requested",
    ),
    Kind.UPDATE: KindSpec(
        method="PATCH",
        goal=Goal.INCLUDES,
        permission=Action.UPDATE_ENDPOINT,
        audit_action="endpoint-changed",
        queued_state=State.UPDATING,
        working_state=State.UPDATING,
        requested_text="Change requested",
        done_text="Changed",
        failed_text="Not changed: {cause}",
    ),
    Kind.DELETE: KindSpec(
        method="DELETE",
        goal=Goal.ABSENT,
        permission=Action.DELETE_ENDPOINT,
        audit_action="endpoint-deleted",
        queued_state=State.DELETING,
        working_state=State.DELETING,
        requested_text="Deletion requested",
        done_text="Deleted",
        failed_text="Not deleted: {cause}",
        replaces_parked=True,
    ),
    Kind.REGENERATE_KEY: KindSpec(
        method="POST",
        goal=Goal.RESPONSE,
        permission=Action.REGENERATE_KEYS,
        audit_action="key-regenerated",
        queued_state=State.UPDATING,
        working_state=State.UPDATING,
        requested_text="New key requested",
        done_text="Azure made a new key.",
        failed_text="Not changed: {cause}",
        action_path="/regenerateKeys",
    ),
}

# Their requests make the endpoint.
CREATIONS = tuple(kind for kind, spec in KINDS.items() if spec.goal is Goal.EXISTS)

_ON_EXISTING = frozenset({Kind.UPDATE, Kind.DELETE, Kind.REGENERATE_KEY})
# The kinds of operation that each state allows. The kind's permission decides for whom.
ALLOWED: dict[State, frozenset[Kind]] = {
    State.QUEUED: frozenset(),
    State.CREATING: frozenset(),
    State.UPDATING: frozenset(),
    State.DELETING: frozenset(),
    # A deletion replaces the operation that waits for the sign-in.
    State.NEEDS_SIGN_IN: frozenset({Kind.DELETE}),
    State.ONLINE: _ON_EXISTING,
    State.DEGRADED: _ON_EXISTING,
    State.FAILED: _ON_EXISTING | {Kind.CREATE},
    State.UNKNOWN: _ON_EXISTING | {Kind.CREATE},
    State.DELETED: frozenset({Kind.CREATE}),
}
