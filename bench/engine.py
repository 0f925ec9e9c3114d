"""Figures 7 to 12: the engine alone, on a host whose jobs do nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from bench.alone.host import make
from bench.figures import Bound, Report, Row, percentile, ratio
from bench.processes import Process
from bench.sizes import Sizes
from bench.stage import PROCESSES, THREADS, Room, Stage, going, hold
from jobs import Engine, Entry, JobRequest, Rule, RuleKind, Schedule, ScheduleRequest, Step, chord

WITHIN_S = 300.0
LOOK_EVERY_S = 0.004
LOOK_AGAIN_S, PATIENT_BY = 0.001, 0.1
LEAST, MOST = 0, 9
WAIT_MS = 4.0
UNSETTLED = sa.text("SELECT 1 FROM job WHERE state IN ('blocked', 'scheduled', 'ready', 'running') LIMIT 1")
SETTLED = sa.text("SELECT 1 FROM job WHERE uid = :uid AND state = 'succeeded'")


class Alone:
    """The engine in this process, and its workers and scheduler in others, held until there is work."""

    def __init__(self, room: Room) -> None:
        self.room = room
        url = room.database_url
        self.engine: Engine = make(url, room.redis_url)
        self._env = room.env() | {"DATABASE_URL": url}

    def worker_process(
        self, processes: int, *, before: Sequence[str] = (), env: Mapping[str, str] | None = None
    ) -> Process:
        """A Dramatiq with so many worker processes of four threads each."""
        dramatiq = str(Path(sys.executable).with_name("dramatiq"))
        words = ["bench.alone.worker:broker", "--processes", str(processes), "--threads", str(THREADS)]
        log = self.room.folder / "alone.log"
        return Process(*before, dramatiq, *words, "--skip-logging", env=env or self._env, log=log)

    def wait_for_workers(self, count: int) -> None:
        """Return once so many processes have said that they live."""
        up = sa.text("SELECT count(*) FROM job_worker WHERE role = 'worker'")
        deadline = time.monotonic() + WITHIN_S
        with self.room.database() as database, database.connect() as connection:
            while connection.execute(up).scalar_one() < count:
                if time.monotonic() > deadline:
                    raise RuntimeError("the workers do not come up")
                time.sleep(0.05)

    @contextmanager
    def workers(self, processes: int = PROCESSES) -> Iterator[Process]:
        """Worker processes, all of them up, held."""
        with self.worker_process(processes) as started:
            self.wait_for_workers(processes)
            hold(self.room, started)
            yield started
        with self.room.database() as database, database.connect() as connection:
            connection.execute(sa.text("DELETE FROM job_worker"))

    @contextmanager
    def scheduler(self) -> Iterator[Process]:
        """The scheduler, ticking."""
        words = (sys.executable, "-m", "bench.alone.scheduler")
        with Process(*words, env=self._env, log=self.room.folder / "alone-scheduler.log") as started:
            yield started

    def submit(self, requests: Sequence[JobRequest]) -> list[str]:
        """Write jobs down in one transaction, and have the workers hear of it."""
        with self.engine.host.inside(), self.engine.host.transaction() as session:
            uids = self.engine.write_down(session, requests)
        self.engine.sender.flush()
        return uids

    def nothings(self, count: int, *, priority: int | None = None) -> list[JobRequest]:
        """So many jobs that do nothing."""
        job = self.engine.job_named("bench.nothing")
        return [JobRequest(job, {"number": number}, priority=priority) for number in range(count)]

    def drained(self, *processes: Process, before: Callable[[], None] = lambda: None) -> float:
        """Seconds from when the workers may go on until nothing waits or runs any more."""
        with self.room.database() as database, database.connect() as connection:
            begin = time.perf_counter()
            with going(self.room, *processes):
                before()
                while connection.execute(UNSETTLED).first() is not None:
                    if time.perf_counter() - begin > WITHIN_S:
                        raise RuntimeError(f"the work is not done after {WITHIN_S:g} s")
                    time.sleep(LOOK_EVERY_S)
                return time.perf_counter() - begin


def bulk(stage: Stage, report: Report, sizes: Sizes) -> None:
    """Figure 7: jobs written down with one statement, in one transaction, to the disk."""
    alone = Alone(stage.room())
    alone.submit(alone.nothings(sizes.warm_up))
    rates = []
    for _ in range(sizes.rounds):
        requests = alone.nothings(sizes.jobs)
        begin = time.perf_counter()
        alone.submit(requests)
        rates.append(sizes.jobs / (time.perf_counter() - begin))
    bound = Bound(20_000, 35_000, at_least=True) if stage.postgres else None
    report.add(Row("7 bulk", stage.kind, "jobs written down in one transaction", "jobs/s", tuple(rates), bound))


def urgent(stage: Stage, report: Report, sizes: Sizes) -> None:
    """Figure 8: how long an urgent job waits behind many others."""
    alone = Alone(stage.room())
    typical, slowest = [], []
    with alone.workers() as workers, alone.scheduler():
        for _ in range(sizes.rounds):
            alone.submit(alone.nothings(sizes.crowd, priority=MOST))
            uids = []
            with going(alone.room, workers):
                for _ in range(sizes.urgent):
                    time.sleep(0.2)
                    uids += alone.submit(alone.nothings(1, priority=LEAST))
                with alone.engine.host.inside():
                    for uid in uids:
                        alone.engine.inspector.wait(uid, seconds=30)
            with alone.engine.host.inside():
                waits = [
                    ((one.started_at or one.created_at) - one.created_at) / timedelta(milliseconds=1)
                    for one in alone.engine.inspector.jobs(uids)
                ]
            typical.append(percentile(waits, 50))
            slowest.append(max(waits))
            _empty(alone.room)
    behind = f"an urgent job behind {sizes.crowd:,}"
    report.add(
        Row("8 urgent", stage.kind, f"{behind}: asked for → started, p50", "ms", tuple(typical)),
        Row("8 urgent", stage.kind, f"{behind}: asked for → started, slowest", "ms", tuple(slowest)),
    )


def workflow(stage: Stage, report: Report, sizes: Sizes) -> None:
    """Figure 9: what a step of a workflow costs beside a plain job."""
    alone = Alone(stage.room())
    nothing, count = alone.engine.job_named("bench.nothing"), alone.engine.job_named("bench.count")
    plain, steps = [], []
    with alone.workers() as workers, alone.scheduler():
        for _ in range(sizes.rounds):
            alone.submit(alone.nothings(sizes.steps))
            plain.append(alone.drained(workers) / sizes.steps * 1000)
            shape = chord([Step(nothing, {"number": n}) for n in range(sizes.steps)], Step(count))
            with alone.engine.host.inside(), alone.engine.host.transaction() as session:
                uid = alone.engine.workflows.start(session, shape)
            alone.engine.sender.flush()
            steps.append(alone.drained(workers) / sizes.steps * 1000)
            with alone.engine.host.inside():
                if (state := alone.engine.workflows.look(uid).state) != "succeeded":
                    raise RuntimeError(f"the workflow is {state}")
    mine = Row("9 workflow", stage.kind, f"a step of a group of {sizes.steps:,} with a callback", "ms", tuple(steps))
    theirs = Row("9 workflow", stage.kind, "a plain job", "ms", tuple(plain))
    report.add(mine, theirs, ratio(mine, theirs, what="step / plain job"))


def schedules(stage: Stage, report: Report, sizes: Sizes) -> None:
    """Figure 10: schedules that are due at the same moment."""
    alone = Alone(stage.room())
    rates = []
    rule = Rule(RuleKind.CRON, "0 0 1 1 *")
    with alone.engine.host.inside(), alone.engine.host.transaction():
        for n in range(sizes.schedules):
            alone.engine.schedules.create(ScheduleRequest(str(n), "bench.nothing", rule, {"number": n}))
    for ago in range(sizes.rounds, 0, -1):  # a slot fires once, so each round has one of its own
        with alone.room.database() as database, database.connect() as connection:
            due_at = datetime.now(UTC) - timedelta(minutes=ago)
            connection.execute(sa.update(Schedule).values(next_at=due_at))
        begin, fired = time.perf_counter(), 0
        while some := alone.engine.firing.fire_due():
            fired += some
        rates.append(fired / (time.perf_counter() - begin))
        if fired != sizes.schedules:
            raise RuntimeError(f"{fired} of {sizes.schedules} schedules fired")
    report.add(Row("10 schedules", stage.kind, f"{sizes.schedules:,} due at once", "schedules/s", tuple(rates)))


def scaling(stage: Stage, report: Report, sizes: Sizes) -> None:
    """Figure 11: one, two and four worker processes, with jobs that do nothing and jobs that wait for others."""
    alone = Alone(stage.room())
    wait = alone.engine.job_named("bench.wait")
    found: dict[tuple[str, int], list[float]] = {}
    for _ in range(sizes.rounds):
        for processes in (1, 2, 4):
            with alone.workers(processes) as workers, alone.scheduler():
                alone.submit(alone.nothings(sizes.warm_up))
                alone.drained(workers)
                alone.submit(alone.nothings(sizes.jobs))
                found.setdefault(("nothing", processes), []).append(sizes.jobs / alone.drained(workers))
                waiting = sizes.jobs // 5
                alone.submit([JobRequest(wait, {"number": n, "wait_ms": WAIT_MS}) for n in range(waiting)])
                found.setdefault((f"wait {WAIT_MS:g} ms", processes), []).append(waiting / alone.drained(workers))
    rows = {
        (what, processes): Row(
            "11 scaling", stage.kind, f"jobs that {what}, {processes} processes", "jobs/s", tuple(rates)
        )
        for (what, processes), rates in found.items()
    }
    report.add(*rows.values())
    for (what, processes), row in rows.items():
        if processes > 1:
            report.add(ratio(row, rows[what, 1], what=f"jobs that {what}, {processes} processes / 1"))


def engine_latency(stage: Stage, report: Report, sizes: Sizes) -> None:
    """Figure 12: from the call of `enqueue` to a result that can be read, at a steady rate, without HTTP."""
    alone = Alone(stage.room())
    rounds = []
    with alone.workers() as workers, alone.scheduler(), going(alone.room, workers):
        _paced(alone, rate=sizes.submit_rate, seconds=sizes.warm_up_s)
        rounds = [_paced(alone, rate=sizes.submit_rate, seconds=sizes.submit_s) for _ in range(sizes.rounds)]
    for share, bound in ((50, Bound(5, 3.5)), (95, None), (99, Bound(15, 8))):
        values = tuple(percentile(one, share) for one in rounds)
        report.add(Row("12 engine", stage.kind, f"enqueue → readable, p{share}", "ms", values, bound))


def _paced(alone: Alone, *, rate: float, seconds: float) -> list[float]:
    """Milliseconds of each job; looked at every millisecond, and once ten have passed after every further tenth."""
    taken: list[float] = []
    begin = time.perf_counter()
    with alone.room.database() as database, database.connect() as connection:
        for number in range(round(rate * seconds)):
            time.sleep(max(0.0, begin + number / rate - time.perf_counter()))
            asked = time.perf_counter()
            uid = alone.engine.enqueue(alone.nothings(1)[0])
            while connection.execute(SETTLED, {"uid": uid}).first() is None:
                waited = time.perf_counter() - asked
                if waited > WITHIN_S:
                    raise RuntimeError(f"a job is not done after {WITHIN_S:g} s")
                time.sleep(max(LOOK_AGAIN_S, waited * PATIENT_BY))
            taken.append((time.perf_counter() - asked) * 1000)
    return taken


def _empty(room: Room) -> None:
    """Take the crowd away again that nobody needs to work through."""
    with room.database() as database, database.connect() as connection:
        connection.execute(sa.delete(Entry).where(Entry.state == "ready"))
