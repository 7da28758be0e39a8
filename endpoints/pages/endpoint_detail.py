"""What the page of one endpoint shows: what Azure answered, what happened, and what a failure means."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.text import slugify

from accounts.models import User
from accounts.policy import may
from endpoints.arm.errors import ArmError
from endpoints.engine.observe import properties_of
from endpoints.explanations import explain
from endpoints.kinds import Goal, Kind
from endpoints.models import Endpoint, Event, Operation
from endpoints.queries import POLL_AT_REST, POLL_WHILE_WORKING
from endpoints.services import requestable
from endpoints.states import State


@dataclass(frozen=True)
class Fact:
    label: str
    value: Any
    mono: bool = False
    copy: bool = False

    @property
    def key(self) -> str:
        return slugify(f"{self.label} {self.value}")


@dataclass(frozen=True)
class FactGroup:
    title: str
    rows: list[Fact]


@dataclass(frozen=True)
class ErrorNode:
    """A level of ARM's error tree."""

    code: str
    message: str
    target: str
    children: list["ErrorNode"]


@dataclass(frozen=True)
class Failure:
    title: str
    meaning: str
    advice: str
    code: str
    message: str
    http_status: int
    correlation_id: str
    tree: list[ErrorNode]
    raw: str


@dataclass(frozen=True)
class HistoryLine:
    key: int
    at: datetime
    state: State | None
    text: str
    who: str
    evidence: dict[str, Any] | None


@dataclass(frozen=True)
class Sample:
    title: str
    code: str


@dataclass(frozen=True)
class EndpointDetail:
    endpoint: Endpoint
    operation: Operation | None
    failure: Failure | None
    facts: list[FactGroup]
    history: list[HistoryLine]
    raw_requested: str
    raw_observed: str
    tag: str
    poll_seconds: int
    try_again_url: str = ""
    refresh_url: str = ""
    delete_url: str = ""
    sign_in_url: str = ""
    samples: list[Sample] = field(default_factory=list)

    @property
    def can_try_again(self) -> bool:
        return bool(self.try_again_url)


def endpoint_detail(endpoint: Endpoint, user: User) -> EndpointDetail:
    operation = endpoint.operations.order_by("-requested_at").first()
    events = endpoint.events.select_related("actor")
    offered = {kind for kind in requestable(endpoint) if may(user, kind.spec.permission, endpoint)}
    mine = operation is not None and operation.needs_sign_in and operation.requested_by_id == user.pk
    return EndpointDetail(
        endpoint=endpoint,
        operation=operation,
        failure=_failure(operation),
        facts=_facts(endpoint, operation),
        history=[_line(event) for event in events],
        raw_requested=pretty(endpoint.requested),
        raw_observed=pretty(endpoint.observed) if endpoint.observed else "",
        tag=detail_tag(endpoint),
        poll_seconds=POLL_WHILE_WORKING if endpoint.shown_state.is_working else POLL_AT_REST,
        try_again_url=f"{reverse('endpoints:create')}?from={endpoint.pk}" if Kind.CREATE in offered else "",
        refresh_url=reverse("endpoints:refresh", args=[endpoint.pk]) if Kind.REFRESH in offered else "",
        delete_url=reverse("endpoints:delete", args=[endpoint.pk]) if Kind.DELETE in offered else "",
        sign_in_url=reverse("endpoints:sign_in_again", args=[endpoint.pk]) if mine else "",
        samples=_samples(endpoint) if endpoint.shown_state == State.ONLINE else [],
    )


def detail_tag(endpoint: Endpoint) -> str:
    """Changes exactly when the page of the endpoint does, and carries its state for the announcement."""
    return f"{endpoint.version}.{endpoint.state}"


def announcement(endpoint: Endpoint, shown_tag: str) -> str:
    """What to say to people who do not see the page change; nothing while the state stays."""
    shown = shown_tag.partition(".")[2]
    return f"{endpoint.name} is {endpoint.shown_state.label.lower()}." if shown not in {"", endpoint.state} else ""


def pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _failure(operation: Operation | None) -> Failure | None:
    if operation is None or operation.settled_at is None or operation.error is None:
        return None
    error = ArmError.from_json(operation.error)
    if operation.spec.goal is Goal.REFRESHED and error.status == 404:
        return None  # that Azure does not hold it is what the look found out
    words = explain(error)
    return Failure(
        title=words.title,
        meaning=words.meaning,
        advice=words.advice,
        code=error.inner_code,
        message=error.message,
        http_status=error.status,
        correlation_id=str(operation.correlation_id),
        tree=[_node(error.raw)] if error.raw else [],
        raw=pretty(error.raw) if error.raw else "",
    )


def _node(raw: dict[str, Any]) -> ErrorNode:
    details = [item for item in raw.get("details") or [] if isinstance(item, dict)]
    infos = [item for item in raw.get("additionalInfo") or [] if isinstance(item, dict)]
    children = [_node(item) for item in details] + [_info_node(item) for item in infos]
    return ErrorNode(_text(raw.get("code")), _text(raw.get("message")), _text(raw.get("target")), children)


def _info_node(item: dict[str, Any]) -> ErrorNode:
    info = item.get("info")
    value = info.get("value", info) if isinstance(info, dict) else info
    return ErrorNode(_text(item.get("type")), _text(value), "", [])


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _line(event: Event) -> HistoryLine:
    who = event.actor.name if event.actor else "Azure" if event.evidence.get("status") else "Endpoint Desk"
    state = State(event.state) if event.state else None
    return HistoryLine(event.pk, event.at, state, event.text, who, _evidence(event.evidence))


def _evidence(evidence: dict[str, Any]) -> dict[str, Any] | None:
    if not evidence:
        return None
    headers = evidence.get("headers", {})
    correlation_id = headers.get("x-ms-correlation-request-id", "")
    return {**evidence, "headers": list(headers.items()), "correlation_id": correlation_id}


def _facts(endpoint: Endpoint, operation: Operation | None) -> list[FactGroup]:
    seen = endpoint.observed or {}
    properties = properties_of(endpoint.observed)
    groups = [
        FactGroup("Azure's states", _azure_states(endpoint, properties, operation)),
        FactGroup("Settings", _settings(endpoint, properties, seen)),
        FactGroup("Identity", _identity(seen)),
        FactGroup("Where", _where(endpoint, properties)),
        FactGroup("Who and when", _system_data(endpoint, seen)),
    ]
    return [group for group in groups if group.rows]


def _azure_states(endpoint: Endpoint, properties: dict[str, Any], operation: Operation | None) -> list[Fact]:
    ended, read = operation and operation.settled_at, endpoint.observed_at
    # A failed operation ends without another read of the resource, which then still shows what was before.
    when = ", before the end" if ended and read and read < ended else ""
    rows = [
        Fact(f"Provisioning state{when}", properties.get("provisioningState")),
        Fact(f"Endpoint state{when}", properties.get("endpointState")),
        Fact("Read at", endpoint.observed_at),
        Fact("Last confirmed", endpoint.confirmed_at),
    ]
    if operation:
        rows.insert(0, Fact("Operation says", operation.arm_status))
        rows.append(Fact("Correlation id", str(operation.correlation_id), mono=True, copy=True))
    return _present(rows)


def _settings(endpoint: Endpoint, properties: dict[str, Any], seen: dict[str, Any]) -> list[Fact]:
    asked = endpoint.requested.get("properties", {})
    safety = _object(properties.get("contentSafety", asked.get("contentSafety")))
    sku = _object(seen.get("sku") or endpoint.requested.get("sku"))
    inference = _object(properties.get("inferenceEndpoint"))
    return _present(
        [
            Fact("Model", endpoint.model_id, mono=True, copy=True),
            Fact("Authentication", properties.get("authMode", asked.get("authMode"))),
            Fact("Content safety", safety.get("contentSafetyStatus") or "Azure's default"),
            Fact("Kind", seen.get("kind") or endpoint.requested.get("kind")),
            Fact("SKU", _sku(sku)),
            Fact("Tags", _pairs(seen.get("tags", endpoint.requested.get("tags")))),
            Fact("Inference headers", _pairs(inference.get("headers")), mono=True),
        ]
    )


