"""The stage on which things go wrong: a database, a Redis of its own, and the small host's processes."""

import sys
import time
from collections.abc import Collection, Mapping
from pathlib import Path

from sqlalchemy import func, select

from jobs import Entry, JobRequest
from jobs.ledger.models import in_state
from jobs.ledger.states import LIVE, State
from tests.jobs.host import SmallHost, effects
from tests.servers import RedisServer
from tests.waiting import wait_until

from .checker import Account, check, check_promises
from .processes import Process
from .small import build

SHUTDOWN_S = 2.5


class Stage:
    """Submits jobs, starts processes, and at the end asks the checker."""

    def __init__(self, database_url: str, redis: RedisServer, folder: Path, *, redis_url: str | None = None) -> None:
        self.redis, self.folder = redis, folder
        self.host = SmallHost(database_url)
        self.host.create()
        self.engine = build(self.host, redis_url or redis.url)
        self.environment = {"DATABASE_URL": database_url, "REDIS_URL": redis_url or redis.url}
        self.submitted: dict[str, int] = {}
        self.processes: list[Process] = []
        self.began = time.monotonic()

    # -- processes

    def worker(self, *, threads: int = 4, environment: Mapping[str, str] | None = None) -> Process:
        words = ["-m", "dramatiq", "tests.faults.small_worker:broker", "--processes", "1", "--threads", str(threads)]
        # A worker killed while it boots would otherwise be waited for, for half a minute.
        words += ["--worker-fork-timeout", "2000"]
        words += ["--worker-shutdown-timeout", str(int(SHUTDOWN_S * 1000))]
        return self._start(words, "worker.log", environment or {})

    def scheduler(self) -> Process:
        return self._start(["-m", "tests.faults.small_scheduler"], "scheduler.log", {})

    def _start(self, words: list[str], log: str, environment: Mapping[str, str]) -> Process:
        told = {**self.environment, **environment}
        self.processes.append(Process([sys.executable, *words], told, self.folder / log))
        return self.processes[-1]

    def close(self) -> None:
        for process in self.processes:
            process.kill()
        self.host.database.dispose()

    # -- jobs

    def submit(self, name: str, *numbers: int, **args: float | str) -> list[str]:
        job = self.engine.job_named(f"small.{name}")
        requests = [JobRequest(job, {"number": number, **args}) for number in numbers]
        with self.host.transaction() as session:
            uids = self.engine.write_down(session, requests)
        self.submitted.update(zip(uids, numbers, strict=True))
        return uids

    def submitted_by_schedules(self) -> list[str]:
        """The jobs that schedules made; what they write down is wanted like everything else."""
        with self.host.inside():
            made = (
                self.host.reading().execute(select(Entry.uid, Entry.args).where(Entry.schedule_id.is_not(None))).all()
            )
        self.submitted.update({uid: args["number"] for uid, args in made})
        return [uid for uid, _ in made]

    def count(self, *states: State) -> int:
        with self.host.inside():
            counted = self.host.reading().scalar(select(func.count()).select_from(Entry).where(in_state(*states)))
            return counted or 0

    def entry(self, uid: str) -> Entry:
        with self.host.inside():
            return self.host.reading().scalars(select(Entry).where(Entry.uid == uid)).one()

    def crashes(self, uid: str) -> int:
        """How many workers the job has lost."""
        return self.entry(uid).crashes

    def written(self) -> list[int]:
        """The numbers that were written down, in their order."""
        with self.host.inside():
            return list(self.host.reading().scalars(select(effects.c.number).order_by(effects.c.id)))

    def wait_for_running(self, count: int) -> None:
        wait_until(lambda: self.count(State.RUNNING) >= count, what="nothing began to run")

    def wait_for_all(self, *, within_s: float = 60) -> float:
        return wait_until(lambda: self.count(*LIVE) == 0, within_s=within_s, what="not everything came to an end")

    # -- the judge

    def check(
        self,
        story: str,
        *,
        parked: Collection[str] = (),
        dead: Collection[str] = (),
        ends: Mapping[str, State] | None = None,
    ) -> Account:
        """Let the checker judge the ledger, and look for what no process may have to say."""
        told = {**dict.fromkeys(parked, State.PARKED), **dict.fromkeys(dead, State.DEAD), **(ends or {})}
        account = check(self.host, self.submitted, ends=told, since=self.began, story=story)
        check_promises(self.engine)
        self.check_logs()
        return account

    def check_logs(self) -> None:
        """Nothing was raised that nobody caught, in any process of the stage."""
        for log in {process.log_file for process in self.processes}:
            assert "Traceback" not in log.read_text(errors="replace"), log.read_text(errors="replace")[-5_000:]

    def outcomes(self, account: Account, uids: list[str]) -> list[list[str]]:
        return [account.outcomes[uid] for uid in uids]
