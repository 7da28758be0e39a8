"""Requests, acts of other people, faults of Azure and kills in any order.

Every operation settles, the rows match Azure, and other people's endpoints stay as they are.
"""

import multiprocessing
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from accounts import entra
from accounts.actor import Actor
from accounts.models import AuditEntry, RateCount, User
from endpoints import services
from endpoints.arm.serverless_endpoint import EndpointUpdate
from endpoints.checks import check_endpoint
from endpoints.kinds import Kind
from endpoints.models import Endpoint, Operation, Workspace
from endpoints.states import State
from tests.conftest import SignIn
from tests.support.azure import Azure
from tests.support.creation import filled_in, texts
from tests.support.django_setup import set_up_django
from tests.support.fleet import others, others_create, read_again, shared_reader

ACTIONS = ["create", "delete", "update", "regenerate_key", "check", "sign_out", "sign_in"]
# Faults after which Azure has carried out the request, and faults after which it has not.
AFTER, BEFORE = ["cut-off", "hang", "slow"], ["throttle", "server-error", "drop", "html", "expired-token", "error"]
MALFORMED = ["empty", "broken-json", "unknown-status", "whole-percent", "no-provisioning-state", "extra-fields"]
OUTCOMES = ["fail", "fail-silently", "cancel", "never-ends", "no-monitor", "retry-after", "drift", "at-once",
        "foreign-monitor", "claims-challenge", "operation-not-found"]  # fmt: skip
# 404s that are not about the endpoint. Two false ones about it, in a row, cannot be recognized as such.
NOT_FOUND = ["group", "workspace", "type", "html", "empty"]
OTHERS_ACTS = ["others_create", "others_delete", "others_replace", "others_change", "others_suspend"]
SENT, READ = ["put", "patch", "delete", "regenerate"], ["resource", "status", "result", "list"]
FAULT_SETTINGS: dict[str, dict[str, Any]] = {"slow": {"seconds": 0.1}, "error": {"status": 409, "code": "Conflict"}}
FAULTS = [
    *({"kind": kind, "where": where, "when": "after"} for kind in AFTER for where in SENT + READ),
    *({"kind": kind, "where": where, "when": "before"} for kind in BEFORE for where in SENT + READ),
    *({"kind": kind, "where": where} for kind in MALFORMED for where in READ),
    *({"kind": kind, "where": "status"} for kind in ("not-found", "forbidden")),
    *({"kind": kind, "where": where} for kind in OUTCOMES for where in SENT),
    *({"kind": "not-found", "where": where, "shape": shape} for shape in NOT_FOUND for where in SENT + READ),
]
REQUESTED_TEXTS = {"Creation requested again.", *(kind.spec.requested_text for kind in Kind)}

# Runs one sweep, which may be killed after some milliseconds and may reclaim leases first.
Sweep = Callable[[int | None, bool], None]


