"""One sweep of a worker that may be killed on the way. Runs in a Django process of its own."""

import os
import signal
import time

from django.db import connection

from endpoints.engine.leases import reclaim_orphaned_leases
from endpoints.engine.loop import Worker


def sweep_in_fork(kill_after_milliseconds: int | None, reclaims: bool) -> None:
    """Take all steps that are due, in a fork with its own connections."""
    connection.close()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            if reclaims:
                reclaim_orphaned_leases()
            Worker().run_due()
            code = 0
        finally:
            os._exit(code)
    if kill_after_milliseconds is not None:
        time.sleep(kill_after_milliseconds / 1000)
        os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    assert status == 0 or kill_after_milliseconds is not None, "The worker ended with an exception."
