"""The identities that call Azure."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509.oid import NameOID
from django.conf import settings
from django.core import checks
from django.test import Client, override_settings
from django.utils import timezone

from accounts import entra
from accounts.identity import describe_identities, poll_identity, write_identity
from accounts.models import TokenCache, User
from accounts.tokens import CredentialRejected, NeedsSignIn, SignInServiceDown, TokenUnavailable
from emulator.directory import APPLICATION_OID, CLIENT_ID
from tests.accounts.fake_imds import USER_ASSIGNED_ID, Received, fake_imds
from tests.conftest import SignIn
from tests.support.azure import PEOPLE, Azure
from tests.support.environment import free_port


def subject_of(token: str) -> str:
    return str(jwt.decode(token, options={"verify_signature": False})["oid"])


def token_requests(azure: Azure) -> int:
    return len(azure.requests("POST", "/token"))


def test_users_write_and_poll_by_default(azure: Azure, ada_user: User) -> None:
    for identity in (write_identity(ada_user), poll_identity(ada_user)):
        before = token_requests(azure)
        assert (identity.key, subject_of(identity.token())) == (f"user:{ada_user.pk}", PEOPLE["ada"])
        assert token_requests(azure) == before
    assert next(describe_identities()) == "Writes to Azure use the token of the user who requests them."


@override_settings(WATCHER_IDENTITY="client")
def test_application_polls_and_does_not_write(azure: Azure, ada_user: User) -> None:
    identity = poll_identity(ada_user)
    assert (identity.key, subject_of(identity.token())) == (f"app:{CLIENT_ID}", APPLICATION_OID)
    assert subject_of(write_identity(ada_user).token()) == PEOPLE["ada"]
    assert "Reads from Azure use the application" in list(describe_identities())[1]


@override_settings(WATCHER_IDENTITY="client")
def test_polling_continues_after_the_user_signed_out(azure: Azure, ada_user: User) -> None:
    TokenCache.objects.all().delete()
    assert poll_identity(ada_user).token()


@override_settings(WATCHER_IDENTITY="client")
def test_cached_token_is_reused_unless_refresh_is_forced(azure: Azure, ada_user: User) -> None:
    first = poll_identity(ada_user).token()
    before = token_requests(azure)
    assert poll_identity(ada_user).token() == first
    assert token_requests(azure) == before
    assert poll_identity(ada_user).token(force_refresh=True) != first


@override_settings(ARM_WRITES_AS="app")
def test_application_that_writes_polls_too(azure: Azure, ada_user: User) -> None:
    for identity in (write_identity(ada_user), poll_identity(ada_user)):
        assert (identity.key, subject_of(identity.token())) == (f"app:{CLIENT_ID}", APPLICATION_OID)
    assert "the only gate" in " ".join(describe_identities())


@override_settings(ARM_WRITES_AS="app")
def test_application_checks_the_users_roles_before_writing(azure: Azure, ada_user: User) -> None:
    User.objects.update(roles=["Viewer"], roles_checked_at=timezone.now() - timedelta(minutes=6))
    ada_user.refresh_from_db()
    assert write_identity(ada_user).token(roles_within=timedelta(minutes=5))
    assert User.objects.get().roles == ["Admin", "Keys"]


@override_settings(ARM_WRITES_AS="app")
def test_application_does_not_write_for_a_signed_out_user(azure: Azure, ada_user: User) -> None:
    TokenCache.objects.all().delete()
    User.objects.update(roles_checked_at=timezone.now() - timedelta(minutes=6))
    ada_user.refresh_from_db()
    with pytest.raises(NeedsSignIn):
        write_identity(ada_user).token(roles_within=timedelta(minutes=5))


@override_settings(WATCHER_IDENTITY="client")
@pytest.mark.parametrize(
    ("kind", "where", "error"),
    [("secret-expired", {}, CredentialRejected), ("drop", {"where": "token"}, SignInServiceDown)],
)
def test_application_token_failure_is_explained(
    azure: Azure, ada_user: User, kind: str, where: dict[str, str], error: type[TokenUnavailable]
) -> None:
    azure.fault(kind, **where)
    with pytest.raises(error) as refused:
        poll_identity(ada_user).token()
    assert str(refused.value).endswith(".")


@pytest.fixture
def imds(azure: Azure, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Received]]:
    with fake_imds(azure.url) as (url, received):
        monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", url)
        yield url, received


@pytest.mark.parametrize("client_id", ["", USER_ASSIGNED_ID])
def test_managed_identity_polls(imds: tuple[str, Received], ada_user: User, client_id: str) -> None:
    with override_settings(WATCHER_IDENTITY="managed", WATCHER_CLIENT_ID=client_id):
        identity = poll_identity(ada_user)
        assert identity.key == f"managed:{client_id or 'system'}"
        tokens = {identity.token(), identity.token(), identity.token(force_refresh=True)}
    assert len(tokens) == 2
    assert {subject_of(token) for token in tokens} == {APPLICATION_OID}
    assert [form["resource"] for form in imds[1]] == [settings.ARM_AUDIENCE] * 2
    assert imds[1][0].get("client_id", "") == client_id


@override_settings(WATCHER_IDENTITY="managed", WATCHER_CLIENT_ID="00000000-0000-0000-0000-000000000000")
def test_unknown_managed_identity_is_reported(imds: tuple[str, Received], ada_user: User) -> None:
    with pytest.raises(CredentialRejected):
        poll_identity(ada_user).token()


@override_settings(WATCHER_IDENTITY="managed")
def test_host_without_managed_identities_is_reported(ada_user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(SignInServiceDown):
        poll_identity(ada_user).token()


def assertion_of(received: Received) -> str:
    assert received[-1]["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    return received[-1]["client_assertion"]


def certificate_file(folder: Path) -> tuple[rsa.RSAPrivateKey, str]:
    """A key, and the PKCS#12 file with it and its certificate, under the passphrase x."""
    key, certificate = self_signed()
    file = folder / "desk.pfx"
    encryption = serialization.BestAvailableEncryption(b"x")
    file.write_bytes(serialize_key_and_certificates(b"desk", key, certificate, None, encryption))
    return key, str(file)


