"""Whatever people ask, Azure answers and kills interrupt, in any order: all of it ends, and ends as Azure has it."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from hypothesis import HealthCheck, Phase
from hypothesis import settings as how
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from accounts import entra
from accounts.actor import Actor
from accounts.models import AuditEntry, RateCount, User
from endpoints import services
from endpoints.arm.serverless_endpoint import EndpointUpdate
from endpoints.kinds import Kind
from endpoints.models import Endpoint, Operation, Workspace
from endpoints.states import State
from tests.conftest import SignIn
from tests.support.azure import Azure
from tests.support.creation import filled_in, texts
from tests.support.django_process import begin
from tests.support.installation import resource

ACTS = ["create", "delete", "update", "regenerate_key", "refresh", "sign_out", "sign_in"]
# Faults after which Azure has carried out the request, and those after which it has not.
AFTER, BEFORE = ["cut-off", "hang", "slow"], ["throttle", "server-error", "drop", "html", "expired-token", "error"]
ODD = ["empty", "broken-json", "unknown-status", "whole-percent", "no-provisioning-state", "extra-fields"]
ENDS = ["fail", "fail-silently", "cancel", "never-ends", "no-monitor", "retry-after", "drift", "at-once",
        "foreign-monitor", "claims-challenge", "operation-not-found"]  # fmt: skip
SENT, READ = ["put", "patch", "delete", "regenerate"], ["resource", "status", "result", "list"]
MORE: dict[str, dict[str, Any]] = {"slow": {"seconds": 0.1}, "error": {"status": 409, "code": "Conflict"}}
FAULTS = [
    *({"kind": kind, "where": where, "when": "after"} for kind in AFTER for where in SENT + READ),
    *({"kind": kind, "where": where, "when": "before"} for kind in BEFORE for where in SENT + READ),
    *({"kind": kind, "where": where} for kind in ODD for where in READ),
    *({"kind": kind, "where": "status"} for kind in ("not-found", "forbidden")),
    *({"kind": kind, "where": where} for kind in ENDS for where in SENT),
]
ASKINGS = {"Creation requested again.", *(kind.spec.requested_text for kind in Kind)}

Work = Callable[[int | None, bool], None]


class AnyOrder(RuleBasedStateMachine):
    """Ada at two names, and a worker whose every turn may be its last."""

    def __init__(self, azure: Azure, sign_in: SignIn, workspace: Workspace, work: Work) -> None:
        super().__init__()
        self._azure, self._enter, self._workspace, self._work = azure, sign_in, workspace, work
        azure.reset()
        entra.reset_clients()
        Endpoint.objects.all().delete()
        self._ada: Client | None = None
        self.sign_in("")

    @initialize(online=st.booleans())
    def begin(self, online: bool) -> None:
        self.create("red")
        self.create("blue")
        if online:
            self._let_all_end()

    @rule(
        faults=st.lists(st.sampled_from(FAULTS), max_size=2),
        act=st.sampled_from(ACTS),
        name=st.sampled_from(["red", "blue"]),
        seconds=st.sampled_from([0, 5, 40, 1000]),
        milliseconds=st.none() | st.integers(0, 80),
        takes_back=st.booleans(),
    )
    def happen(
        self,
        faults: list[dict[str, Any]],
        act: str,
        name: str,
        seconds: float,
        milliseconds: int | None,
        takes_back: bool,
    ) -> None:
        """Azure gets some faults, somebody asks for something, time passes, and a worker lives as long as it may."""
        for fault in faults:
            self._azure.fault(**fault, **MORE.get(fault["kind"], {}), times=1)
        if self._ada or act == "sign_in":
            getattr(self, act)(name)
        self._let_pass(seconds)
        self._turn(milliseconds, takes_back)

    def create(self, name: str) -> None:
        """A double click."""
        assert self._ada
        form = filled_in(self._workspace, name)
        for _ in range(2):
            self._ada.post("/endpoints/new", form)
        assert Operation.objects.filter(submission_id=form["submission_id"]).count() <= 1

    def delete(self, name: str) -> None:
        self._ask(services.delete_endpoint, name)

    def update(self, name: str) -> None:
        self._ask(services.update_endpoint, name, EndpointUpdate(tags={"at": str(uuid4())}))

    def regenerate_key(self, name: str) -> None:
        self._ask(services.regenerate_key, name, "Primary")

    def refresh(self, name: str) -> None:
        self._ask(services.refresh_endpoint, name)

    def sign_out(self, name: str) -> None:
        assert self._ada
        self._ada.post("/auth/sign-out")
        self._ada = None

    def sign_in(self, name: str) -> None:
        RateCount.objects.all().delete()  # nobody signs in as often as this
        self._ada = self._enter("ada")

    def teardown(self) -> None:
        self._let_all_end()
        for endpoint in Endpoint.objects.filter(state=State.UNKNOWN):
            self._ask(services.refresh_endpoint, endpoint.name)
        self._let_all_end()
        for endpoint in Endpoint.objects.all():
            state = resource(self._azure, endpoint.name)
            assert endpoint.state in possible_states(state), "\n".join(texts(endpoint))
        for operation in Operation.objects.all():
            self._check(operation)

    def _let_all_end(self) -> None:
        self._azure.no_faults()
        self.sign_in("")
        for turn in range(60):
            if not Operation.objects.filter(settled_at=None).exists():
                return
            self._let_pass(1000 if turn % 20 == 19 else 40)
            self._turn(None, takes_back=True)
        raise AssertionError(
            [(one.kind, one.phase, texts(one.endpoint)) for one in Operation.objects.filter(settled_at=None)]
        )

    def _let_pass(self, seconds: float) -> None:
        """For Azure, and for everything that we wait for."""
        self._azure.advance(seconds)
        for column in ("requested_at", "next_step_at", "lease_until", "deadline_at"):
            rows = Operation.objects.filter(settled_at=None, **{f"{column}__isnull": False})
            rows.update(**{column: F(column) - timedelta(seconds=seconds)})

    def _turn(self, milliseconds: int | None, takes_back: bool) -> None:
        connection.close()
        self._work(milliseconds, takes_back)

    def _ask(self, service: Callable[..., object], name: str, *arguments: Any) -> None:
        endpoint = Endpoint.objects.get(name=name)
        with suppress(services.Busy):
            service(endpoint, *arguments, uuid4(), Actor(User.objects.get(username="ada@emulator.test"), str(uuid4())))

    def _check(self, operation: Operation) -> None:
        told = list(operation.events.order_by("id"))
        assert told[0].text in ASKINGS
        assert told[-1].at == operation.settled_at, told[-1].text
        assert operation.lease is None
        if operation.spec.audit_action:
            audited = AuditEntry.objects.filter(correlation_id=operation.correlation_id).order_by("id")
            end = "done" if operation.outcome == "succeeded" else "failed"
            assert list(audited.values_list("outcome", flat=True)) == ["attempted", end]
        if operation.spec.method != "DELETE":
            assert self._carried_out(operation) <= 1

    def _carried_out(self, operation: Operation) -> int:
        """How many requests of the operation Azure has acted on."""
        return sum(
            bool(set(AFTER) & set(one["faults"])) if one["faults"] else one["status"] < 300
            for one in self._azure.requests(operation.spec.method)
            if one["method"] != "GET" and one["correlation_id"] == str(operation.correlation_id)
        )


def possible_states(held: dict[str, Any] | None) -> set[str]:
    """What a person may see of an endpoint that rests in Azure like this."""
    if held is None:
        return {State.FAILED, State.DELETED}
    properties = held["properties"]
    if properties["provisioningState"] in {"Creating", "Updating", "Deleting"}:
        return {State.UNKNOWN}  # Azure never ends it
    if properties["endpointState"] == "Online" and properties["inferenceEndpoint"]["uri"]:
        return {State.ONLINE}
    return {State.FAILED, State.DEGRADED}


@pytest.mark.django_db(transaction=True)
def test_any_order_of_acts_answers_and_kills_ends_as_azure_has_it(
    azure: Azure, sign_in: SignIn, workspaces: list[Workspace]
) -> None:
    assert connection.vendor == "sqlite"
    environment = {
        "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
        "ARM_CONNECT_TIMEOUT_SECONDS": "1",
        "ARM_READ_TIMEOUT_SECONDS": "0.5",
    }
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=begin, initargs=(environment,)) as process:

        def work(milliseconds: int | None, takes_back: bool) -> None:
            process.submit(_work, milliseconds, takes_back).result(60)

        run_state_machine_as_test(
            lambda: AnyOrder(azure, sign_in, workspaces[0], work),  # type: ignore[arg-type]  # calls it
            settings=how(
                max_examples=12,
                stateful_step_count=15,
                derandomize=True,
                database=None,
                deadline=None,
                # What depends on the millisecond of a kill does not shrink.
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )


def _work(milliseconds: int | None, takes_back: bool) -> None:
    from tests.support import killable_worker

    killable_worker.work(milliseconds, takes_back)
