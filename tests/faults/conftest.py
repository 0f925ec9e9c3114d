"""The stage on which things go wrong: a database, a Redis of its own, and the small host's processes."""

import sys
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from jobs import Entry, JobRequest
from jobs.ledger.models import in_state
from jobs.ledger.states import LIVE, State
from tests.jobs.host import SmallHost
from tests.servers import RedisServer

from .checker import Account, check
from .processes import Process, wait_until
from .small import build

SHUTDOWN_S = 2.5


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here is slow and breaks things."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.faults)
            item.add_marker(pytest.mark.timeout(180))


class Stage:
    """Submits jobs, starts processes, and at the end asks the checker."""

    def __init__(self, database_url: str, redis: RedisServer, folder: Path) -> None:
        self.redis, self.folder = redis, folder
        self.host = SmallHost(database_url)
        self.host.create()
        self.engine = build(self.host, redis.url)
        self.environment = {"DATABASE_URL": database_url, "REDIS_URL": redis.url}
        self.submitted: dict[str, int] = {}
        self.processes: list[Process] = []
        self.began = time.monotonic()

    # -- processes

    def worker(self, *, threads: int = 4) -> Process:
        words = ["-m", "dramatiq", "tests.faults.small_worker:broker", "--processes", "1", "--threads", str(threads)]
        # A worker killed while it boots would otherwise be waited for, for half a minute.
        words += ["--worker-fork-timeout", "2000"]
        return self._start([*words, "--worker-shutdown-timeout", str(int(SHUTDOWN_S * 1000))], "worker.log")

    def scheduler(self) -> Process:
        return self._start(["-m", "tests.faults.small_scheduler"], "scheduler.log")

    def _start(self, words: list[str], log: str) -> Process:
        self.processes.append(Process([sys.executable, *words], self.environment, self.folder / log))
        return self.processes[-1]

    def close(self) -> None:
        for process in self.processes:
            process.kill()
        self.host.database.dispose()

    # -- jobs

    def submit(self, name: str, *numbers: int, **args: float) -> list[str]:
        job = self.engine.job_named(f"small.{name}")
        requests = [JobRequest(job, {"number": number, **args}) for number in numbers]
        with self.host.transaction() as session:
            uids = self.engine.write_down(session, requests)
        self.submitted.update(zip(uids, numbers, strict=True))
        return uids

    def count(self, *states: State) -> int:
        with self.host.inside():
            counted = self.host.reading().scalar(select(func.count()).select_from(Entry).where(in_state(*states)))
            return counted or 0

    def crashes(self, uid: str) -> int:
        """How many workers the job has lost."""
        with self.host.inside():
            return self.host.reading().scalar(select(Entry.crashes).where(Entry.uid == uid)) or 0

    def wait_for_running(self, count: int) -> None:
        wait_until(lambda: self.count(State.RUNNING) >= count, what="nothing began to run")

    def wait_for_all(self, *, within_s: float = 60) -> float:
        return wait_until(lambda: self.count(*LIVE) == 0, within_s=within_s, what="not everything came to an end")

    def check(self, story: str, *, parked: Collection[str] = ()) -> Account:
        return check(self.host, self.submitted, parked=parked, since=self.began, story=story)

    def outcomes(self, account: Account, uids: list[str]) -> list[list[str]]:
        return [account.outcomes[uid] for uid in uids]


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A Redis that the test may kill."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def staged(own_redis: RedisServer, tmp_path: Path) -> Iterator[Callable[[str], Stage]]:
    """Makes stages on databases of the test's choice."""
    made: list[Stage] = []

    def make(database_url: str) -> Stage:
        made.append(Stage(database_url, own_redis, tmp_path))
        return made[-1]

    yield make
    for stage in made:
        stage.close()


@pytest.fixture
def stage(staged: Callable[[str], Stage], database_url: str) -> Stage:
    """A stage on the database of this run."""
    return staged(database_url)
