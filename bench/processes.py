"""Real processes: started, held, watched, and always ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parent.parent
END_WITHIN_S = 15.0
TICKS = os.sysconf("SC_CLK_TCK")


class Process:
    """A command and all that it starts, in a process group of their own; gone on leaving, whatever happens."""

    def __init__(self, *command: str, env: Mapping[str, str], log: Path, end_within_s: float = END_WITHIN_S) -> None:
        self._command = command
        self._end_within_s = end_within_s
        self._env = env
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ("setpriv", "--pdeathsig", "TERM", "--", *self._command),
                cwd=ROOT,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.resume()
        self._signal(signal.SIGTERM, to_all=False)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(self._end_within_s)
        self._signal(signal.SIGKILL)
        self._popen.wait()

    @property
    def pid(self) -> int:
        """The process that was started."""
        return self._popen.pid

    def pause(self) -> None:
        """Hold every process of the group where it stands."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Held inside, going on after."""
        self.pause()
        try:
            yield
        finally:
            self.resume()

    def wait_until(self, is_so: Callable[[], bool], *, within_s: float = 60, every_s: float = 0.05) -> None:
        """Return once it is so.

        Raises:
            RuntimeError: it ended, or it took too long; says what it wrote last
        """
        deadline = time.monotonic() + within_s
        while not is_so():
            if self._popen.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{' '.join(self._command)} is not ready:\n{self._log.read_text()[-3_000:]}")
            time.sleep(every_s)

    @property
    def _popen(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "it was not started"
        return self._process

    def _signal(self, number: signal.Signals, *, to_all: bool = True) -> None:
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if to_all else os.kill)(self.pid, number)


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process has used so far: the most memory it ever held, and processor time."""

    pid: int
    name: str
    peak_mib: float
    cpu_s: float


def usage_below(pid: int) -> list[Usage]:
    """What a process and all its descendants have used; those that ended meanwhile are left out."""
    parents = {one: _stat(one) for one in _pids()}
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting += [child for child, stat in parents.items() if stat and int(stat[1]) == one]
    return [usage for one in found if (usage := _usage(one))]


def cpu_s(usages: Sequence[Usage]) -> float:
    """Processor seconds of all of them together."""
    return sum(one.cpu_s for one in usages)


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _stat(pid: int) -> list[str]:
    """The fields after the command's name, which may hold blanks itself: state, parent, …"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _usage(pid: int) -> Usage | None:
    stat = _stat(pid)
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    peak_kib = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0)
    if not stat or not peak_kib:
        return None
    return Usage(pid, _name(words), peak_kib / 1024, (int(stat[11]) + int(stat[12])) / TICKS)


def _name(words: Sequence[str]) -> str:
    """What people would call it: "app.server", "dramatiq", "redis-server"."""
    if "-m" in words:
        return words[words.index("-m") + 1]
    # A server may write more than its name into its first word: "/usr/bin/redis-server *:6379".
    programs = [Path(word.split()[0]).name for word in words if word.strip() and not word.startswith("-")]
    return next((name for name in programs if not name.startswith(("python", "sh"))), programs[0] if programs else "?")
