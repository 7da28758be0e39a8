"""Supervises the processes of one host: starts them, restarts those that exit, and stops all of them together."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

FIRST_PAUSE, MAX_PAUSE = 1.0, 30.0
# A process that ran this long counts as stable, which resets the pause before its next restart.
STABLE_AFTER = 60.0
STOP_TIMEOUT = 20.0
CHECK_EVERY = 0.2
PR_SET_PDEATHSIG = 1  # https://man7.org/linux/man-pages/man2/prctl.2.html

Log = Callable[[str], object]


@dataclass
class Child:
    """One process, its log, and when to restart it."""

    name: str
    command: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    pause: float = FIRST_PAUSE
    start_at: float = field(default=0.0)

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        self.started_at = time.monotonic()
        with self.log.open("ab") as log:
            # In its own session it does not receive the terminal's Ctrl-C: the supervisor stops its children.
            self.process = subprocess.Popen(  # noqa: S603  (our own commands)
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=_exit_with_parent,
            )  # fmt: skip

    def schedule_restart(self) -> float:
        """Schedule the restart; returns the seconds until then."""
        now = time.monotonic()
        pause = FIRST_PAUSE if now - self.started_at > STABLE_AFTER else self.pause
        self.pause, self.start_at, self.process = min(MAX_PAUSE, pause * 2), now + pause, None
        return pause

    def signal(self, number: int) -> None:
        if self.process and self.is_running:
            os.killpg(self.process.pid, number)


class Supervisor:
    def __init__(self, children: Sequence[Child], log: Log) -> None:
        self.children = children
        self._log = log
        self._stopping = False

    def __enter__(self) -> "Supervisor":
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)
        for child in self.children:
            child.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop all processes, wait, and kill those that are still running."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for child in self.children:
            child.signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_TIMEOUT
        while any(child.is_running for child in self.children) and time.monotonic() < deadline:
            time.sleep(0.05)
        for child in self.children:
            child.signal(signal.SIGKILL)

    def watch(self, until: Callable[[], bool] = lambda: False) -> bool:
        """Restart processes that exit. Returns True as soon as `until` holds, and False after a signal to stop."""
        while not self._stopping:
            self._check()
            if until():
                return True
            time.sleep(CHECK_EVERY)
        return False

    def _check(self) -> None:
        for child in self.children:
            if child.process and not child.is_running:
                code = child.process.returncode
                pause = child.schedule_restart()
                self._log(f"{child.name} exited ({_exit_reason(code)}) and restarts in {pause:.0f} s. See {child.log}.")
            elif child.process is None and time.monotonic() >= child.start_at:
                child.start()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True


def _exit_reason(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


def _exit_with_parent() -> None:
    """On Linux, stop this process when the supervisor is killed and cannot do so."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
