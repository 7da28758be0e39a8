"""Checks everything an installation depends on, and says how to fix what does not work."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import msal
import requests
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12
from django.conf import settings
from django.core import checks
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from kombu.exceptions import KombuError

from accounts import entra
from accounts.flow import redirect_uri
from accounts.identity import describe_identities
from accounts.sign_in_errors import refused
from dashboard.celery import app
from endpoints.watcher import Powers, watcher_powers

MAX_CLOCK_SKEW_SECONDS = 60
EXPIRY_WARNING_DAYS = 30


@dataclass(frozen=True)
class Finding:
    """One line of the report; `advice` is empty if there is nothing to fix."""

    text: str
    advice: str = ""

    @property
    def is_ok(self) -> bool:
        return not self.advice


def examine() -> Iterator[Finding]:
    for examine_area in (_settings, _database, _broker, _entra, _credential, _expiry, _arm, _watcher):
        yield from examine_area()
    yield from map(Finding, describe_identities())
    yield Finding(f"Redirect URI to register in Entra ID: {redirect_uri()}")


def _settings() -> Iterator[Finding]:
    errors = [message for message in checks.run_checks() if message.level >= checks.ERROR]
    yield from (Finding(str(error.msg), str(error.hint or "Correct it.")) for error in errors)
    if not errors:
        yield Finding("Settings: complete.")


def _database() -> Iterator[Finding]:
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        yield Finding(f"Database: no answer ({str(error).splitlines()[0]}).", "Check DATABASE_URL and the server.")
        return
    if missing:
        yield Finding(f"Database: {len(missing)} migrations are not applied.", "Run python manage.py migrate.")
    else:
        yield Finding(f"Database: {connection.vendor}, up to date.")


def _broker() -> Iterator[Finding]:
    try:
        with closing(app.connection_for_write(transport_options={"socket_connect_timeout": 2})) as broker:
            broker.ensure_connection(max_retries=0, timeout=3)
    except (OSError, KombuError) as error:
        yield Finding(f"Broker: unreachable ({error}).", "Check REDIS_URL and the server.")
        return
    yield Finding("Broker: reachable." if settings.REDIS_URL else "Broker: files in DATA_DIR, for one host.")


def _entra() -> Iterator[Finding]:
    try:
        response = entra.http().get(f"{entra.authority()}/v2.0/.well-known/openid-configuration")
        issuer = response.json().get("issuer", "")
    except (requests.RequestException, ValueError) as error:
        reason = type(error).__name__
        yield Finding(f"Entra ID: no answer ({reason}).", "Check the connection to Entra ID: DNS, proxy, certificates.")
        return
    if issuer != f"{entra.authority()}/v2.0":
        yield Finding(
            f"Entra ID: the issuer is {issuer or 'missing'}.", "Check ENTRA_TENANT_ID and ENTRA_AUTHORITY_HOST."
        )
    else:
        yield Finding("Entra ID: reachable, with the configured tenant.")
    yield from _clock(response.headers.get("Date", ""))


def _clock(date_header: str) -> Iterator[Finding]:
    try:
        ahead = (datetime.now(UTC) - parsedate_to_datetime(date_header)).total_seconds()
    except ValueError:
        return
    if abs(ahead) > MAX_CLOCK_SKEW_SECONDS:
        direction = "ahead of" if ahead > 0 else "behind"
        advice = "Set up NTP; sign-ins fail if the difference exceeds two minutes."
        yield Finding(f"Clock: {abs(ahead):.0f} s {direction} Entra ID's.", advice)
    else:
        yield Finding("Clock: agrees with Entra ID's.")


def _credential() -> Iterator[Finding]:
    """Request a token for the application itself, and discard it."""
    try:
        application = entra.application(msal.SerializableTokenCache())
        result = application.acquire_token_for_client([f"{settings.ARM_AUDIENCE}/.default"])
    except (*entra.CONNECTION_ERRORS, ValueError) as error:
        yield Finding(f"Credential: not checked ({type(error).__name__}).", "Fix the connection to Entra ID first.")
        return
    if "access_token" in result:
        yield Finding("Credential: Entra ID accepts it.")
        return
    refusal = refused(result)
    yield Finding(f"Credential: {refusal.title} ({refusal.code}).", refusal.advice)


def _expiry() -> Iterator[Finding]:
    ends = _certificate_end() or settings.ENTRA_CREDENTIAL_EXPIRES
    if settings.EMULATED or settings.ENTRA_FEDERATED_TOKEN_FILE:
        return
    if ends is None:
        yield Finding("Credential: the expiry date is unknown.", "Set ENTRA_CREDENTIAL_EXPIRES.")
        return
    days = (ends - datetime.now(UTC).date()).days
    advice = f"Create a new one before {ends}." if days < EXPIRY_WARNING_DAYS else ""
    yield Finding(f"Credential: {f'expires in {days} days' if days >= 0 else 'has expired'}.", advice)


def _certificate_end() -> date | None:
    if not settings.ENTRA_CERTIFICATE_FILE:
        return None
    passphrase = settings.ENTRA_CERTIFICATE_PASSPHRASE.encode() or None
    try:
        certificate = load_pkcs12(Path(settings.ENTRA_CERTIFICATE_FILE).read_bytes(), passphrase).cert
    except (OSError, ValueError):
        return None
    return certificate.certificate.not_valid_after_utc.date() if certificate else None


def _arm() -> Iterator[Finding]:
    """Call ARM without a token: a 401 shows that it is reachable."""
    try:
        with requests.Session() as session:
            session.trust_env = settings.HTTP_TRUST_ENVIRONMENT
            url = f"{settings.ARM_BASE_URL}/subscriptions?api-version=2022-12-01"
            status = session.get(url, timeout=10, allow_redirects=False).status_code
    except requests.RequestException as error:
        yield Finding(
            f"Azure: no answer ({type(error).__name__}).", f"Check the connection to {settings.ARM_BASE_URL}."
        )
        return
    if status != 401:
        yield Finding(f"Azure: status {status} instead of 401.", "Check for a proxy that answers in place of Azure.")
    else:
        yield Finding("Azure: reachable.")


def _watcher() -> Iterator[Finding]:
    try:
        for powers in watcher_powers():
            yield _powers(powers)
    except DatabaseError:
        return  # reported above


def _powers(powers: Powers) -> Finding:
    if powers.unknown:
        return Finding(
            f"Watcher: its permissions in {powers.workspace} are unknown ({powers.unknown.rstrip('.')}).",
            "Give its identity a role that can read the workspace and its endpoints.",
        )
    if not powers.too_much:
        return Finding(f"Watcher: it can only read {powers.workspace}.")
    advice = "" if settings.WATCHER_MAY_WRITE else "Give it a read-only role, or set WATCHER_MAY_WRITE=true."
    return Finding(f"Watcher: in {powers.workspace} it also has {', '.join(powers.too_much)}.", advice)
