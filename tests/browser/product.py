"""The whole product in real processes."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

ROOT = Path(__file__).parents[2]
READY_WITHIN_S = 30
PASSWORD = "a long walk along the river"


class Product:
    """Web, worker and scheduler of one installation, each a process that a test may stop and start again."""

    def __init__(self, *, folder: Path, database_url: str, redis_url: str, settings: Mapping[str, str]) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        self.environment = {
            "PATH": os.environ["PATH"],
            "LC_ALL": "C.UTF-8",
            "DATA_DIR": str(folder),
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "WORKERS": "1",
            "WORKER_THREADS": "2",
            "SIGN_UP_PER_HOUR": "10000",
            **settings,
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def run(self, *command: str, feed: str = "") -> str:
        """Run one command of the product to its end and give what it printed."""
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, input=feed, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout.strip()

    def start(self, name: str, **settings: str) -> None:
        """Start bin/<name>, with `settings` on top of the product's own."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [ROOT / "bin" / name], cwd=ROOT, env={**self.environment, **settings}, stdout=log, stderr=log
            )

    def stop(self, name: str) -> None:
        """End it in order."""
        process = self._running.pop(name)
        process.terminate()
        try:
            process.wait(READY_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def stop_everything(self) -> None:
        for name in list(self._running):
            self.stop(name)

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{self.url}/healthz", timeout=2).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError(f"The web server did not answer:\n{(self.folder / 'web.log').read_text()}")

    def flask(self, *words: str, feed: str = "") -> str:
        """Run one of the product's own commands and give what it printed."""
        return self.run(str(ROOT / ".venv/bin/flask"), "--app", "wsgi", *words, feed=feed)

    def make_person(self, *, admin: bool = False) -> str:
        """Create somebody and give their e-mail; the password is PASSWORD."""
        email = f"ada-{secrets.token_hex(6)}@example.com"
        self.flask(
            "users", "create", "--email", email, *(["--admin"] if admin else []), "--password-stdin", feed=PASSWORD
        )
        return email

    def log(self, email: str, activities: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Log activities as a program of that person would; what the answer says of them."""
        token = self.flask("tokens", "create", "--email", email, "--scope", "write")
        request = urllib.request.Request(
            f"{self.url}/api/v1/activities/batch",
            data=json.dumps(activities).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            made: list[dict[str, Any]] = json.load(answer)["activities"]
        return made

    def sql(self, statement: str, **values: object) -> None:
        """Change something behind the product's back."""
        engine = create_engine(self.environment["DATABASE_URL"])
        with engine.begin() as connection:
            connection.execute(text(statement), values)
        engine.dispose()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
