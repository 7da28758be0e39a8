"""Keeps each user's msal token cache encrypted in the database, and nowhere else.

https://learn.microsoft.com/entra/msal/python/advanced/msal-python-token-cache-serialization
"""

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
    """Save the cache of a successful sign-in, and replace the one before it."""
    columns = {"blob": _seal(user, cache), "updated_at": timezone.now()}
    if not TokenCache.objects.filter(user=user).update(**columns, version=F("version") + 1):
        # Not from 1: a worker that loaded the cache before a sign-out must not match the version after it.
        TokenCache.objects.update_or_create(user=user, defaults={**columns, "version": secrets.randbelow(2**30)})


def load(user: User) -> Stored | None:
    """The user's cache; None if there is none or its key was dropped. In both cases the user must sign in again."""
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
    """Save a refreshed cache, unless another process saved one first or the user signed out."""
    if not stored.cache.has_state_changed:
        return False
    current = TokenCache.objects.filter(user=user, version=stored.version)
    columns = {"blob": _seal(user, stored.cache), "version": stored.version + 1, "updated_at": timezone.now()}
    return bool(current.update(**columns))


def delete(user: User) -> None:
    TokenCache.objects.filter(user=user).delete()


def delete_unused(now: datetime) -> None:
    """Delete the tokens of users who have not signed in for long: what is not kept cannot be stolen."""
    TokenCache.objects.filter(user__last_login__lt=now - timedelta(days=settings.TOKENS_KEPT_DAYS)).delete()


def _seal(user: User, cache: msal.SerializableTokenCache) -> bytes:
    """Encrypt the cache together with its owner, so that a row copied to another user does not load."""
    return _fernet().encrypt(json.dumps({"user": _owner(user), "cache": cache.serialize()}).encode())


def _owner(user: User) -> list[str]:
    return [user.tid, user.oid]


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.TOKEN_CACHE_KEYS])
