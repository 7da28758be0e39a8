"""A worker in the process of the tests."""

from functools import cache
from uuid import UUID

from endpoints.engine.loop import Worker


@cache
def shared_worker() -> Worker:
    return Worker()


def new_worker() -> Worker:
    """Replace the shared worker with one that remembers no tokens and no lists."""
    shared_worker().close()
    shared_worker.cache_clear()
    return shared_worker()


def run_due(only: UUID | None = None) -> int:
    return shared_worker().run_due(only)
