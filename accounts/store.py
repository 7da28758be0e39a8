"""Keeps each person's msal cache encrypted in the database, and nowhere else."""

import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import msal
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db.models import F
from django.utils import timezone

from accounts.models import TokenCache, User


@dataclass(frozen=True)
class Stored:
    cache: msal.SerializableTokenCache
    version: int


def put(user: User, cache: msal.SerializableTokenCache) -> None:
    """Keep the cache of a sign-in that just succeeded, in place of any before it."""
    columns = {"blob": _seal(user, cache), "updated_at": timezone.now()}
    if not TokenCache.objects.filter(user=user).update(**columns, version=F("version") + 1):
        # Not from 1: whoever still holds a version of before a sign-out must not meet the same number again.
        TokenCache.objects.update_or_create(user=user, defaults={**columns, "version": secrets.randbelow(2**30)})


def load(user: User) -> Stored | None:
    """The person's cache; None when there is none or its key is gone, which both mean: sign in again."""
    row = TokenCache.objects.filter(user=user).first()
    if row is None:
        return None
    try:
        sealed = json.loads(_fernet().decrypt(bytes(row.blob)))
    except InvalidToken:
        TokenCache.objects.filter(user=user, version=row.version).delete()
        return None
    if sealed["user"] != _owner(user):
        return None
    cache = msal.SerializableTokenCache()
    cache.deserialize(sealed["cache"])
    return Stored(cache, row.version)


def save_if_current(user: User, stored: Stored) -> bool:
    """Write a refreshed cache back, unless somebody was faster or the person signed out: then it changes nothing."""
    if not stored.cache.has_state_changed:
        return False
    mine = TokenCache.objects.filter(user=user, version=stored.version)
    columns = {"blob": _seal(user, stored.cache), "version": stored.version + 1, "updated_at": timezone.now()}
    return bool(mine.update(**columns))


def forget(user: User) -> None:
    TokenCache.objects.filter(user=user).delete()


def forget_unused(now: datetime) -> None:
    """Forget the tokens of people who did not sign in for long: what is not kept cannot be stolen."""
    TokenCache.objects.filter(user__last_login__lt=now - timedelta(days=settings.TOKENS_KEPT_DAYS)).delete()


def _seal(user: User, cache: msal.SerializableTokenCache) -> bytes:
    """The owner stands inside, so that a row copied to somebody else opens for nobody."""
    return _fernet().encrypt(json.dumps({"user": _owner(user), "cache": cache.serialize()}).encode())


def _owner(user: User) -> list[str]:
    return [user.tid, user.oid]


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.TOKEN_CACHE_KEYS])
