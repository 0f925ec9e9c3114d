"""Real processes that tests start, freeze and kill."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
PR_SET_PDEATHSIG = 1


class Process:
    """One command and all its children, in a session of their own; they end with the test run."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str], log: Path, *, home: Path = ROOT) -> None:
        self.words, self.log_file = list(words), log
        with log.open("ab") as out:
            self._popen = subprocess.Popen(
                self.words,
                cwd=home,
                env={**os.environ, **environment, "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 -- tests start processes from one thread
            )

    @property
    def pid(self) -> int:
        """The process that was started; it leads the session of its children."""
        return self._popen.pid

    @property
    def code(self) -> int | None:
        """The exit code, None while it runs."""
        return self._popen.poll()

    def tell(self, number: signal.Signals) -> None:
        """Send a signal to the process that was started."""
        self._popen.send_signal(number)

    def tell_all(self, number: signal.Signals) -> None:
        """Send a signal to it and all its children at once."""
        with suppress(ProcessLookupError):
            os.killpg(self._popen.pid, number)

    def kill(self) -> None:
        """End it and its children as a power cut would."""
        self.tell_all(signal.SIGKILL)
        self._popen.wait(30)

    def wait(self, timeout_s: float = 30) -> int:
        """The exit code, once it has ended."""
        return self._popen.wait(timeout_s)

    def log(self) -> str:
        """What it and those before it wrote into the same file."""
        return self.log_file.read_text(errors="replace")


def _end_with_parent() -> None:
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
