"""One worker's turn in a process that may be killed on the way: called in a Django process of its own."""

import os
import signal
import time

from django.db import connection

from endpoints.engine.leases import reclaim_orphaned_leases
from endpoints.engine.loop import Worker


def work(milliseconds: int | None, takes_back: bool) -> None:
    """Do all that is due, in a fork with connections of its own; kill it after so long."""
    connection.close()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            if takes_back:
                reclaim_orphaned_leases()
            Worker().run_due()
            code = 0
        finally:
            os._exit(code)
    if milliseconds is not None:
        time.sleep(milliseconds / 1000)
        os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    assert status == 0 or milliseconds is not None, "The worker ended with an exception."
