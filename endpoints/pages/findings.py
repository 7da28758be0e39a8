"""What needs a person: all findings in the workspaces that a user may read, by kind."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote
from uuid import UUID

from django.db.models import Count, QuerySet
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.http import SignedInRequest
from accounts.models import User
from accounts.policy import Action, may, require
from endpoints.access import notices, prepare, readable_ids
from endpoints.findings import FindingKind, Remedy
from endpoints.kinds import ALLOWED, Kind
from endpoints.models import Endpoint, Finding, Workspace

MAX_ROWS = 200
# On the page of all kinds.
MAX_ROWS_OF_EACH = 10
# https://learn.microsoft.com/en-us/azure/azure-portal/azure-portal-overview
PORTAL = "https://portal.azure.com/#resource"


@dataclass(frozen=True)
class Offer:
    """A link to what the user may do about a finding, or a button if that is a POST request."""

    label: str
    url: str
    is_button: bool = False


@dataclass(frozen=True)
class FindingRow:
    """`name` is that of the endpoint, or of the marketplace subscription, which has no page."""

    name: str
    url: str
    workspace: Workspace
    kind: FindingKind
    detail: str
    since: datetime
    offers: list[Offer]


@dataclass(frozen=True)
class Group:
    kind: FindingKind
    count: int
    rows: list[FindingRow]


@dataclass(frozen=True)
class Filters:
    """Invalid values count as missing."""

    kind: str
    workspace: UUID | None

    @classmethod
    def of(cls, parameters: QueryDict) -> "Filters":
        kind = parameters.get("kind", "")
        return cls(kind if kind in FindingKind else "", _uuid(parameters.get("workspace", "")))

    def apply(self, findings: QuerySet[Finding]) -> QuerySet[Finding]:
        findings = findings.filter(kind=self.kind) if self.kind else findings
        return findings.filter(workspace=self.workspace) if self.workspace else findings


@require_safe
@require(Action.VIEW_ENDPOINTS)
def findings(request: SignedInRequest) -> HttpResponse:
    prepare(request.user)
    readable, filters = Finding.objects.filter(workspace__in=readable_ids(request.user)), Filters.of(request.GET)
    with_findings = Workspace.objects.filter(pk__in=readable.values("workspace"))
    context = {
        "groups": groups(filters.apply(readable), request.user, MAX_ROWS if filters.kind else MAX_ROWS_OF_EACH),
        "filters": filters,
        "kinds": FindingKind,
        "workspaces": with_findings.only("name", "resource_group"),
        "notices": notices(request.user),
    }
    return render(request, "endpoints/findings.html", context)


def groups(found: QuerySet[Finding], user: User, max_rows: int) -> list[Group]:
    """The most urgent kind first, and in each kind the oldest finding."""
    counts = dict(found.order_by().values_list("kind").annotate(Count("pk")))
    return [
        Group(kind, counts[kind], rows(found.filter(kind=kind).order_by("since", "pk")[:max_rows], user))
        for kind in FindingKind
        if kind in counts
    ]


def findings_of(endpoint: Endpoint, user: User) -> list[FindingRow]:
    """Without kinds and offers for which the page of the endpoint has a place of its own."""
    found = Finding.objects.filter(endpoint=endpoint).exclude(kind__in=[FindingKind.DRIFT, FindingKind.UNOWNED])
    shown = rows(found, user, {Remedy.CREATE, Remedy.PORTAL})
    return sorted(shown, key=lambda row: list(FindingKind).index(row.kind))


def rows(found: QuerySet[Finding], user: User, remedies: Collection[Remedy] = frozenset(Remedy)) -> list[FindingRow]:
    related = found.select_related("endpoint", "subscription", "workspace")
    return [_row(one, user, remedies) for one in related.defer(*HEAVY)]


# Columns of JSON, which would cost more to read than all others.
HEAVY = (
    "endpoint__observed", "endpoint__requested", "endpoint__drift", "subscription__observed", "workspace__counts",
)  # fmt: skip


def _row(finding: Finding, user: User, remedies: Collection[Remedy]) -> FindingRow:
    endpoint, subscription, kind = finding.endpoint, finding.subscription, FindingKind(finding.kind)
    offers = [OFFERS[remedy](finding, user) for remedy in kind.spec.remedies if remedy in remedies]
    return FindingRow(
        name=endpoint.name if endpoint else subscription.name if subscription else "",
        url=endpoint.get_absolute_url() if endpoint else "",
        workspace=finding.workspace,
        kind=kind,
        detail=finding.detail,
        since=finding.since,
        offers=[offer for offer in offers if offer],
    )


def _check(finding: Finding, user: User) -> Offer | None:
    endpoint = finding.endpoint
    return Offer("Check now", reverse("endpoints:check", args=[endpoint.pk]), is_button=True) if endpoint else None


def _compare(finding: Finding, user: User) -> Offer | None:
    return Offer("Compare", f"{finding.endpoint.get_absolute_url()}#drift") if finding.endpoint else None


def _delete(finding: Finding, user: User) -> Offer | None:
    endpoint = finding.endpoint
    if endpoint is None or Kind.DELETE not in ALLOWED[endpoint.shown_state]:
        return None
    url = reverse("endpoints:delete", args=[endpoint.pk])
    return Offer("Delete…", url) if may(user, Action.DELETE_ENDPOINT, endpoint) else None


def _adopt(finding: Finding, user: User) -> Offer | None:
    if finding.endpoint is None or not may(user, Action.ADOPT_ENDPOINT):
        return None
    return Offer("Give it an owner…", reverse("endpoints:adopt", args=[finding.endpoint_id]))


def _create(finding: Finding, user: User) -> Offer | None:
    start = f"from={finding.endpoint_id}" if finding.endpoint_id else f"workspace={finding.workspace_id}"
    url = f"{reverse('endpoints:create')}?{start}"
    return Offer("New endpoint", url) if may(user, Action.CREATE_ENDPOINT) else None


def _portal(finding: Finding, user: User) -> Offer:
    return Offer("Open in the Azure portal", PORTAL + quote(finding.workspace.arm_id))


OFFERS: dict[Remedy, Callable[[Finding, User], Offer | None]] = {
    Remedy.CHECK: _check,
    Remedy.COMPARE: _compare,
    Remedy.DELETE: _delete,
    Remedy.ADOPT: _adopt,
    Remedy.CREATE: _create,
    Remedy.PORTAL: _portal,
}


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
