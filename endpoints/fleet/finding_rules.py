"""What needs a person in a workspace, derived from its rows and the time alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.db.models.fields.json import KT

from endpoints import catalogue
from endpoints.findings import FindingKind
from endpoints.models import Endpoint, MarketplaceSubscription, Workspace, WorkspaceRead
from endpoints.states import State

# A creation or a deletion takes minutes.
OVERDUE_AFTER = timedelta(hours=1)
RETIRING_WITHIN = timedelta(days=90)
LOOK_AGAIN_AFTER = timedelta(minutes=10)


@dataclass(frozen=True)
class Row:
    """What findings need of an endpoint. Azure's whole JSON would cost more to read than all the rest."""

    id: UUID
    state: str
    reason: str
    state_since: datetime
    model_id: str
    inference_uri: str
    owner: int | None
    drift: list[dict[str, Any]] | None
    drift_since: datetime | None
    observed_at: datetime | None
    provisioning_state: str | None
    endpoint_state: str | None
    subscription_id: str | None
    created_by: str | None

    @property
    def is_working(self) -> bool:
        return State(self.state).is_working

    @property
    def is_in_azure(self) -> bool:
        """Or may be soon."""
        return self.is_working or (self.observed_at is not None and self.state != State.DELETED)


COLUMNS = (
    "id", "state", "reason", "state_since", "model_id", "inference_uri", "owner", "drift", "drift_since", "observed_at",
)  # fmt: skip
KEYS = (
    "observed__properties__provisioningState",
    "observed__properties__endpointState",
    "observed__properties__marketplaceSubscriptionId",
    "observed__systemData__createdBy",
)


@dataclass(frozen=True)
class Found:
    """A finding as it should be stored."""

    kind: FindingKind
    since: datetime
    detail: str = ""
    endpoint_id: UUID | None = None
    subscription_id: int | None = None


@dataclass
class Subscriptions:
    """A workspace's marketplace subscriptions, and when a complete list showed them."""

    rows: Sequence[MarketplaceSubscription]
    read_at: datetime | None
    _used: set[int] = field(default_factory=set)

    def of(self, row: Row) -> MarketplaceSubscription | None:
        """The one that pays for the endpoint: the one that Azure names, or one for its model, at best an active one."""
        name = (row.subscription_id or "").rpartition("/")[2].lower()
        named = [one for one in self.rows if one.name.lower() == name]
        for_model = [one for one in self.rows if _base(one.model_id) == _base(row.model_id)]
        found = named or sorted(for_model, key=lambda one: not _is_active(one))
        self._used.update(one.pk for one in (*named, *for_model))
        return found[0] if found else None

    def unused(self) -> list[MarketplaceSubscription]:
        """Those that `of` did not find for any endpoint."""
        return [one for one in self.rows if one.pk not in self._used]


def find(workspace: Workspace, now: datetime) -> tuple[list[Found], datetime]:
    """The findings of a workspace, and when they change by the time alone."""
    midnight = datetime.combine(_today(now) + timedelta(days=1), time(), UTC)
    if workspace.gone_at:
        return [], midnight
    read_at = WorkspaceRead.objects.filter(pk=workspace.pk).values_list("subscriptions_at", flat=True).first()
    subscriptions = Subscriptions(list(workspace.subscriptions.order_by("pk")), read_at)
    found: list[Found] = []
    times = [midnight]
    for row in _rows(workspace):
        found += _of_state(row, now)
        found += _of_settings(row, now)
        found += _of_model(row, now)
        found += _of_subscription(row, subscriptions, now)
        if row.is_working and now < row.state_since + OVERDUE_AFTER:
            times.append(row.state_since + OVERDUE_AFTER)
        if read_at and row.state == State.ONLINE and row.state_since > read_at:
            times.append(now + LOOK_AGAIN_AFTER)  # the next list may show its subscription
    for one in subscriptions.unused() if read_at else []:
        detail = f"{_name(one.model_id)} is {one.status or 'without a status'}."
        found.append(Found(FindingKind.SUBSCRIPTION_UNUSED, now, detail, subscription_id=one.pk))
    return found, min(times)


