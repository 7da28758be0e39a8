"""The tenant: its one registered application and the people who can sign in, each there to show one situation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TENANT_ID: Final = "8f2a1c66-5b0e-4d6f-9c1a-e0d35a1b0001"
CLIENT_ID: Final = "3d1f7e52-90c4-4a7b-8a52-e0d35a1b0002"
CLIENT_SECRET: Final = "endpoint-desk-emulator-secret"  # noqa: S105 - a stand-in that is meant to be known
APPLICATION_OID: Final = "5c90b7ae-1d42-4c1f-bb0e-e0d35a1b0003"
FOREIGN_TENANT_ID: Final = "c0ffee00-7d1a-4f0e-8b55-e0d35a1b0009"


@dataclass(frozen=True, slots=True)
class Person:
    oid: str
    name: str
    upn: str
    roles: tuple[str, ...]
    about: str
    arm_writes: bool = False
    arm_subscriptions: tuple[int, ...] | None = None
    groups_overage: bool = False
    writes_need_mfa: bool = False
    tenant_id: str = TENANT_ID


def _oid(number: int) -> str:
    return f"a11ce000-0000-4000-8000-{number:012d}"


PEOPLE: Final = (
    Person(_oid(1), "Ada Admin", "ada@emulator.test", ("Admin", "Keys"), "may do everything", True),
    Person(_oid(2), "Oscar Operator", "oscar@emulator.test", ("Operator",), "creates endpoints", True),
    Person(_oid(3), "Olga Operator", "olga@emulator.test", ("Operator",), "a second operator", True),
    Person(
        _oid(4),
        "Vera Viewer",
        "vera@emulator.test",
        ("Viewer",),
        "looks only, and only in the first subscription",
        arm_subscriptions=(0,),
    ),
    Person(_oid(5), "Kim Keys", "kim@emulator.test", ("Operator", "Keys"), "may read keys", True),
    Person(_oid(6), "Nora Norole", "nora@emulator.test", (), "has no role and no rights", arm_subscriptions=()),
    Person(
        _oid(7),
        "Gus Groups",
        "gus@emulator.test",
        (),
        "is in more groups than a token holds",
        groups_overage=True,
    ),
    Person(
        _oid(8),
        "Mira MFA",
        "mira@emulator.test",
        ("Operator",),
        "must approve a second step before she writes",
        arm_writes=True,
        writes_need_mfa=True,
    ),
    Person(
        _oid(9),
        "Fritz Foreign",
        "fritz@foreign.test",
        ("Operator",),
        "belongs to another tenant",
        tenant_id=FOREIGN_TENANT_ID,
    ),
)

# What a service principal with a reader's role on the workspaces looks like to ARM.
APPLICATION: Final = Person(APPLICATION_OID, "Endpoint Desk (application)", "", (), "reads only")

_BY_OID: Final = {person.oid: person for person in PEOPLE}


def person_by_oid(oid: str) -> Person | None:
    return _BY_OID.get(oid)


def person_by_address(address: str) -> Person | None:
    wanted = address.strip().casefold()
    return next((person for person in PEOPLE if person.upn == wanted), None)
