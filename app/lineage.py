"""Processes that end when the one that started them is gone."""

import ctypes
import os
import select
import signal
import sys
import threading
import time

_PR_SET_PDEATHSIG = 1


def end_with_parent(*, parent: int | None = None) -> None:
    """Have the kernel send SIGTERM to this process when its parent dies, even of SIGKILL.

    Linux only; elsewhere it does nothing. A `parent` given is checked: it may have died before the kernel was asked.
    Then this process is killed, for nothing has begun yet, and whoever else hears a SIGTERM now may wait for that
    parent. The wish survives exec, not fork.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def be_gone_after_parent(parent: int, *, within_s: float) -> None:
    """Have this process killed so long after its parent died, should it still be there then.

    What asks it to end first may find it waiting for that parent. Linux only; elsewhere it does nothing.
    """
    if not sys.platform.startswith("linux"):
        return

    def watch() -> None:
        select.select([os.pidfd_open(parent)], [], [])
        time.sleep(within_s)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="lineage", daemon=True).start()
