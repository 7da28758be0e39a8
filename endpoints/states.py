"""The states a person sees and the phases of an operation."""

from django.db.models import IntegerChoices, TextChoices


class State(TextChoices):
    """What the table says about an endpoint."""

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
    def icon(self) -> str:
        """The name of its file in `static/icons`; shapes differ, so that colour is never alone."""
        return ICONS[self]

    @property
    def is_working(self) -> bool:
        """Whether Azure or a worker is on it, so that it changes by itself."""
        return self in {State.QUEUED, State.CREATING, State.UPDATING, State.DELETING}


ICONS = {
    State.QUEUED: "clock",
    State.CREATING: "ring-open",
    State.UPDATING: "ring-open",
    State.ONLINE: "ring-tick",
    State.DEGRADED: "triangle",
    State.FAILED: "ring-cross",
    State.DELETING: "bin",
    State.DELETED: "dash",
    State.NEEDS_SIGN_IN: "key",
    State.UNKNOWN: "triangle",
}


class Urgency(IntegerChoices):
    """The order of the table: what needs a person first, what works next, what rests last."""

    NEEDS_YOU = 0
    WORKING = 1
    RESTING = 2

    @classmethod
    def of(cls, state: State) -> "Urgency":
        if state.is_working:
            return cls.WORKING
        return cls.RESTING if state in {State.ONLINE, State.DELETED} else cls.NEEDS_YOU


class Phase(TextChoices):
    """Where an operation is, and thereby which single call to Azure comes next."""

    QUEUED = "queued"  # next: read the resource, to see that nobody else has it
    CLEAR = "clear"  # nothing is in the way; next: send the request
    SENDING = "sending"  # the request left, perhaps; after a crash, next: read the resource
    FOLLOWING = "following"  # Azure works; next: read the monitor, the result URL or the resource
    CONFIRMING = "confirming"  # the monitor said Succeeded; next: read the result
    SETTLED = "settled"  # nothing comes next


# What a person waits for: Azure does not work on it yet.
NOT_YET_ACCEPTED = (Phase.QUEUED, Phase.CLEAR, Phase.SENDING)