def _rows(workspace: Workspace) -> list[Row]:
    in_azure = Endpoint.objects.filter(workspace=workspace).exclude(state=State.DELETED).order_by("name", "pk")
    values = in_azure.values_list(*COLUMNS, *(KT(key) for key in KEYS))
    # With SQLite, null in JSON reads as text.
    return [
        Row(*row[: -len(KEYS)], *(text if text != "null" else None for text in row[-len(KEYS) :])) for row in values
    ]


def _of_state(row: Row, now: datetime) -> Iterator[Found]:
    if row.is_working and now >= row.state_since + OVERDUE_AFTER:
        yield Found(FindingKind.OVERDUE, row.state_since, f"{State(row.state).label} for over an hour.", row.id)
    elif row.state == State.FAILED and row.observed_at:
        yield Found(FindingKind.FAILED, row.state_since, row.reason, row.id)
    elif row.state in {State.DEGRADED, State.UNKNOWN} and _is(row.provisioning_state, "succeeded"):
        if not _is(row.endpoint_state, "online"):
            yield Found(FindingKind.NOT_ONLINE, row.state_since, row.reason, row.id)
        elif not row.inference_uri:
            yield Found(FindingKind.NO_URI, row.state_since, "", row.id)


def _of_settings(row: Row, now: datetime) -> Iterator[Found]:
    if row.drift:
        names = ", ".join(str(difference.get("field", "")) for difference in row.drift)
        yield Found(FindingKind.DRIFT, row.drift_since or now, f"Differs: {names}.", row.id)
    if row.owner is None:
        yield Found(FindingKind.UNOWNED, now, f"Created by {row.created_by}." if row.created_by else "", row.id)


def _of_model(row: Row, now: datetime) -> Iterator[Found]:
    model, today = catalogue.find(_base(row.model_id)), _today(now)
    if row.state != State.ONLINE or model is None or model.retires is None:
        return
    if model.is_retired(today):
        since = datetime.combine(model.retires, time(), UTC)
        yield Found(FindingKind.RETIRED, since, f"{model.name} retired on {model.retires:%-d %B %Y}.", row.id)
    elif model.retires <= today + RETIRING_WITHIN:
        yield Found(FindingKind.RETIRING, now, f"{model.name} retires on {model.retires:%-d %B %Y}.", row.id)


def _of_subscription(row: Row, subscriptions: Subscriptions, now: datetime) -> Iterator[Found]:
    """Nothing is claimed without a complete list that is newer than the endpoint."""
    if subscriptions.read_at is None or not row.is_in_azure:
        return
    found = subscriptions.of(row)
    if found and row.state in {State.ONLINE, State.DEGRADED} and found.status and not _is_active(found):
        yield Found(FindingKind.SUBSCRIPTION_INACTIVE, now, f"{found.name} is {found.status}.", row.id)
    elif found is None and row.state == State.ONLINE and row.state_since <= subscriptions.read_at:
        model = catalogue.find(_base(row.model_id))
        if row.subscription_id or (model and model.needs_marketplace):
            yield Found(FindingKind.SUBSCRIPTION_MISSING, now, f"{_name(row.model_id)} needs one.", row.id)


def _is_active(subscription: MarketplaceSubscription) -> bool:
    return subscription.status.lower() == "subscribed"


def _is(status: str | None, expected: str) -> bool:
    return (status or "").lower() == expected


def _base(model_id: str) -> str:
    """Without the version, which Azure may add, and without case."""
    return model_id.strip().lower().partition("/versions/")[0]


def _name(model_id: str) -> str:
    return model_id.rpartition("/models/")[2] or model_id


def _today(now: datetime) -> date:
    return now.astimezone(UTC).date()
