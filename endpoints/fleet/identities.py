"""Whose token reads a workspace: the watcher's, or that of a signed-in user who may read it."""

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from accounts.identity import Identity, Person, watcher
from accounts.models import TokenCache
from accounts.tokens import TokenUnavailable
from endpoints.models import WorkspaceAccess

logger = logging.getLogger(__name__)

TOKEN_TTL_SECONDS = 60.0
# How long an identity without a token is passed over.
UNAVAILABLE_SECONDS = 60.0
NOBODY = "No signed-in user may read this workspace, and no watcher is set up."


@dataclass
class Identities:
    """Remembers tokens for a minute, a user's only as long as the sign-in that it came from."""

    _tokens: dict[str, tuple[str, datetime | None, float]] = field(default_factory=dict, repr=False)
    # The keys of identities whose token Azure refused.
    _refused: set[str] = field(default_factory=set)
    _unavailable: dict[str, tuple[str, datetime | None, float]] = field(default_factory=dict)

    def readers(self, workspaces: Collection[UUID], read_as: dict[UUID, str]) -> dict[UUID, list[Identity]]:
        """The identities that may read each workspace, best first.

        The one that read it last comes first, then those with the least to read.
        """
        if own := watcher():
            return {workspace: [own] for workspace in workspaces}
        people = _readers_of(workspaces)
        load = Counter(read_as[workspace] for workspace in workspaces)
        order: dict[UUID, list[Identity]] = {}
        for workspace in workspaces:
            last = read_as[workspace]
            candidates = _best_first(people[workspace], last, load)
            order[workspace] = candidates
            if candidates and candidates[0].key != last:
                load[candidates[0].key] += 1
        return order

    def token(self, identity: Identity) -> str:
        """Raises TokenUnavailable, at once if that was so within the last minute."""
        sign_in, now = _sign_in(identity), time.monotonic()
        problem, of, until = self._unavailable.get(identity.key, ("", None, 0.0))
        if of == sign_in and now < until:
            raise TokenUnavailable(problem)
        token, of, since = self._tokens.get(identity.key, ("", None, 0.0))
        if token and of == sign_in and now - since < TOKEN_TTL_SECONDS:
            return token
        try:
            token = identity.token(force_refresh=identity.key in self._refused)
        except TokenUnavailable as error:
            self._unavailable[identity.key] = str(error), sign_in, now + UNAVAILABLE_SECONDS
            raise
        self._tokens[identity.key] = token, _sign_in(identity), now
        self._refused.discard(identity.key)
        return token

    def drop(self, identity: Identity) -> None:
        """Azure refused the token: get a new one from Entra ID next time."""
        self._tokens.pop(identity.key, None)
        self._refused.add(identity.key)


def _best_first(people: list[Person], last: str, load: Counter[str]) -> list[Identity]:
    return [*sorted(people, key=lambda one: (one.key != last, load[one.key]))]


def _readers_of(workspaces: Collection[UUID]) -> dict[UUID, list[Person]]:
    access = WorkspaceAccess.objects.filter(
        workspace__in=workspaces, readable=True, user__in=TokenCache.objects.values("user")
    )
    people: dict[UUID, list[Person]] = defaultdict(list)
    for row in access.select_related("user"):
        people[row.workspace_id].append(Person(row.user))
    return people


def _sign_in(identity: Identity) -> datetime | None:
    if not isinstance(identity, Person):
        return None
    return TokenCache.objects.filter(user=identity.user).values_list("updated_at", flat=True).first()
