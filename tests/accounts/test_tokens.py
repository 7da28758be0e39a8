"""The token store."""

import pytest
from cryptography.fernet import Fernet
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import override_settings

from accounts import store
from accounts.models import TokenCache, User
from accounts.tokens import CredentialRejected, NeedsSignIn, SignInServiceDown, arm_token
from tests.azure import Azure
from tests.conftest import SignIn


@pytest.fixture
def ada(sign_in: SignIn) -> User:
    sign_in("ada")
    return User.objects.get()


def test_a_token_is_taken_from_the_store_without_asking_again(azure: Azure, ada: User) -> None:
    asked = len(azure.requests("POST", "/token"))
    assert arm_token(ada) == arm_token(ada)
    assert len(azure.requests("POST", "/token")) == asked


def test_tokens_are_kept_encrypted_and_nowhere_else(ada: User) -> None:
    token = arm_token(ada).encode()
    assert token not in bytes(TokenCache.objects.get().blob)
    assert all(token[:40].decode() not in str(session.get_decoded()) for session in Session.objects.all())


def test_a_refresh_brings_the_roles_up_to_date(ada: User) -> None:
    User.objects.update(roles=["Viewer"])
    ada.refresh_from_db()
    arm_token(ada, force_refresh=True)
    assert User.objects.get().roles == ["Admin", "Keys"]


def test_a_worker_does_not_bring_tokens_back_after_sign_out(ada: User) -> None:
    stored = store.load(ada)
    assert stored is not None
    store.forget(ada)
    stored.cache.has_state_changed = True
    assert not store.save_if_current(ada, stored)
    assert not TokenCache.objects.exists()


def test_a_stale_writer_changes_nothing(ada: User) -> None:
    stored = store.load(ada)
    assert stored is not None
    arm_token(ada, force_refresh=True)
    stored.cache.has_state_changed = True
    assert not store.save_if_current(ada, stored)


def test_keys_can_be_rotated(ada: User) -> None:
    new = Fernet.generate_key().decode()
    with override_settings(TOKEN_CACHE_KEYS=[new, *settings.TOKEN_CACHE_KEYS]):
        arm_token(ada, force_refresh=True)
    with override_settings(TOKEN_CACHE_KEYS=[new]):
        assert arm_token(ada)


def test_a_dropped_key_means_sign_in_again(ada: User) -> None:
    with override_settings(TOKEN_CACHE_KEYS=[Fernet.generate_key().decode()]), pytest.raises(NeedsSignIn):
        arm_token(ada)
    assert not TokenCache.objects.exists()


def test_a_row_copied_to_somebody_else_opens_for_nobody(sign_in: SignIn, ada: User) -> None:
    sign_in("oscar")
    oscar = User.objects.get(name="Oscar Operator")
    TokenCache.objects.filter(user=oscar).update(blob=TokenCache.objects.get(user=ada).blob)
    with pytest.raises(NeedsSignIn):
        arm_token(oscar)


@pytest.mark.parametrize(
    ("kind", "settings", "error"),
    [
        ("revoked", {}, NeedsSignIn),
        ("mfa-required", {}, NeedsSignIn),
        ("secret-expired", {}, CredentialRejected),
        ("server-error", {"where": "token", "status": 503}, SignInServiceDown),
        ("drop", {"where": "token"}, SignInServiceDown),
    ],
)
def test_every_refusal_has_its_name(
    azure: Azure, ada: User, kind: str, settings: dict[str, object], error: type[Exception]
) -> None:
    azure.fault(kind, **settings)
    with pytest.raises(error) as refused:
        arm_token(ada, force_refresh=True)
    assert str(refused.value).endswith(".")


def test_a_second_proof_names_the_claims_to_ask_for(azure: Azure, ada: User) -> None:
    azure.fault("mfa-required")
    with pytest.raises(NeedsSignIn) as refused:
        arm_token(ada, force_refresh=True)
    assert '"acrs"' in refused.value.claims
