"""The token store, and the tokens that users' sign-ins yield."""

import time
from collections.abc import Callable
from datetime import timedelta
from threading import Thread
from urllib.parse import parse_qsl, urlsplit

import msal
import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client, override_settings
from django.utils import timezone

from accounts import entra, store
from accounts.models import RateCount, TokenCache, User
from accounts.tasks import tidy
from accounts.tokens import CredentialRejected, NeedsSignIn, SignInServiceDown, arm_token
from tests.conftest import SignIn
from tests.support.azure import PEOPLE, Azure


def test_stored_token_needs_no_request(azure: Azure, ada_user: User) -> None:
    before = len(azure.requests("POST", "/token"))
    assert arm_token(ada_user) == arm_token(ada_user)
    assert len(azure.requests("POST", "/token")) == before


def test_tokens_are_stored_only_encrypted(ada_user: User) -> None:
    token = arm_token(ada_user).encode()
    assert token not in bytes(TokenCache.objects.get().blob)
    assert all(token[:40].decode() not in str(session.get_decoded()) for session in Session.objects.all())


def test_refresh_updates_the_roles(ada_user: User) -> None:
    User.objects.update(roles=["Viewer"])
    ada_user.refresh_from_db()
    arm_token(ada_user, force_refresh=True)
    assert User.objects.get().roles == ["Admin", "Keys"]


def test_worker_does_not_restore_tokens_after_sign_out(ada_user: User) -> None:
    stored = store.load(ada_user)
    assert stored is not None
    store.delete(ada_user)
    stored.cache.has_state_changed = True
    assert not store.save_if_current(ada_user, stored)
    assert not TokenCache.objects.exists()


def test_stale_writer_changes_nothing(ada_user: User) -> None:
    stored = store.load(ada_user)
    assert stored is not None
    arm_token(ada_user, force_refresh=True)
    stored.cache.has_state_changed = True
    assert not store.save_if_current(ada_user, stored)


def test_version_is_never_reused_after_a_sign_out(sign_in: SignIn, ada_user: User) -> None:
    versions = set()
    for _ in range(3):
        versions.add(TokenCache.objects.get().version)
        store.delete(ada_user)
        sign_in("ada")
    assert len(versions) == 3


def test_sign_in_outdates_the_cache_of_a_worker(sign_in: SignIn, ada_user: User) -> None:
    stored = store.load(ada_user)
    assert stored is not None
    store.put(ada_user, msal.SerializableTokenCache())
    stored.cache.has_state_changed = True
    assert not store.save_if_current(ada_user, stored)