class AnyOrder(RuleBasedStateMachine):
    """Kim, an Operator with two endpoints, other people, and a worker that may be killed in every sweep."""

    def __init__(self, azure: Azure, sign_in: SignIn, workspace: Workspace, sweep: Sweep) -> None:
        super().__init__()
        self._azure, self._sign_in, self._workspace, self._sweep = azure, sign_in, workspace, sweep
        azure.reset()
        entra.reset_clients()
        Endpoint.objects.all().delete()
        self._kim: Client | None = None
        # Other people's endpoints by name, as they were after the latest act.
        self._others: dict[str, dict[str, Any]] = {}
        # The creations whose endpoint others deleted before the response was read, so that the PUT is sent again.
        self._undone = Counter[UUID]()
        self.sign_in("")

    @initialize(online=st.booleans())
    def begin(self, online: bool) -> None:
        self.create("red")
        self.create("blue")
        if online:
            self._settle_all()

    @rule(
        faults=st.lists(st.sampled_from(FAULTS), max_size=2),
        action=st.sampled_from(ACTIONS),
        act=st.none() | st.sampled_from(OTHERS_ACTS),
        name=st.sampled_from(["red", "blue"]),
        seconds=st.sampled_from([0, 5, 40, 1000]),
        milliseconds=st.none() | st.integers(0, 80),
        reclaims=st.booleans(),
    )
    def sweep_after_an_action(
        self,
        faults: list[dict[str, Any]],
        action: str,
        act: str | None,
        name: str,
        seconds: float,
        milliseconds: int | None,
        reclaims: bool,
    ) -> None:
        """Set faults, let Kim and others act, let time pass, and let a worker sweep until it is killed."""
        for fault in faults:
            self._azure.fault(**fault, **FAULT_SETTINGS.get(fault["kind"], {}), times=1)
        if self._kim or action == "sign_in":
            getattr(self, action)(name)
        if act:
            getattr(self, act)(name)
        self._pass_time(seconds)
        self._sweep_once(milliseconds, reclaims)
        self._check_others()

    def others_create(self, name: str) -> None:
        """In the moment between the read of a resource and the request, nothing can keep it as it is."""
        is_leaving = Operation.objects.filter(endpoint__name=name, phase="clear").exists()
        if self._in_azure(name) is None and not is_leaving:
            others_create(self._azure, self._workspace, name, by="pipeline")
            self._others[name] = self._in_azure(name) or {}

    def others_delete(self, name: str) -> None:
        # Azure refuses to delete an endpoint that is being changed.
        if (resource := self._in_azure(name)) and resource["properties"]["provisioningState"] != "Updating":
            others(self._azure, "DELETE", self._id(name))
            creations = Operation.objects.filter(endpoint__name=name, phase="sending", kind=Kind.CREATE)
            self._undone.update(creations.values_list("pk", flat=True))
            self._others.pop(name, None)

    def others_replace(self, name: str) -> None:
        self.others_delete(name)
        self.others_create(name)

    def others_change(self, name: str) -> None:
        self._others_patch(name, {"tags": {"by": "others"}})

    def others_suspend(self, name: str) -> None:
        self._others_patch(name, {"properties": {"endpointState": "Suspended"}})

    def create(self, name: str) -> None:
        """Send the form twice, like a double click."""
        assert self._kim
        form = filled_in(self._workspace, name)
        for _ in range(2):
            self._kim.post("/endpoints/new", form)
        assert Operation.objects.filter(submission_id=form["submission_id"]).count() <= 1

    def delete(self, name: str) -> None:
        self._call(services.delete_endpoint, name)

    def update(self, name: str) -> None:
        self._call(services.update_endpoint, name, EndpointUpdate(tags={"at": str(uuid4())}))

    def regenerate_key(self, name: str) -> None:
        self._call(services.regenerate_key, name, "Primary")

    def check(self, name: str) -> None:
        if endpoint := Endpoint.objects.filter(name=name).first():
            check_endpoint(endpoint, User.objects.get(username="kim@emulator.test"))
            shared_reader().run_due()

    def sign_out(self, name: str) -> None:
        assert self._kim
        self._kim.post("/auth/sign-out")
        self._kim = None

    def sign_in(self, name: str) -> None:
        RateCount.objects.all().delete()  # no user signs in this often
        self._kim = self._sign_in("kim")

    def teardown(self) -> None:
        self._settle_all()
        self._pass_time(300)  # until a list counts that does not show a new endpoint
        for _ in range(3):
            read_again()
        for endpoint in Endpoint.objects.all():
            resource = self._azure.resource(endpoint.name)
            assert endpoint.state in possible_states(resource), "\n".join(texts(endpoint))
            assert endpoint.name not in self._others or endpoint.owner is None, "\n".join(texts(endpoint))
        self._check_others()
        for operation in Operation.objects.all():
            self._check(operation)

    def _others_patch(self, name: str, body: dict[str, Any]) -> None:
        """Only on their own endpoints: changes of Kim's are in the tests of the fleet."""
        if name in self._others:
            others(self._azure, "PATCH", self._id(name), body)
            self._others[name] = self._in_azure(name) or {}

    def _check_others(self) -> None:
        for name, resource in self._others.items():
            assert self._in_azure(name) == resource

    def _in_azure(self, name: str) -> dict[str, Any] | None:
        """The resource without a request to ARM, which a fault could change."""
        response = self._azure.http.get(f"{self._azure.url}/emulator/resources{self._id(name)}", timeout=10)
        resource: dict[str, Any] = response.json()
        return resource if response.ok else None

    def _id(self, name: str) -> str:
        return f"{self._workspace.arm_id}/serverlessEndpoints/{name}"

    def _settle_all(self) -> None:
        self._azure.no_faults()
        self.sign_in("")
        unsettled = Operation.objects.filter(settled_at=None)
        for sweep in range(60):
            if not unsettled.exists():
                return
            self._pass_time(1000 if sweep % 20 == 19 else 40)
            self._sweep_once(None, reclaims=True)
        raise AssertionError([(row.kind, row.phase, texts(row.endpoint)) for row in unsettled])

    def _pass_time(self, seconds: float) -> None:
        """Move the clock of Azure, and all times in the rows."""
        self._azure.advance(seconds)
        for column in ("requested_at", "next_step_at", "lease_until", "deadline_at"):
            rows = Operation.objects.filter(settled_at=None, **{f"{column}__isnull": False})
            rows.update(**{column: F(column) - timedelta(seconds=seconds)})
        for column in ("sent_at", "changed_at", "observed_at", "state_since", "missing_since"):
            Endpoint.objects.exclude(**{column: None}).update(**{column: F(column) - timedelta(seconds=seconds)})

    def _sweep_once(self, milliseconds: int | None, reclaims: bool) -> None:
        connection.close()
        self._sweep(milliseconds, reclaims)

    def _call(self, service: Callable[..., object], name: str, *arguments: Any) -> None:
        endpoint = Endpoint.objects.get(name=name)
        with suppress(services.Busy):
            service(endpoint, *arguments, uuid4(), Actor(User.objects.get(username="kim@emulator.test"), str(uuid4())))

    def _check(self, operation: Operation) -> None:
        events = list(operation.events.order_by("id"))
        assert events[0].text in REQUESTED_TEXTS
        assert events[-1].at == operation.settled_at, events[-1].text
        assert operation.lease is None
        entries = AuditEntry.objects.filter(correlation_id=operation.correlation_id).order_by("id")
        outcome = "done" if operation.outcome == "succeeded" else "failed"
        assert list(entries.values_list("outcome", flat=True)) == ["attempted", outcome]
        if operation.spec.method != "DELETE":
            assert self._times_carried_out(operation) <= 1 + self._undone[operation.pk]

    def _times_carried_out(self, operation: Operation) -> int:
        """How many requests of the operation Azure has carried out."""
        return sum(
            bool(set(AFTER) & set(row["faults"])) if row["faults"] else row["status"] < 300
            for row in self._azure.requests(operation.spec.method)
            if row["method"] != "GET" and row["correlation_id"] == str(operation.correlation_id)
        )


