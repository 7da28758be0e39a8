"""The identities that send and poll operations, and tokens for many operations at once."""

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
# Before a request that costs or destroys something, the roles are checked again.
ROLES_TTL_FOR_SENDING = timedelta(minutes=5)

# A token, or why there is none. An exception that is not a TokenUnavailable is a bug of this program.
TokenResult = str | Exception


def poll_identity_key(requested_by_id: int) -> str:
    """The key of the identity whose rate limit the polls of this user's operations count against."""
    return poll_identity(User(pk=requested_by_id)).key


def identity_key(operation: Operation) -> str:
    """The key of the identity whose rate limit the next call of an operation counts against."""
    if operation.phase in NOT_YET_ACCEPTED:
        return write_identity(User(pk=operation.requested_by_id)).key
    return poll_identity_key(operation.requested_by_id)


@dataclass(frozen=True)
class _Wanted:
    key: str
    # Does not matter if the identity polls for every user.
    user_id: int
    force_refresh: bool


@dataclass
class Tokens:
    """Keeps tokens in memory for a minute; a user's token only as long as the sign-in that it came from."""

    _kept: dict[str, tuple[str, datetime | None, float]] = field(default_factory=dict, repr=False)
    _lock: Lock = field(default_factory=Lock)

    def of(self, operations: Iterable[Operation], *, for_sending: bool) -> Mapping[UUID, TokenResult]:
        """The token of each operation, by the operation's id.

        `for_sending` also reloads `requested_by` with the user's current roles.
        """
        operations = list(operations)
        wanted = {
            one.pk: _Wanted(identity_key(one), one.requested_by_id, one.force_token_refresh) for one in operations
        }
        user_ids = {one.user_id for one in wanted.values()}
        sign_ins = dict(TokenCache.objects.filter(user__in=user_ids).values_list("user", "updated_at"))
        found: dict[_Wanted, TokenResult] = {}
        if not for_sending:
            found = {one: token for one in set(wanted.values()) if (token := self._kept_for(one, sign_ins))}
        missing = set(wanted.values()) - found.keys()
        users = User.objects.in_bulk({one.user_id for one in missing})
        fetched = _fetch(missing, users, for_sending)
        self._keep(fetched, sign_ins)
        found |= fetched
        if for_sending:
            for operation in operations:
                operation.requested_by = users[operation.requested_by_id]
        return {pk: found[one] for pk, one in wanted.items()}

    def _kept_for(self, wanted: _Wanted, sign_ins: Mapping[int, datetime]) -> str:
        with self._lock:
            token, sign_in, since = self._kept.get(wanted.key, ("", None, 0.0))
        is_fresh = time.monotonic() - since < TOKEN_TTL_SECONDS
        is_same_sign_in = sign_in is None or sign_ins.get(wanted.user_id) == sign_in
        return token if is_fresh and is_same_sign_in and not wanted.force_refresh else ""

    def _keep(self, fetched: Mapping[_Wanted, TokenResult], sign_ins: Mapping[int, datetime]) -> None:
        now = time.monotonic()
        with self._lock:
            for wanted, token in fetched.items():
                is_user = wanted.key == Person(User(pk=wanted.user_id)).key
                if isinstance(token, str):
                    self._kept[wanted.key] = (token, sign_ins.get(wanted.user_id) if is_user else None, now)


def _fetch(wanted: set[_Wanted], users: Mapping[int, User], for_sending: bool) -> dict[_Wanted, TokenResult]:
    """Each token may need a request to Entra ID, so several are fetched in parallel."""
    if len(wanted) < 2:
        return {one: _token(one, users[one.user_id], for_sending) for one in wanted}

    def in_thread(one: _Wanted) -> TokenResult:
        try:
            return _token(one, users[one.user_id], for_sending)
        finally:
            connection.close()

    with ThreadPoolExecutor(min(MAX_PARALLEL, len(wanted))) as pool:
        return dict(zip(wanted, pool.map(in_thread, wanted), strict=True))


def _token(wanted: _Wanted, user: User, for_sending: bool) -> TokenResult:
    identity = write_identity(user) if for_sending else poll_identity(user)
    roles_within = ROLES_TTL_FOR_SENDING if for_sending else ROLES_TTL
    try:
        return identity.token(force_refresh=wanted.force_refresh, roles_within=roles_within)
    except Exception as error:
        return error
