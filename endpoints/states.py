"""The states that users see and the phases of an operation.

The table of what a state allows is `endpoints.kinds.ALLOWED`.
"""

from dataclasses import dataclass

from django.db.models import IntegerChoices, TextChoices


class State(TextChoices):
    """The state of an endpoint in the table."""

    QUEUED = "queued", "Queued"
    CREATING = "creating", "Creating"
    UPDATING = "updating", "Updating"
    ONLINE = "online", "Online"
    DEGRADED = "degraded", "Degraded"
    FAILED = "failed", "Failed"
    DELETING = "deleting", "Deleting"
    DELETED = "deleted", "Deleted"
    NEEDS_SIGN_IN = "needs-sign-in", "Needs sign-in"
    UNKNOWN = "unknown", "Unknown"

    @property
    def spec(self) -> "StateSpec":
        return STATES[self]

    @property
    def icon(self) -> str:
        return self.spec.icon

    @property
    def is_working(self) -> bool:
        """Whether Azure or a worker is busy with it, so that it changes by itself."""
        return self.spec.urgency == Urgency.WORKING


class Urgency(IntegerChoices):
    """The order of the table: what needs a person first, what works next, what rests last."""

    NEEDS_YOU = 0
    WORKING = 1
    RESTING = 2

    @classmethod
    def of(cls, state: State) -> "Urgency":
        return state.spec.urgency


@dataclass(frozen=True)
class StateSpec:
    """`icon` is a file in `static/icons`; shapes differ, so that colour never stands alone.

    https://www.w3.org/WAI/WCAG22/Understanding/use-of-color

    `predicate` follows the endpoint's name in a sentence.
    """

    icon: str
    urgency: Urgency
    predicate: str


STATES = {
    State.QUEUED: StateSpec("clock", Urgency.WORKING, "is queued"),
    State.CREATING: StateSpec("ring-open", Urgency.WORKING, "is being created"),
    State.UPDATING: StateSpec("ring-open", Urgency.WORKING, "is being updated"),
    State.ONLINE: StateSpec("ring-tick", Urgency.RESTING, "is online"),
    State.DEGRADED: StateSpec("triangle", Urgency.NEEDS_YOU, "is degraded"),
    State.FAILED: StateSpec("ring-cross", Urgency.NEEDS_YOU, "failed"),
    State.DELETING: StateSpec("bin", Urgency.WORKING, "is being deleted"),
    State.DELETED: StateSpec("dash", Urgency.RESTING, "is deleted"),
    State.NEEDS_SIGN_IN: StateSpec("key", Urgency.NEEDS_YOU, "needs a sign-in"),
    State.UNKNOWN: StateSpec("triangle", Urgency.NEEDS_YOU, "is in an unknown state"),
}


class Phase(TextChoices):
    """How far an operation is, and thereby which single request to Azure is next."""

    QUEUED = "queued"  # next: read the resource, in case it is someone else's
    CLEAR = "clear"  # next: send the request
    SENDING = "sending"  # the request may have left; after a crash, next: read the resource
    FOLLOWING = "following"  # Azure works; next: read the monitor, the result URL or the resource
    CONFIRMING = "confirming"  # the monitor reported success; next: read the result
    SETTLED = "settled"  # nothing is next


# The phases in which a user waits for a worker: Azure has not accepted the request.
NOT_YET_ACCEPTED = (Phase.QUEUED, Phase.CLEAR, Phase.SENDING)
