"""Processes that end when the one that started them is gone."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def end_with_parent(*, parent: int | None = None) -> None:
    """Have the kernel send SIGTERM to this process when its parent dies, even of SIGKILL.

    Linux only; elsewhere it does nothing. A `parent` given is checked: it may have died before the kernel was asked.
    The wish survives exec, not fork.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)
