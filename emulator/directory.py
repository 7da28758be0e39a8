"""The tenant: its registered applications, and the people who can sign in, each an example of one situation."""

from dataclasses import dataclass

TENANT_ID = "8f2a1c66-5b0e-4d6f-9c1a-e0d35a1b0001"
CLIENT_ID = "3d1f7e52-90c4-4a7b-8a52-e0d35a1b0002"
CLIENT_SECRET = "endpoint-desk-emulator-secret"  # noqa: S105 - a stand-in that is meant to be known
APPLICATION_OID = "5c90b7ae-1d42-4c1f-bb0e-e0d35a1b0003"
FOREIGN_TENANT_ID = "c0ffee00-7d1a-4f0e-8b55-e0d35a1b0009"


# A second application, as for a pipeline or a script, which may write.
PIPELINE_CLIENT_ID = "3d1f7e52-90c4-4a7b-8a52-e0d35a1b0004"
PIPELINE_CLIENT_SECRET = "pipeline-emulator-secret"  # noqa: S105
# The X-IDENTITY-HEADER of clients on this machine, for a token of the managed identity.
IDENTITY_HEADER = "emulator-identity-header"


@dataclass(frozen=True)
class Person:
    """A caller: a person, or the service principal of an application."""

    oid: str
    name: str
    upn: str
    roles: tuple[str, ...]
    about: str
    # Roles of Azure, which apply in every visible subscription.
    azure_roles: tuple[str, ...] = ("Reader",)
    arm_subscriptions: tuple[int, ...] | None = None
    groups_overage: bool = False
    writes_need_mfa: bool = False
    tenant_id: str = TENANT_ID
    kind: str = "User"


@dataclass(frozen=True)
class Application:
    client_id: str
    secret: str
    principal: Person


def _oid(number: int) -> str:
    return f"a11ce000-0000-4000-8000-{number:012d}"


DEVELOPER = ("Reader", "Azure AI Developer")
PEOPLE = (
    Person(_oid(1), "Ada Admin", "ada@emulator.test", ("Admin", "Keys"), "may do everything", DEVELOPER),
    Person(_oid(2), "Oscar Operator", "oscar@emulator.test", ("Operator",), "creates endpoints", DEVELOPER),
    Person(
        _oid(3),
        "Olga Operator",
        "olga@emulator.test",
        ("Operator",),
        "a second operator, without access to keys in Azure",
        ("Reader", "Serverless Endpoint Operator"),
    ),
    Person(
        _oid(4),
        "Vera Viewer",
        "vera@emulator.test",
        ("Viewer",),
        "reads only, and only the first subscription",
        arm_subscriptions=(0,),
    ),
    Person(_oid(5), "Kim Keys", "kim@emulator.test", ("Operator", "Keys"), "may read keys", DEVELOPER),
    Person(_oid(6), "Nora Norole", "nora@emulator.test", (), "has no role and no permission", (), arm_subscriptions=()),
    Person(
        _oid(7),
        "Gus Groups",
        "gus@emulator.test",
        (),
        "is in more groups than fit into a token",
        groups_overage=True,
    ),
    Person(
        _oid(8),
        "Mira MFA",
        "mira@emulator.test",
        ("Operator",),
        "must approve a second factor before writing",
        DEVELOPER,
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

PIPELINE = Person(
    "5c90b7ae-1d42-4c1f-bb0e-e0d35a1b0005",
    "Pipeline (application)",
    "",
    (),
    "may write",
    ("Contributor",),
    kind="Application",
)
APPLICATIONS = (
    Application(
        CLIENT_ID,
        CLIENT_SECRET,
        Person(APPLICATION_OID, "Endpoint Desk (application)", "", (), "reads only", kind="Application"),
    ),
    Application(PIPELINE_CLIENT_ID, PIPELINE_CLIENT_SECRET, PIPELINE),
)
MANAGED_IDENTITY = Person(
    "5c90b7ae-1d42-4c1f-bb0e-e0d35a1b0006", "Managed identity", "", (), "reads only", kind="ManagedIdentity"
)

CALLERS = {
    caller.oid: caller
    for caller in (*PEOPLE, *(application.principal for application in APPLICATIONS), MANAGED_IDENTITY)
}


def caller_by_oid(oid: str) -> Person | None:
    return CALLERS.get(oid)


def caller_by_name(name: str) -> Person | None:
    """A caller by address, object id or client id; "pipeline" is the application that may write."""
    application = application_by_id(name)
    if name == "pipeline" or application:
        return application.principal if application else PIPELINE
    return person_by_address(name) or caller_by_oid(name)


def person_by_oid(oid: str) -> Person | None:
    return next((person for person in PEOPLE if person.oid == oid), None)


def person_by_address(address: str) -> Person | None:
    upn = address.strip().casefold()
    return next((person for person in PEOPLE if person.upn == upn), None)


def application_by_id(client_id: str) -> Application | None:
    return next((application for application in APPLICATIONS if application.client_id == client_id), None)
