"""The product itself, process by process: whatever dies while people log, every number comes, once and right."""

import json
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, select, text

from app.activities.models import Activity
from tests.servers import PostgresServer, RedisServer

from .checker import count
from .processes import ROOT, Process, wait_until

MET, WEIGHT_KG = Decimal(9), 70
EMAIL, PASSWORD = "ada@example.org", "horse plane grass"


class Installation:
    """Web, worker and scheduler, each started from bin/, and a program of Ada's that logs activities."""

    def __init__(self, folder: Path, database_url: str, redis_url: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.folder, self.database = folder, create_engine(database_url)
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
        }
        self.processes: list[Process] = []
        self.wanted: Counter[tuple[int, Decimal]] = Counter()
        self.began = time.monotonic()
        self._run("bin/migrate")
        self._flask("users", "create", "--email", EMAIL, "--password-stdin", feed=f"{PASSWORD}\n")
        self.token = self._flask("tokens", "create", "--email", EMAIL, "--scope", "write").strip()

    def start(self, name: str, *words: str) -> Process:
        self.processes.append(Process([f"bin/{name}", *words], self.environment, self.folder / f"{name}.log"))
        return self.processes[-1]

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

    def log(self, minutes: int) -> float:
        """Log one run of so many minutes; how many seconds the answer took."""
        started = time.monotonic()
        given = {"kind": "running", "duration_min": minutes, "weight_kg": WEIGHT_KG}
        made = self._ask("/api/v1/activities", given)
        self.wanted[made["id"], MET * WEIGHT_KG * minutes / 60] += 1
        return time.monotonic() - started

    def rows(self) -> list[tuple[int, Decimal | None]]:
        with self.database.connect() as connection:
            return [(one.id, one.energy_kcal) for one in connection.execute(select(Activity.id, Activity.energy_kcal))]

    def states(self) -> Counter[str]:
        with self.database.connect() as connection:
            return Counter(connection.execute(text("SELECT state FROM job")).scalars())

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
        assert "Traceback" not in (self.folder / "worker.log").read_text()

    def _ask(self, path: str, given: Any) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=json.dumps(given).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 201
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
            words, cwd=ROOT, env=environment, input=feed, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def install(own_redis: RedisServer, tmp_path: Path) -> Iterator[Callable[[str], Installation]]:
    """Makes installations with all their processes running."""
    made: list[Installation] = []

    def make(database_url: str) -> Installation:
        made.append(Installation(tmp_path, database_url, own_redis.url))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.everyfault
def test_any_process_may_die_and_every_number_comes(
    install: Callable[[str], Installation], own_redis: RedisServer, database_url: str
) -> None:
    home = install(database_url)
    web, worker, scheduler = home.start_web(), home.start_worker(), home.start("scheduler")
    home.log(30)
    home.wait_for_all()

    for minutes in range(10, 22):
        home.log(minutes)
    home.wait_for_running()
    worker.kill()
    worker = home.start_worker()
    print(f"\nworker killed: all numbers after {home.wait_for_all():.1f} s")

    own_redis.kill()
    slowest_s = max(home.log(minutes) for minutes in range(30, 45))
    away_s = home.wait_for_all()
    print(f"\nRedis dead: slowest answer {slowest_s * 1000:.0f} ms, all numbers {away_s:.1f} s later")
    assert slowest_s < 3
    own_redis.start()

    for minutes in range(50, 62):
        home.log(minutes)
    home.wait_for_running()
    worker.tell(signal.SIGTERM)
    assert worker.wait() == 0
    assert home.states()["running"] == 0
    home.start_worker()
    home.wait_for_all()

    for minutes in range(70, 80):
        home.log(minutes)
    web.kill()
    scheduler.kill()
    home.start_web()
    home.start("scheduler")
    home.log(90)
    home.wait_for_all()
    home.check("web, worker, scheduler and Redis died in turn")


def test_a_restarted_postgresql_refuses_in_words_and_loses_nothing(
    install: Callable[[str], Installation], database_kind: str
) -> None:
    if database_kind != "postgresql":
        pytest.skip("needs PostgreSQL")
    with PostgresServer() as postgres:
        home = install(postgres.create("metronome"))
        home.start_web()
        worker, scheduler = home.start_worker(), home.start("scheduler")
        for minutes in range(10, 25):
            home.log(minutes)
        home.wait_for_running()
        postgres.kill()
        refusals = set()
        for minutes in range(100, 103):
            with pytest.raises(urllib.error.HTTPError) as refused:
                home.log(minutes)
            refusals.add((refused.value.code, refused.value.headers["Content-Type"]))
            assert "Traceback" not in refused.value.read().decode()
            refused.value.close()
        time.sleep(2)
        postgres.start()
        home.database.dispose()
        wait_until(lambda: _accepts(home, 40), within_s=20)
        home.wait_for_all()
        home.check("PostgreSQL killed under the product")
        assert refusals == {(503, "application/problem+json")}
        assert (worker.code, scheduler.code) == (None, None)
        home.close()


def _accepts(home: Installation, minutes: int) -> bool:
    """Whether it is stored; the only other answer is that nothing can be stored right now."""
    try:
        home.log(minutes)
    except urllib.error.HTTPError as error:
        code = error.code
        error.close()
    else:
        code = 201
    assert code in {201, 503}
    return code == 201
