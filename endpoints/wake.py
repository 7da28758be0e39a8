"""Wake a worker. A web process sends the task by name, so that it never imports the engine.

https://docs.celeryq.dev/en/stable/reference/celery.html#celery.Celery.send_task
"""

from celery import current_app
from django.db import transaction


def wake_worker_on_commit() -> None:
    """Wake a worker once the rows are committed. If the message is lost, the next sweep finds them."""
    _wake_on_commit("endpoints.tasks.send_requested")


def wake_reader_on_commit() -> None:
    """The same for what is to be read."""
    _wake_on_commit("endpoints.tasks.read_fleet")


def wake_access_reader_on_commit() -> None:
    """The same for what users may see."""
    _wake_on_commit("endpoints.tasks.read_access")


def _wake_on_commit(task: str) -> None:
    # Django names the function in its log if that fails, so it is no functools.partial.
    def wake() -> None:
        current_app.send_task(task, ignore_result=True)

    transaction.on_commit(wake, robust=True)