def _sku(sku: dict[str, Any]) -> str:
    """Like "Consumption, tier Basic, capacity 2"."""
    rest = [f"{name} {value}" for name, value in sku.items() if name != "name" and not _is_blank(value)]
    return ", ".join([sku.get("name") or "", *rest]).strip(", ")


def _identity(seen: dict[str, Any]) -> list[Fact]:
    identity = _object(seen.get("identity"))
    assigned = _object(identity.get("userAssignedIdentities"))
    rows = [
        Fact("Type", identity.get("type")),
        Fact("Principal id", identity.get("principalId"), mono=True, copy=True),
        Fact("Tenant id", identity.get("tenantId"), mono=True),
    ]
    return _present([*rows, *(Fact("User-assigned", name, mono=True, copy=True) for name in assigned)])


def _where(endpoint: Endpoint, properties: dict[str, Any]) -> list[Fact]:
    workspace = endpoint.workspace
    return _present(
        [
            Fact("Workspace", workspace.name),
            Fact("Region", workspace.location),
            Fact("Resource group", workspace.resource_group),
            Fact("Subscription", workspace.subscription_id, mono=True),
            Fact("Resource id", (endpoint.observed or {}).get("id") or endpoint.arm_id, mono=True, copy=True),
            Fact("Marketplace subscription", properties.get("marketplaceSubscriptionId"), mono=True, copy=True),
        ]
    )


def _system_data(endpoint: Endpoint, seen: dict[str, Any]) -> list[Fact]:
    system = _object(seen.get("systemData"))
    return _present(
        [
            Fact("Owner", endpoint.owner.name),
            Fact("Asked for", endpoint.created_at),
            Fact("Created in Azure by", _who(system, "createdBy")),
            Fact("Created in Azure at", _moment(system.get("createdAt"))),
            Fact("Changed in Azure by", _who(system, "lastModifiedBy")),
            Fact("Changed in Azure at", _moment(system.get("lastModifiedAt"))),
        ]
    )


def _who(system: dict[str, Any], key: str) -> str:
    kind = system.get(f"{key}Type")
    return f"{system[key]} ({kind})" if system.get(key) and kind else system.get(key) or ""


def _moment(text: Any) -> Any:
    """Azure's time as one of ours; as it came when it is not readable as a time."""
    try:
        return (parse_datetime(text) if isinstance(text, str) else None) or text
    except ValueError:
        return text


def _pairs(values: Any) -> str:
    return ", ".join(f"{key}={value}" for key, value in values.items()) if isinstance(values, dict) else ""


def _present(rows: list[Fact]) -> list[Fact]:
    return [row for row in rows if not _is_blank(row.value)]


def _is_blank(value: Any) -> bool:
    return value is None or value == ""


def _object(value: Any) -> dict[str, Any]:
    """Azure may answer anything, and the page shows what it understands; the whole answer stands below."""
    return value if isinstance(value, dict) else {}


def _samples(endpoint: Endpoint) -> list[Sample]:
    """Calls that work as they stand once the key is in the environment; the URI has no path of its own."""
    uri = endpoint.inference_uri.rstrip("/")
    curl = (
        f'curl "{uri}/v1/chat/completions" \\\n'
        '  -H "Authorization: Bearer $ENDPOINT_KEY" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        """  -d '{"messages": [{"role": "user", "content": "Hello"}]}'"""
    )
    python = (
        "import os\n\nimport requests\n\n"
        f'answer = requests.post(\n    "{uri}/v1/chat/completions",\n'
        '    headers={"Authorization": f"Bearer {os.environ[\'ENDPOINT_KEY\']}"},\n'
        '    json={"messages": [{"role": "user", "content": "Hello"}]},\n    timeout=60,\n)\nprint(answer.json())'
    )
    openai = (
        "import os\n\nfrom openai import OpenAI\n\n"
        f'client = OpenAI(base_url="{uri}/v1", api_key=os.environ["ENDPOINT_KEY"])\n'
        "answer = client.chat.completions.create(\n"
        f'    model="{endpoint.model_name}", messages=[{{"role": "user", "content": "Hello"}}]\n)\n'
        "print(answer.choices[0].message.content)"
    )
    return [Sample("curl", curl), Sample("Python", python), Sample("OpenAI SDK", openai)]
