"""One installation of the product, as bin/run makes it: real processes in a folder of their own."""

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.waiting import wait_until

ROOT = Path(__file__).parents[1]

STARTS_WITHIN_S = 60


class Installation:
    """What one DATA_DIR holds, with a port of its own."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.environment = {
            "PATH": os.environ["PATH"],
            "DATA_DIR": str(folder),
            "PORT": str(self.port),
            "WORKERS": "1",
            **({} if database_url.startswith("sqlite") else {"DATABASE_URL": database_url}),
        }
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> subprocess.Popen[str]:
        """Start it in the background; `printed` is what it says."""
        self.process = subprocess.Popen(
            [ROOT / "bin" / "run"], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return self.process

    def refused(self, *command: str, within_s: float = 30, **environment: str) -> tuple[int, str]:
        """Start it where it cannot start; the exit code and what it says."""
        done = subprocess.run(
            command or [ROOT / "bin" / "run"],
            env={**self.environment, **environment},
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
            timeout=within_s,
        )
        return done.returncode, (done.stdout + done.stderr).strip()

    def first_page(self) -> int:
        """The status of the sign-in page, as soon as anything answers."""
        deadline = time.monotonic() + STARTS_WITHIN_S
        while time.monotonic() < deadline:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            try:
                connection.request("GET", "/sign-in")
                return connection.getresponse().status
            except OSError:
                time.sleep(0.02)
            finally:
                connection.close()
        raise AssertionError("nothing answers")

    def said(self, pattern: str) -> re.Match[str]:
        """Read what it prints until a line matches."""
        assert self.process is not None
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"it never said {pattern}")

    def processes(self) -> dict[int, str]:
        """Every living process of this installation, by pid."""
        mark = f"\0DATA_DIR={self.folder}\0".encode()
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                # Redis writes its title over its environment.
                if mark in b"\0" + (entry / "environ").read_bytes() or f"{self.folder}/redis.sock" in command:
                    found[int(entry.name)] = command
            except OSError:
                continue
        return found

    def pid_of(self, word: str) -> int:
        """The process with this word in its command, as soon as there is one."""
        pids: list[int] = []
        wait_until(
            lambda: pids.extend(pid for pid, command in self.processes().items() if word in command) or bool(pids)
        )
        return min(pids)

    def command(self, *words: str, feed: str = "") -> str:
        """Run `flask --app wsgi` with these words; what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "wsgi", *words],
            env=self.environment,
            cwd=ROOT,
            input=feed,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def kill_everything(self) -> None:
        """As when the power goes."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.processes() == {})
        if self.process is not None:
            self.process.communicate(timeout=10)

    def end(self, with_signal: signal.Signals = signal.SIGTERM) -> float:
        """Stop it; how long until the last process was gone, in seconds."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(with_signal)
        self.process.communicate(timeout=60)
        wait_until(lambda: self.processes() == {})
        return time.monotonic() - began


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
