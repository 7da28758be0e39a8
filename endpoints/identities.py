"""Tokens of the people in whose name operations are followed, for many operations at once."""

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from django.db import connection

from accounts.models import TokenCache, User
from accounts.tokens import ROLES_GOOD_FOR, TokenUnavailable, arm_token
from endpoints.models import Operation

AT_ONCE = 8
# Reading the encrypted store for every batch of polls would cost more than the polls.
KEPT_SECONDS = 60.0
# Before something billable is made or unmade, the role is looked at again.
ROLES_WITHIN_AT_SENDING = timedelta(minutes=5)

Token = str | TokenUnavailable


@dataclass(frozen=True)
class _Wanted:
    user_id: int
    force_refresh: bool
    roles_within: timedelta


@dataclass
class Tokens:
    """Keeps each person's token for a minute in the memory of this process, while their sign-in is the same."""

    _kept: dict[int, tuple[str, datetime | None, float]] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock)

    def of(self, operations: Iterable[Operation], *, for_sending: bool) -> Mapping[Any, Token]:
        """For each operation's key, its token or why there is none.

        `for_sending` reads the person anew, with their roles, into `asked_by`.
        """
        operations = list(operations)
        roles_within = ROLES_WITHIN_AT_SENDING if for_sending else ROLES_GOOD_FOR
        wanted = {one.pk: _Wanted(one.asked_by_id, one.wants_fresh_token, roles_within) for one in operations}
        sign_ins = TokenCache.objects.filter(user__in={one.user_id for one in wanted.values()})
        versions = dict(sign_ins.values_list("user", "updated_at"))
        found: dict[_Wanted, Token] = {}
        if not for_sending:
            found = {one: token for one in set(wanted.values()) if (token := self._remembered(one, versions))}
        missing = {one for one in wanted.values() if one not in found}
        users = User.objects.in_bulk({one.user_id for one in missing})
        found |= _fetch(missing, users)
        self._remember(found, versions)
        if for_sending:
            for operation in operations:
                operation.asked_by = users[operation.asked_by_id]
        return {pk: found[one] for pk, one in wanted.items()}

    def _remembered(self, wanted: _Wanted, versions: dict[int, datetime]) -> str:
        with self._lock:
            token, version, since = self._kept.get(wanted.user_id, ("", None, 0.0))
        fresh = time.monotonic() - since < KEPT_SECONDS and versions.get(wanted.user_id) == version
        return token if fresh and not wanted.force_refresh else ""

    def _remember(self, found: dict[_Wanted, Token], versions: dict[int, datetime]) -> None:
        now = time.monotonic()
        with self._lock:
            for wanted, token in found.items():
                kept = self._kept.get(wanted.user_id)
                if isinstance(token, str) and (kept is None or kept[0] != token):
                    self._kept[wanted.user_id] = (token, versions.get(wanted.user_id), now)


def _fetch(wanted: set[_Wanted], users: dict[int, User]) -> dict[_Wanted, Token]:
    """Entra ID may have to be asked for each of them, so several are asked at once."""
    if len(wanted) < 2:
        return {one: _token(one, users[one.user_id]) for one in wanted}
    with ThreadPoolExecutor(min(AT_ONCE, len(wanted))) as pool:
        return dict(zip(wanted, pool.map(lambda one: _token_in_thread(one, users[one.user_id]), wanted), strict=True))


def _token_in_thread(wanted: _Wanted, user: User) -> Token:
    try:
        return _token(wanted, user)
    finally:
        connection.close()


def _token(wanted: _Wanted, user: User) -> Token:
    try:
        return arm_token(user, force_refresh=wanted.force_refresh, roles_within=wanted.roles_within)
    except TokenUnavailable as error:
        return error
