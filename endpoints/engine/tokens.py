"""In whose name operations are sent and followed, and tokens for many of them at once."""

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from uuid import UUID

from django.db import connection

from accounts.identity import Person, poll_identity, write_identity
from accounts.models import TokenCache, User
from accounts.tokens import ROLES_TTL
from endpoints.models import Operation
from endpoints.states import NOT_YET_ACCEPTED

MAX_PARALLEL = 8
# Reading the encrypted store for every batch of polls would cost more than the polls.
TOKEN_TTL_SECONDS = 60.0
# Before something billable is made or unmade, the role is looked at again.
ROLES_WITHIN_AT_SENDING = timedelta(minutes=5)

# The token, or why there is none; what is no TokenUnavailable is a fault of this program.
Token = str | Exception


def poll_identity_key(requested_by_id: int) -> str:
    """Whose request budget following takes from, when this person asked."""
    return poll_identity(User(pk=requested_by_id)).key


def identity_key(operation: Operation) -> str:
    """Whose request budget the next call of an operation takes from."""
    if operation.phase in NOT_YET_ACCEPTED:
        return write_identity(User(pk=operation.requested_by_id)).key
    return poll_identity_key(operation.requested_by_id)


@dataclass(frozen=True)
class _Wanted:
    """One token. Of an identity that watches for everybody it does not matter who asked."""

    key: str
    user_id: int
    force_refresh: bool


@dataclass
class Tokens:
    """Keeps tokens for a minute in the memory of this process; a person's only while their sign-in is the same."""

    _kept: dict[str, tuple[str, datetime | None, float]] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock)

    def of(self, operations: Iterable[Operation], *, for_sending: bool) -> Mapping[UUID, Token]:
        """For each operation's key, its token or why there is none.

        `for_sending` reads the person anew, with their roles, into `requested_by`.
        """
        operations = list(operations)
        wanted = {
            one.pk: _Wanted(identity_key(one), one.requested_by_id, one.force_token_refresh) for one in operations
        }
        people = {one.user_id for one in wanted.values()}
        sign_ins = dict(TokenCache.objects.filter(user__in=people).values_list("user", "updated_at"))
        found: dict[_Wanted, Token] = {}
        if not for_sending:
            found = {one: token for one in set(wanted.values()) if (token := self._remembered(one, sign_ins))}
        missing = set(wanted.values()) - found.keys()
        users = User.objects.in_bulk({one.user_id for one in missing})
        fetched = _fetch(missing, users, for_sending)
        self._remember(fetched, sign_ins)
        found |= fetched
        if for_sending:
            for operation in operations:
                operation.requested_by = users[operation.requested_by_id]
        return {pk: found[one] for pk, one in wanted.items()}

    def _remembered(self, wanted: _Wanted, sign_ins: Mapping[int, datetime]) -> str:
        with self._lock:
            token, sign_in, since = self._kept.get(wanted.key, ("", None, 0.0))
        fresh = time.monotonic() - since < TOKEN_TTL_SECONDS
        same = sign_in is None or sign_ins.get(wanted.user_id) == sign_in
        return token if fresh and same and not wanted.force_refresh else ""

    def _remember(self, fetched: Mapping[_Wanted, Token], sign_ins: Mapping[int, datetime]) -> None:
        now = time.monotonic()
        with self._lock:
            for wanted, token in fetched.items():
                is_person = wanted.key == Person(User(pk=wanted.user_id)).key
                if isinstance(token, str):
                    self._kept[wanted.key] = (token, sign_ins.get(wanted.user_id) if is_person else None, now)


def _fetch(wanted: set[_Wanted], users: Mapping[int, User], for_sending: bool) -> dict[_Wanted, Token]:
    """Entra ID may have to be asked for each of them, so several are asked at once."""
    if len(wanted) < 2:
        return {one: _token(one, users[one.user_id], for_sending) for one in wanted}

    def in_thread(one: _Wanted) -> Token:
        try:
            return _token(one, users[one.user_id], for_sending)
        finally:
            connection.close()

    with ThreadPoolExecutor(min(MAX_PARALLEL, len(wanted))) as pool:
        return dict(zip(wanted, pool.map(in_thread, wanted), strict=True))


def _token(wanted: _Wanted, user: User, for_sending: bool) -> Token:
    identity = write_identity(user) if for_sending else poll_identity(user)
    roles_within = ROLES_WITHIN_AT_SENDING if for_sending else ROLES_TTL
    try:
        return identity.token(force_refresh=wanted.force_refresh, roles_within=roles_within)
    except Exception as error:
        return error
