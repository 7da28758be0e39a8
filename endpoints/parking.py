"""End operations that wait for a sign-in, which may never come."""

from collections.abc import Callable
from datetime import datetime

from accounts.models import User
from endpoints import history
from endpoints.arm.errors import ArmError
from endpoints.arm.operations import Outcome
from endpoints.models import Endpoint, Operation
from endpoints.states import Phase


def end_parked(
    endpoint: Endpoint, code: str, reason_of: Callable[[Operation], str], now: datetime, actor: User | None = None
) -> None:
    """Settle them as failed, each with its reason; nothing more is sent for them."""
    parked = endpoint.operations.filter(settled_at=None, needs_sign_in=True, lease=None).select_related("requested_by")
    for operation in parked:
        reason = reason_of(operation)
        parked.filter(pk=operation.pk).update(
            phase=Phase.SETTLED,
            settled_at=now,
            outcome=Outcome.ERROR,
            error=ArmError(code, reason, 0, {}).as_json(),
            needs_sign_in=False,
            claims="",
            monitor_url="",
            result_url="",
        )
        history.add_event(operation, reason, now, actor=actor)
        history.close_audit_entry(operation, Outcome.ERROR, reason)