@pytest.mark.parametrize(("passphrase", "errors"), [("x", []), ("y", ["accounts.E010"]), ("", ["accounts.E010"])])
def test_unreadable_certificate_prevents_the_start(tmp_path: Path, passphrase: str, errors: list[str]) -> None:
    file = certificate_file(tmp_path)[1]
    with override_settings(ENTRA_CERTIFICATE_FILE=file, ENTRA_CERTIFICATE_PASSPHRASE=passphrase):
        assert [message.id for message in checks.run_checks() if message.level >= checks.ERROR] == errors


def test_certificate_authenticates_the_application(imds: tuple[str, Received], ada_user: User, tmp_path: Path) -> None:
    key, file = certificate_file(tmp_path)
    with override_settings(
        WATCHER_IDENTITY="client",
        EMULATOR_URL=imds[0],
        ENTRA_CERTIFICATE_FILE=file,
        ENTRA_CERTIFICATE_PASSPHRASE="x",
    ):
        assert subject_of(poll_identity(ada_user).token()) == APPLICATION_OID
    claims = jwt.decode(
        assertion_of(imds[1]),
        key.public_key(),
        algorithms=["PS256"],
        audience=f"{entra.authority()}/oauth2/v2.0/token",
    )
    assert claims["iss"] == CLIENT_ID


def test_federated_token_authenticates_the_application(
    imds: tuple[str, Received], ada_user: User, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("token-of-the-cluster\n")
    federated = {"EMULATOR_URL": imds[0], "ENTRA_FEDERATED_TOKEN_FILE": str(file)}
    with override_settings(WATCHER_IDENTITY="client", **federated):
        assert subject_of(poll_identity(ada_user).token()) == APPLICATION_OID
        assert assertion_of(imds[1]) == "token-of-the-cluster"
        file.write_text("its-next-token")
        poll_identity(ada_user).token(force_refresh=True)
    assert assertion_of(imds[1]) == "its-next-token"


def test_missing_federated_token_is_temporary(
    imds: tuple[str, Received], sign_in: SignIn, ada_user: User, tmp_path: Path
) -> None:
    browser = Client(headers={"host": settings.PUBLIC_HOST})
    start = browser.get("/auth/start")["Location"]
    back = Azure(settings.EMULATOR_URL).pick(start, "ada").removeprefix(settings.PUBLIC_BASE_URL)
    with override_settings(EMULATOR_URL=imds[0], ENTRA_FEDERATED_TOKEN_FILE=str(tmp_path / "none")):
        assert browser.get(back).status_code == 503
        with pytest.raises(SignInServiceDown):
            write_identity(ada_user).token(force_refresh=True)


def self_signed() -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "endpoint-desk")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=30))
    return key, builder.sign(key, hashes.SHA256())
