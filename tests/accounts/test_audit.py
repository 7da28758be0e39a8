"""The audit log."""

import csv
import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.http import StreamingHttpResponse
from django.test import RequestFactory, override_settings
from django.utils import timezone

from accounts import audit
from accounts.actor import actor_of
from accounts.models import AuditEntry, TokenCache, User
from emulator.seed import FIRST_WORKSPACES
from endpoints.models import Workspace
from tests.conftest import SignIn
from tests.support.azure import PEOPLE, Azure
from tests.support.creation import settle, submit


def test_creation_is_recorded_before_and_after(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    client = sign_in("oscar")
    settle(azure, submit(client, workspaces[0]))
    settle(azure, submit(client, workspaces[0], "fail-quota-x"))
    entries = AuditEntry.objects.filter(action="endpoint-created").order_by("id")
    assert [entry.outcome for entry in entries] == ["attempted", "done", "attempted", "failed"]
    assert {entry.actor_name for entry in entries} == {"oscar@emulator.test"}
    assert entries[0].correlation_id == entries[1].correlation_id


@pytest.mark.parametrize(("name", "outcome"), [("ml-production", "done"), ("ml-nowhere", "failed")])
def test_registration_is_recorded_with_its_correlation_id(
    azure: Azure, sign_in: SignIn, name: str, outcome: str
) -> None:
    arm_id = FIRST_WORKSPACES[0].resource_id.replace("ml-production", name)
    sign_in("ada").post("/workspaces/new", {"resource_id": arm_id})
    entries = list(AuditEntry.objects.filter(action="workspace-registered").order_by("id"))
    assert [entry.outcome for entry in entries] == ["attempted", outcome]
    assert {entry.target for entry in entries} == {arm_id}
    [*_, read] = azure.requests("GET", f"/workspaces/{name}")
    assert {entry.correlation_id for entry in entries} == {read["correlation_id"]}


def test_attempt_is_recorded_even_if_the_process_exits(db: None) -> None:
    with pytest.raises(SystemExit), audit.attempt("tested", None, target="x", details={"key": 1}):
        assert AuditEntry.objects.get().outcome == "attempted"
        raise SystemExit
    assert [entry.outcome for entry in AuditEntry.objects.order_by("id")] == ["attempted", "failed"]


def test_role_change_is_recorded(sign_in: SignIn) -> None:
    sign_in("vera")
    User.objects.update(roles=["Admin"])
    sign_in("vera")
    assert AuditEntry.objects.get(action="role-changed").details == {"from": ["Admin"], "to": ["Viewer"]}


def test_audit_log_can_be_searched_and_paged(sign_in: SignIn) -> None:
    client = sign_in("ada")
    sign_in("vera").get("/endpoints/new")
    page = client.get("/auth/audit-log", {"text": "VERA", "outcome": "refused"}).content.decode()
    assert "/endpoints/new" in page
    assert "ada@emulator.test</td>" not in page
    assert "No entry matches" in client.get("/auth/audit-log", {"text": "zoe"}).content.decode()
    for _ in range(101):
        audit.record("tested", None)
    assert "1–100 of 101" in client.get("/auth/audit-log", {"action": "tested"}).content.decode()


def test_entry_shows_address_and_correlation_id(azure: Azure, sign_in: SignIn, workspaces: list[Workspace]) -> None:
    client = sign_in("ada")
    settle(azure, submit(client, workspaces[0]))
    correlation_id = azure.requests("PUT", "/chat")[0]["correlation_id"]
    page = client.get("/auth/audit-log", {"text": correlation_id}).content.decode()
    assert page.count(f"<code>{correlation_id}</code>") == 2
    assert page.count(">127.0.0.1</td>") == page.count(">the worker</td>") == 1


def test_audit_log_can_be_filtered_by_day(sign_in: SignIn) -> None:
    client, today = sign_in("ada"), timezone.now().date()
    tomorrow = today + timedelta(days=1)

    def is_listed(**days: object) -> bool:
        filters = {name: str(day) for name, day in days.items()}
        return "signed-in <small>" in client.get("/auth/audit-log", filters).content.decode()

    assert is_listed(since=today, until=today)
    assert not is_listed(since=tomorrow)
    assert not is_listed(until=today - timedelta(days=1))
    assert is_listed(since="never", until="9999-12-31")


@pytest.mark.parametrize("text", ["127.0.0.1", PEOPLE["vera"]])
def test_audit_log_finds_addresses_and_object_ids(sign_in: SignIn, text: str) -> None:
    client = sign_in("ada")
    sign_in("vera")
    page = client.get("/auth/audit-log", {"text": text, "action": "signed-in"}).content.decode()
    assert "vera@emulator.test</td>" in page


def test_export_escapes_formulas(sign_in: SignIn) -> None:
    client = sign_in("ada")
    audit.record("tested", None, target="=cmd|' /C calc'!A0")
    response = client.get("/auth/audit-log", {"action": "tested", "format": "csv"})
    assert isinstance(response, StreamingHttpResponse)
    header, row = list(csv.reader(io.StringIO(response.getvalue().decode())))
    assert dict(zip(header, row, strict=True))["target"] == "'=cmd|' /C calc'!A0"
    assert AuditEntry.objects.filter(action="audit-log-exported").exists()


def test_sign_out_ends_every_session_of_the_user(sign_in: SignIn) -> None:
    here, there = sign_in("ada"), sign_in("ada")
    assert there.get("/").status_code == 200
    here.post("/auth/sign-out")
    assert there.get("/").status_code == 302
    assert sign_in("ada").get("/").status_code == 200


@pytest.mark.parametrize("known_as", ["ADA@emulator.test", PEOPLE["ada"]])
def test_sign_out_command_signs_a_user_out(sign_in: SignIn, known_as: str) -> None:
    ada, vera = sign_in("ada"), sign_in("vera")
    call_command("sign_out", known_as, stdout=io.StringIO())
    assert [client.get("/").status_code for client in (ada, vera)] == [302, 200]
    assert [row.user.username for row in TokenCache.objects.all()] == ["vera@emulator.test"]
    assert AuditEntry.objects.get(action="signed-out").target == "ada@emulator.test"


def test_sign_out_command_rejects_unknown_users(db: None) -> None:
    with pytest.raises(CommandError, match="No user known as zoe"):
        call_command("sign_out", "zoe")


@pytest.mark.parametrize(
    ("behind_proxy", "forwarded", "address"),
    [
        (False, "10.1.1.1", "127.0.0.1"),
        (True, "6.6.6.6, 10.1.1.1", "10.1.1.1"),
        (True, "", "127.0.0.1"),
        (True, "x", None),
    ],
)
def test_recorded_address_is_the_trusted_one(db: None, behind_proxy: bool, forwarded: str, address: str | None) -> None:
    request = RequestFactory().get("/", headers={"x-forwarded-for": forwarded})
    with override_settings(BEHIND_TLS_PROXY=behind_proxy):
        audit.record("tested", actor_of(request))
    assert AuditEntry.objects.get().address == address
