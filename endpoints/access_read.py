"""Record what Azure says about a user's access. Pages and workers share it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from accounts.models import User
from accounts.tokens import SignInServiceDown, TokenUnavailable
from endpoints import clock
from endpoints.arm.resources import WorkspaceId, key_of, same_location
from endpoints.arm.visibility import Problem, Question, Seen, Trouble, Verdict
from endpoints.models import AccessRead, Workspace, WorkspaceAccess, WorkspaceRead
from endpoints.visible import save_visible
from endpoints.wake import wake_reader_on_commit

# The pause after a failure, which doubles with each further one.
FIRST_PAUSE = timedelta(seconds=5)
MAX_PAUSE = timedelta(minutes=10)


@dataclass(frozen=True)
class Asked:
    """A question to Azure, and when it was put. `workspaces` are the registered ones by key."""

    user: User
    at: datetime
    workspaces: dict[str, Workspace]
    question: Question


def ask(user: User) -> Asked:
    """The question which of the registered workspaces the user may read; for those who register, which others too."""
    at = clock.now()
    workspaces = {key_of(workspace.arm_id): workspace for workspace in Workspace.objects.all()}
    refused = set(WorkspaceAccess.objects.filter(user=user, readable=False).values_list("workspace_id", flat=True))
    question = Question(
        {key: WorkspaceId(one.subscription_id, one.resource_group, one.name) for key, one in workspaces.items()},
        frozenset(key for key, one in workspaces.items() if one.pk in refused),
        everywhere=user.may_register_workspaces,
    )
    return Asked(user, at, workspaces, question)


def without_token(error: TokenUnavailable) -> Seen:
    trouble = Trouble.DOWN if isinstance(error, SignInServiceDown) else Trouble.SIGN_IN
    return Seen(problem=Problem(trouble, str(error)))


def record(asked: Asked, seen: Seen, *, lease: UUID | None = None, retry_now: bool = False) -> bool:
    """Record an answer, and when to ask again; False if another worker has the lease now.

    What Azure did not say stays as it was.
    """
    verdicts = {asked.workspaces[key].pk: verdict for key, verdict in seen.verdicts.items() if key in asked.workspaces}
    with transaction.atomic():
        row, _ = AccessRead.objects.select_for_update().get_or_create(user=asked.user)
        if lease and row.lease != lease:
            return False
        changed = _save_access(asked, verdicts)
        if asked.question.everywhere:
            save_visible(asked.user, seen, asked.at)
        _finish(row, asked, seen, changed=changed, retry_now=retry_now)
        if lease:
            row.lease = row.lease_until = None
            row.lease_owner = ""
        row.save()
    _read_contradicted(verdicts)
    _record_locations(asked, seen)
    return True


def _save_access(asked: Asked, verdicts: dict[UUID, Verdict]) -> bool:
    """Whether it differs from what was known."""
    existing = set(Workspace.objects.values_list("pk", flat=True))
    certain = {Verdict.READABLE, Verdict.REFUSED}
    answers = {
        pk: verdict is Verdict.READABLE for pk, verdict in verdicts.items() if verdict in certain and pk in existing
    }
    rows = WorkspaceAccess.objects.filter(user=asked.user)
    known = dict(rows.values_list("workspace_id", "readable"))
    different = {pk: readable for pk, readable in answers.items() if known.get(pk) is not readable}
    rows.filter(workspace__in=answers.keys() - different.keys()).update(checked_at=asked.at)
    WorkspaceAccess.objects.bulk_create(
        [
            WorkspaceAccess(
                user=asked.user,
                workspace_id=pk,
                readable=different[pk],
                checked_at=asked.at,
                lost_at=asked.at if known.get(pk) else None,
            )
            for pk in sorted(different)
        ],
        update_conflicts=True,
        unique_fields=["user", "workspace"],
        update_fields=["readable", "checked_at", "lost_at"],
    )
    return bool(different)


def _finish(row: AccessRead, asked: Asked, seen: Seen, *, changed: bool, retry_now: bool) -> None:
    now, problem = clock.now(), seen.problem.text[:500] if seen.problem else ""
    if changed or problem != row.problem:
        row.version += 1
    is_wanted_again = row.due_at is not None and row.due_at > asked.at
    if seen.problem:
        row.problem_since = row.problem_since or now
        due_at = now if retry_now else now + _pause(seen.problem, row.faults)
        row.faults += 1
    else:
        row.complete_at, row.problem_since, row.faults, due_at = asked.at, None, 0, None
    row.problem = problem
    row.due_at = row.due_at if is_wanted_again else due_at


def _pause(problem: Problem, faults: int) -> timedelta:
    if problem.trouble is Trouble.SIGN_IN:
        return MAX_PAUSE  # a sign-in ends it
    doubled: timedelta = FIRST_PAUSE * 2 ** min(faults, 10)
    return max(min(doubled, MAX_PAUSE), timedelta(seconds=problem.wait))


def _read_contradicted(verdicts: dict[UUID, Verdict]) -> None:
    """Have the workspaces read that exist or not, other than what is known. Only that read decides about them."""
    found = [pk for pk, verdict in verdicts.items() if verdict is Verdict.READABLE]
    missing = [pk for pk, verdict in verdicts.items() if verdict is Verdict.MISSING]
    contradicted = Q(pk__in=missing, workspace__gone_at=None) | Q(pk__in=found, workspace__gone_at__isnull=False)
    now = clock.now()
    if WorkspaceRead.objects.filter(contradicted, due_at__gt=now).update(due_at=now):
        wake_reader_on_commit()


def _record_locations(asked: Asked, seen: Seen) -> None:
    """Each statement locks one workspace: `endpoints.versions`."""
    for key, location in seen.locations.items():
        workspace = asked.workspaces.get(key)
        if workspace and location and not same_location(workspace.location, location):
            rows = Workspace.objects.filter(pk=workspace.pk)
            rows.update(location=location[:90], version=F("version") + 1)