def possible_states(resource: dict[str, Any] | None) -> set[str]:
    """The states that may be shown for a resource with no running operation."""
    if resource is None:
        return {State.FAILED, State.DELETED}
    properties = resource["properties"]
    if properties["provisioningState"] in {"Creating", "Updating", "Deleting"}:
        return {State.UNKNOWN}  # Azure never finishes it
    if properties["endpointState"] == "Online" and properties["inferenceEndpoint"]["uri"]:
        return {State.ONLINE}
    return {State.FAILED, State.DEGRADED}


@pytest.mark.django_db(transaction=True)
def test_any_order_of_requests_faults_and_kills_matches_azure(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    assert connection.vendor == "sqlite"
    environment = {
        "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
        "ARM_CONNECT_TIMEOUT_SECONDS": "1",
        "ARM_READ_TIMEOUT_SECONDS": "0.5",
    }
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=set_up_django, initargs=(environment,)) as process:

        def sweep(milliseconds: int | None, reclaims: bool) -> None:
            process.submit(_sweep_in_fork, milliseconds, reclaims).result(60)

        run_state_machine_as_test(
            lambda: AnyOrder(azure, sign_in, workspaces[0], sweep),  # type: ignore[arg-type]  # calls it
            settings=hypothesis_settings(
                max_examples=10,
                stateful_step_count=15,
                derandomize=True,
                database=None,
                deadline=None,
                # A failure that depends on the millisecond of a kill does not shrink.
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )


def _sweep_in_fork(milliseconds: int | None, reclaims: bool) -> None:
    from tests.support import killable_worker

    killable_worker.sweep_in_fork(milliseconds, reclaims)
