"""bin/start and bin/stop: what bin/run does, in the background, found again by its pid and the moment it began."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from app.config import ROOT, Config
from app.settings import reachable
from app.welcome import address_of, setup_link

READY_WITHIN_S = 90.0
GONE_WITHIN_S = 30.0
LOOK_AGAIN_S = 0.05
PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Running:
    """A process that no later one can be mistaken for: a pid is given away again, a pid and a moment are not."""

    pid: int
    began: str

    @classmethod
    def of(cls, pid: int) -> Self | None:
        """The living process with this pid; None when there is none."""
        try:
            stat = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if stat[0] in "ZX" else cls(pid, stat[19])

    @classmethod
    def read(cls, file: Path) -> Self | None:
        """The process that the file names, if it still lives."""
        try:
            pid, began = file.read_text().split()
            found = cls.of(int(pid))
        except (OSError, ValueError):
            return None
        return found if found is not None and found.began == began else None

    def write(self, file: Path) -> None:
        """Name it in the file."""
        draft = file.with_name(f".{file.name}.{os.getpid()}")
        draft.write_text(f"{self.pid} {self.began}\n")
        draft.replace(file)

    def lives(self) -> bool:
        """Whether it still does."""
        return Running.of(self.pid) == self

    def tell_to_end(self) -> None:
        """Send SIGTERM to this very process, and to no other that got its pid meanwhile."""
        with suppress(ProcessLookupError):
            handle = os.pidfd_open(self.pid)
            try:
                if self.lives():
                    signal.pidfd_send_signal(handle, signal.SIGTERM)
            finally:
                os.close(handle)


def start() -> None:
    """Start everything and come back once /readyz says that it can serve. What is in the way is said, with code 1."""
    config = Config.from_env_or_exit()
    file = pid_file(config)
    if running := Running.read(file):
        print(f"It already runs at {address_of(config)} (pid {running.pid}). bin/stop stops it.")
        return
    file.unlink(missing_ok=True)
    said = config.data_dir / "start.log"
    with said.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.launcher"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # the log goes to LOG_FILE, which rotates
            stderr=stderr,
            start_new_session=True,
        )
    if begun := Running.of(process.pid):
        begun.write(file)
    if not _wait(lambda: process.poll() is not None or _is_ready(config), within_s=READY_WITHIN_S):
        sys.exit(
            f"metronome: it does not answer after {READY_WITHIN_S:.0f} s; {said} and {config.log_file} may say why."
        )
    if process.poll() is not None:
        file.unlink(missing_ok=True)
        lines = said.read_text(errors="replace").strip().splitlines()
        sys.exit(lines[-1] if lines else f"metronome: it ended with code {process.returncode}; see {config.log_file}.")
    print(f"Metronome is running at {address_of(config)} (pid {process.pid}).")
    print(f"Its log is {config.log_file}; bin/stop stops it.")
    if link := setup_link():
        print(f"There is no admin yet. This link makes one, once:\n{link}")


def stop() -> None:
    """Stop what start() started, and come back once it is gone, with how long it took."""
    config = Config.from_env_or_exit()
    file = pid_file(config)
    running = Running.read(file)
    if running is None:
        file.unlink(missing_ok=True)
        print(f"It does not run from {config.data_dir}.")
        return
    began = time.monotonic()
    running.tell_to_end()
    if not _wait(lambda: not running.lives(), within_s=GONE_WITHIN_S):
        sys.exit(f"metronome: it still runs {GONE_WITHIN_S:.0f} s after it was told to end (pid {running.pid}).")
    file.unlink(missing_ok=True)
    print(f"Stopped after {time.monotonic() - began:.1f} s.")


def pid_file(config: Config) -> Path:
    """Where the process is named."""
    return config.data_dir / "metronome.pid"


def _is_ready(config: Config) -> bool:
    connection = http.client.HTTPConnection(reachable(config.host), config.port, timeout=5)
    try:
        connection.request("GET", "/readyz", headers={"Host": _host_of(config)})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _host_of(config: Config) -> str:
    """A name that is answered to."""
    return config.trusted_hosts[0].lstrip(".") if config.trusted_hosts else "localhost"


def _wait(is_so: Callable[[], bool], *, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_AGAIN_S)
    return True


if __name__ == "__main__":
    {"start": start, "stop": stop}[sys.argv[1]]()
