"""The product as the fault tests run it: its own processes, and a program of Ada's that logs activities."""

import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from sqlalchemy import create_engine, select, text

from app.activities.models import Activity
from tests.waiting import wait_until

from .checker import count
from .processes import ROOT, Process

MET, WEIGHT_KG = Decimal(9), 70
EMAIL, PASSWORD = "ada@example.org", "horse plane grass"


class Installation:
    """Web, worker and scheduler, each started from bin/, and a program of Ada's that logs activities."""

    def __init__(self, folder: Path, database_url: str, redis_url: str, **settings: str) -> None:
        self.port = _free_port()
        self.root, self.folder, self.database = ROOT, folder, create_engine(database_url)
        self.environment = {
            "DATA_DIR": str(folder),
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "PORT": str(self.port),
            "WORKERS": "1",
            "ACTIVITY_BATCH_SIZE": "5",
            "ACTIVITY_DELAY_S": "0.5",
            "LEASE_S": "5",
            "HEARTBEAT_S": "1",
            "REAP_INTERVAL_S": "1",
            **settings,
        }
        self.processes: list[Process] = []
        self.wanted: Counter[tuple[int, Decimal]] = Counter()
        self.began = time.monotonic()
        self.migrate()
        self._flask("users", "create", "--email", EMAIL, "--password-stdin", feed=f"{PASSWORD}\n")
        self.token = self._flask("tokens", "create", "--email", EMAIL, "--scope", "write").strip()

    def start(self, name: str, *words: str) -> Process:
        log = self.folder / f"{name}.log"
        self.processes.append(Process([f"bin/{name}", *words], self.environment, log, home=self.root))
        return self.processes[-1]

    def beside(self, root: Path) -> Self:
        """Another version of the product, at a port of its own, on the same database and Redis."""
        other = copy(self)
        other.root, other.folder, other.port = root, self.folder / "beside", _free_port()
        other.folder.mkdir()
        other.environment = {**self.environment, "PORT": str(other.port), "DATA_DIR": str(other.folder)}
        other.processes, other.wanted = [], Counter()
        shutil.copy(self.folder / "secret_key", other.folder)
        return other

    def migrate(self) -> None:
        """Bring the database to the newest migration of this version."""
        self._run("bin/migrate")

    def start_worker(self) -> Process:
        return self.start("worker", "--worker-shutdown-timeout", "3000")

    def start_web(self) -> Process:
        web = self.start("web")
        wait_until(self._answers, what="the web does not answer")
        return web

    def close(self) -> None:
        for process in self.processes:
            process.kill()
        self.database.dispose()

    def log(self, minutes: int, *, key: str | None = None) -> float:
        """Log one run of so many minutes; how many seconds the answer took."""
        started = time.monotonic()
        given = {"kind": "running", "duration_min": minutes, "weight_kg": WEIGHT_KG}
        made = self._ask("/api/v1/activities", given, key=key)
        self.wanted[made["id"], MET * WEIGHT_KG * minutes / 60] = 1
        return time.monotonic() - started

    def log_many(self, minutes: Sequence[int]) -> None:
        """Log a run for each of these numbers of minutes, in one request."""
        given = [{"kind": "running", "duration_min": one, "weight_kg": WEIGHT_KG} for one in minutes]
        made = self._ask("/api/v1/activities/batch", given, key=None)["activities"]
        assert len(made) == len(minutes)
        self.wanted.update((it["id"], MET * WEIGHT_KG * one / 60) for it, one in zip(made, minutes, strict=True))

    def list_activities(self) -> float:
        """Have the web list the newest; how many seconds that took."""
        started = time.monotonic()
        self._ask("/api/v1/activities", None, key=None)
        return time.monotonic() - started

    def hurry(self, activity_id: int) -> None:
        """Have this activity counted before all others."""
        with self.database.connect() as connection:
            its = "SELECT uid FROM job WHERE subject_kind = 'activity' AND subject_id = :number"
            uid = connection.execute(text(its), {"number": activity_id}).scalar_one()
        self._flask("jobs", "priority", "0", uid)

    def try_to_log(self, minutes: int) -> tuple[int, str | None]:
        """Log one run, or be refused: the status, and after how many seconds to try again."""
        try:
            self.log(minutes)
        except urllib.error.HTTPError as refused:
            with refused:
                code, again_in_s, told = refused.code, refused.headers["Retry-After"], refused.read().decode()
        else:
            code, again_in_s, told = 201, None, ""
        assert "Traceback" not in told
        return code, again_in_s

    @contextmanager
    def held(self) -> Iterator[None]:
        """As long as it lasts, nobody else can write an activity."""
        is_sqlite = self.database.dialect.name == "sqlite"
        with self.database.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if is_sqlite else "LOCK TABLE activity IN EXCLUSIVE MODE")
            yield
            connection.rollback()

    def read(self, path: str) -> tuple[int, str]:
        """What the web answers to anybody."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            return answer.status, answer.read().decode()

    def metric(self, name: str) -> Counter[str]:
        """The sums of a metric by state."""
        found: Counter[str] = Counter()
        for state, value in re.findall(rf'^{name}{{.*state="(\w+)".*}} (\S+)$', self.read("/metrics")[1], re.MULTILINE):
            found[state] += int(float(value))
        return +found

    def rows(self) -> list[tuple[int, Decimal | None]]:
        with self.database.connect() as connection:
            return [(one.id, one.energy_kcal) for one in connection.execute(select(Activity.id, Activity.energy_kcal))]

    def states(self) -> Counter[str]:
        with self.database.connect() as connection:
            return Counter(connection.execute(text("SELECT state FROM job")).scalars())

    def started_before(self, activity_id: int) -> int:
        """How many jobs of its kind were started before that of this activity."""
        with self.database.connect() as connection:
            before = (
                "SELECT count(*) FROM job JOIN job AS its ON its.kind = job.kind"
                " WHERE its.subject_kind = 'activity' AND its.subject_id = :number AND job.started_at < its.started_at"
            )
            return int(connection.execute(text(before), {"number": activity_id}).scalar_one())

    def weights(self) -> dict[int, tuple[float, int]]:
        """Of every process by its pid: its memory in MiB, and how many files it holds open."""
        starters = {process.pid for process in self.processes if process.code is None}
        found = {}
        for entry in Path("/proc").iterdir():
            with suppress(OSError, ValueError):
                pid = int(entry.name)
                if os.getsid(pid) in starters:
                    memory = re.search(r"^VmRSS:\s+(\d+) kB", (entry / "status").read_text(), re.MULTILINE)
                    found[pid] = (int(memory[1]) / 1024 if memory else 0.0, len(list((entry / "fd").iterdir())))
        return found

    def wait_for_running(self) -> None:
        wait_until(lambda: self.states()["running"] > 0, what="nothing began to run")

    def wait_for_all(self) -> float:
        return wait_until(lambda: all(energy is not None for _, energy in self.rows()), what="a number never came")

    def check(self, story: str) -> None:
        found = Counter((number, energy) for number, energy in self.rows() if energy is not None)
        assert {number for number, _ in self.rows()} == {number for number, _ in self.wanted}
        with self.database.connect() as connection:
            told = connection.execute(text("SELECT job_id, outcome FROM job_attempt ORDER BY job_id, attempt")).all()
        outcomes: dict[str, list[str]] = {}
        for job, outcome in told:
            outcomes.setdefault(str(job), []).append(outcome)
        count(self.wanted, found, outcomes, since=self.began, story=story)
        assert set(self.states()) == {"succeeded"}
        for log in {process.log_file for process in self.processes}:
            raised = [line for line in log.read_text().splitlines() if "Traceback" in line]
            # That the database is away the web says with where it noticed, once in a while.
            assert [line for line in raised if '"event":"database away"' not in line] == []

    def _ask(self, path: str, given: Any, *, key: str | None) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=None if given is None else json.dumps(given).encode(),
            headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                **({} if key is None else {"Idempotency-Key": key}),
            },
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status in ({200} if given is None else {201} if key is None else {200, 201})
            return json.load(answer)

    def _answers(self) -> bool:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=2):
            return True
        return False

    def _flask(self, *words: str, feed: str = "") -> str:
        return self._run(str(ROOT / ".venv/bin/python"), "-m", "flask", "--app", "wsgi", *words, feed=feed)

    def _run(self, *words: str, feed: str = "") -> str:
        environment = {"PATH": "/usr/bin:/bin", **self.environment}
        done = subprocess.run(
            words, cwd=self.root, env=environment, input=feed, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
