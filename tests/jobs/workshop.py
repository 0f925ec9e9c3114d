"""A workshop: one engine on the small host, and the questions tests ask of its ledger."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, delete, func, insert, select, text, update
from sqlalchemy.orm import Session

from jobs import AuditRow, Engine, Entry, Job, JobGroup, JobRequest
from jobs.ledger import reader, writer
from jobs.ledger.models import Attempt, Move, PeriodKey
from jobs.ledger.moments import UtcDateTime
from jobs.ledger.writer import Claim, Wish
from jobs.testing import run_queue

from .host import SmallHost, effects, ledger, product, regrets
from .tampering import unguarded

QUEUE = "work"
LEASE_S = 30.0


class Workshop:
    """Declares jobs, submits them, works them off in the test's own thread, and looks at what came of it."""

    def __init__(self, host: SmallHost, redis_url: str | None = None, **options: Any) -> None:
        self.host = host
        self.engine = Engine(host, redis_url=redis_url, **{"lease_s": LEASE_S, **options})
        self._owners = 0

    # -- jobs

    def job(self, run: Callable[..., Any], *, queue: str = QUEUE, **options: Any) -> Job:
        group = JobGroup("shop")
        declared = group.actor(queue_name=queue, **options)(run)
        self.engine.include(group)
        return declared

    def noting(self, name: str = "note", **options: Any) -> Job:
        """A job that writes its number down."""

        def run(number: int) -> None:
            self.note(number)

        run.__name__ = name
        return self.job(run, **options)

    def batched(self, run: Callable[[list[int]], Any], *, size: int = 10, **options: Any) -> Job:
        return self.job(run, batch_size=size, **options)

    def note(self, number: int) -> None:
        with self.host.transaction() as session:
            session.execute(insert(effects).values(number=number))

    def submit(self, job: Job, *numbers: int, **options: Any) -> list[str]:
        requests = [JobRequest(job, {"number": number}, **options) for number in numbers]
        with self.host.transaction() as session:
            return self.engine.write_down(session, requests)

    def submit_one(self, job: Job, number: int = 1, **options: Any) -> str:
        return self.submit(job, number, **options)[0]

    def work(self, queue: str = QUEUE) -> None:
        run_queue(self.engine, queue)

    # -- moves by hand

    def claim(self, queue: str = QUEUE, *, lease_s: float = LEASE_S, owner: str | None = None) -> list[Claim]:
        self._owners += 1
        name = owner or f"hand#{self._owners}"
        runner = self.engine.runner
        per_key = runner.terms(queue).most_per_key, runner.terms(queue).rates_per_key
        wish = Wish(queue, runner.batch_sizes(queue), name, "hand", lease_s, *per_key)
        with self.host.transaction() as session:
            return writer.claim(session, wish)

    def finish(self, claims: Sequence[Claim], *numbers: int, result: Any = None) -> None:
        """The effect and the finish in one transaction, as a worker does it."""
        with self.host.transaction() as session:
            for number in numbers:
                self.note(number)
            writer.succeed(session, claims, result)

    def let_time_pass(self) -> None:
        """Every lease runs out and everything scheduled is due."""
        with self.host.transaction() as session:
            past = "'2020-01-01 00:00:00.000000'"
            if session.get_bind().dialect.name == "postgresql":
                past += "::timestamptz"
            session.execute(text(f"UPDATE job SET lease_until = {past} WHERE lease_until IS NOT NULL"))
            session.execute(text(f"UPDATE job SET run_at = {past} WHERE run_at IS NOT NULL"))

    def move_clock(self, seconds: float) -> None:
        """Let the clock jump: as far as jobs can tell, that is when all their moments jump the other way."""
        with self.host.transaction() as session:
            for of_jobs in (Entry, Attempt, PeriodKey):
                table = of_jobs.__table__
                moments = {one: _moved(session, one, -seconds) for one in table.columns if _is_moment(one)}
                session.execute(update(of_jobs).values(moments))

    def give_back_all(self) -> None:
        """Whatever runs is ready again, as after an orderly stop."""
        with self.host.transaction() as session:
            writer.give_back(session, list(self.engine.runner.running))
        self.engine.runner.running.clear()

    def forget_lanes(self) -> None:
        """What a worker knows of pauses and limits is a second old."""
        self.engine.runner._lanes._good_until = 0.0

    # -- looking

    def entry(self, uid: str) -> Entry:
        with self.host.inside():
            entry = reader.by_uid(self.host.reading(), uid)
        assert entry is not None
        return entry

    def state(self, *uids: str) -> Any:
        states = [self.entry(uid).state for uid in uids]
        return states[0] if len(uids) == 1 else states

    def attempts(self, uid: str) -> Sequence[Attempt]:
        with self.host.inside():
            return reader.attempts_of(self.host.reading(), self.entry(uid).id)

    def outcomes(self, uid: str) -> list[str]:
        return [one.outcome for one in self.attempts(uid)]

    def moves(self, uid: str) -> list[str]:
        with self.host.inside():
            return [f"{one.what} by {one.by}" for one in reader.moves_of(self.host.reading(), self.entry(uid).id)]

    def effects(self) -> list[int]:
        with self.host.inside():
            return sorted(self.host.reading().scalars(select(effects.c.number)))

    def regrets(self) -> list[str]:
        with self.host.inside():
            return list(self.host.reading().scalars(select(regrets.c.reason).order_by(regrets.c.id)))

    def delay_s(self, uid: str) -> float:
        """In how many seconds the job is due."""
        with self.host.inside():
            due = self.entry(uid).run_at
            assert due is not None
            return (due - reader.now(self.host.reading())).total_seconds()

    def now(self) -> datetime:
        with self.host.inside():
            return reader.now(self.host.reading())

    def empty(self) -> None:
        with self.host.transaction() as session:
            session.execute(delete(Move))
            with unguarded(session):
                session.execute(delete(AuditRow))
            for tables in (product, ledger):
                for table in tables.sorted_tables:
                    if table is not AuditRow.__table__:
                        session.execute(delete(table))


def _is_moment(column: Column[Any]) -> bool:
    return isinstance(column.type, UtcDateTime)


def _moved(session: Session, column: Column[Any], seconds: float) -> Any:
    if session.get_bind().dialect.name == "postgresql":
        return column + func.make_interval(0, 0, 0, 0, 0, 0, seconds)
    return func.strftime("%Y-%m-%d %H:%M:%f000", column, f"{seconds} seconds")