def in_parallel(*calls: Callable[[], object]) -> list[object]:
    """Run all calls at the same time; returns what each returned or raised."""
    results: list[object] = []

    def run(call: Callable[[], object]) -> None:
        try:
            results.append(call())
        except Exception as error:
            results.append(error)
        finally:
            connection.close()

    threads = [Thread(target=run, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.django_db(transaction=True)
def test_six_parallel_refreshes_all_get_a_token(azure: Azure, ada_user: User) -> None:
    azure.fault("slow", where="token", seconds=0.3)
    before = len(azure.requests("POST", "/token"))
    tokens = in_parallel(*[lambda: arm_token(User.objects.get(), force_refresh=True)] * 6)
    assert len(azure.requests("POST", "/token")) == before + 6
    assert all(isinstance(token, str) for token in tokens), tokens
    assert TokenCache.objects.count() == 1
    assert arm_token(ada_user) in tokens


@pytest.mark.django_db(transaction=True)
def test_sign_out_during_a_refresh_wins(azure: Azure, sign_in: SignIn) -> None:
    client = sign_in("ada")
    azure.fault("slow", where="token", seconds=1)
    before = len(azure.requests("POST", "/token"))

    def sign_out_meanwhile() -> None:
        time.sleep(0.3)  # the refresh is on its way and takes a second
        client.post("/auth/sign-out")

    results = in_parallel(lambda: arm_token(User.objects.get(), force_refresh=True), sign_out_meanwhile)
    assert len(azure.requests("POST", "/token")) == before + 1
    assert [type(result) for result in results if result] == [NeedsSignIn]
    assert not TokenCache.objects.exists()


@pytest.mark.parametrize("flaw", ["aud", "iss", "tid", "oid", "signature", "exp"])
def test_refresh_rejects_an_invalid_id_token(azure: Azure, ada_user: User, flaw: str) -> None:
    User.objects.update(roles=["Viewer"])
    azure.fault("bad-id-token", flaw=flaw)
    with pytest.raises(NeedsSignIn):
        arm_token(ada_user, force_refresh=True)
    assert User.objects.get().roles == ["Viewer"]


def test_user_without_a_role_has_no_stored_token(sign_in: SignIn, ada_user: User) -> None:
    sign_in("nora")
    assert [row.user for row in TokenCache.objects.all()] == [ada_user]


def test_losing_every_role_deletes_the_tokens(azure: Azure, db: None) -> None:
    browser = Client(headers={"host": settings.PUBLIC_HOST})
    back = azure.pick(browser.get("/auth/start")["Location"], "nora")
    cache = msal.SerializableTokenCache()
    (pending,) = browser.session["sign_in_flows"].values()
    entra.application(cache).acquire_token_by_auth_code_flow(pending["flow"], dict(parse_qsl(urlsplit(back).query)))
    nora = User.objects.create(tid=settings.ENTRA_TENANT_ID, oid=PEOPLE["nora"], roles=["Operator"])
    store.put(nora, cache)
    arm_token(nora, force_refresh=True)
    assert User.objects.get().roles == []
    assert not TokenCache.objects.exists()


def test_tokens_of_absent_users_are_deleted(ada_user: User) -> None:
    tidy()
    assert TokenCache.objects.exists()
    long_ago = timezone.now() - timedelta(days=settings.TOKENS_KEPT_DAYS, minutes=1)
    User.objects.update(last_login=long_ago)
    Session.objects.update(expire_date=long_ago)
    RateCount.objects.update(since=long_ago)
    tidy()
    assert not (TokenCache.objects.exists() or Session.objects.exists() or RateCount.objects.exists())


def test_encryption_keys_can_be_rotated(ada_user: User) -> None:
    new = Fernet.generate_key().decode()
    with override_settings(TOKEN_CACHE_KEYS=[new, *settings.TOKEN_CACHE_KEYS]):
        arm_token(ada_user, force_refresh=True)
    with override_settings(TOKEN_CACHE_KEYS=[new]):
        assert arm_token(ada_user)


def test_dropped_key_requires_a_sign_in(ada_user: User) -> None:
    with override_settings(TOKEN_CACHE_KEYS=[Fernet.generate_key().decode()]), pytest.raises(NeedsSignIn):
        arm_token(ada_user)
    assert not TokenCache.objects.exists()


def test_copied_row_does_not_load_for_another_user(sign_in: SignIn, ada_user: User) -> None:
    sign_in("oscar")
    oscar = User.objects.get(name="Oscar Operator")
    TokenCache.objects.filter(user=oscar).update(blob=TokenCache.objects.get(user=ada_user).blob)
    assert store.load(oscar) is None
    with pytest.raises(NeedsSignIn):
        arm_token(oscar)


@pytest.mark.parametrize(
    ("kind", "settings", "error"),
    [
        ("revoked", {}, NeedsSignIn),
        ("mfa-required", {}, NeedsSignIn),
        ("consent-missing", {}, NeedsSignIn),
        ("secret-expired", {}, CredentialRejected),
        ("server-error", {"where": "token", "status": 503}, SignInServiceDown),
        ("drop", {"where": "token"}, SignInServiceDown),
    ],
)
def test_every_refusal_has_its_own_exception(
    azure: Azure, ada_user: User, kind: str, settings: dict[str, object], error: type[Exception]
) -> None:
    azure.fault(kind, **settings)
    with pytest.raises(error) as refused:
        arm_token(ada_user, force_refresh=True)
    assert str(refused.value).endswith(".")


def test_mfa_refusal_carries_the_claims_challenge(azure: Azure, ada_user: User) -> None:
    azure.fault("mfa-required")
    with pytest.raises(NeedsSignIn) as refused:
        arm_token(ada_user, force_refresh=True)
    assert '"acrs"' in refused.value.claims
