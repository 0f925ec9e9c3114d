"""A database error at every single statement of every move: nothing is half done, and the move can be made again.

On PostgreSQL the server itself raises it, so that the transaction around is really over.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError

from jobs import Entry, Job, JobRequest, Step, chord
from jobs.observer import Observer
from jobs.schedules.ticker import Ticker
from tests.jobs.host import SmallHost
from tests.jobs.workshop import QUEUE, Workshop

NUMBERS = [1, 2, 3]
DEADLOCK = "40P01"
DISTURBED = (DEADLOCK, "40001", "55P03")


@dataclass
class Breaking:
    """Which statement fails, and those that were sent so far."""

    at: int
    sent: list[str] = field(default_factory=list)

    @property
    def happened(self) -> bool:
        return len(self.sent) >= self.at


@contextmanager
def broken(host: SmallHost, at: int, sqlstate: str = DEADLOCK) -> Iterator[Breaking]:
    """Let the statement of that number, counted from now, be ended for the sake of others."""
    breaking = Breaking(at)

    def before(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> tuple[str, Any]:
        breaking.sent.append(statement)
        if len(breaking.sent) != at:
            return statement, values
        if host.database.dialect.name == "sqlite":
            raise OperationalError(statement, None, sqlite3.OperationalError("database is locked"))
        return f"DO $$ BEGIN RAISE EXCEPTION 'disturbed' USING ERRCODE = '{sqlstate}'; END $$", {}

    event.listen(host.database, "before_cursor_execute", before, retval=True)
    try:
        yield breaking
    finally:
        event.remove(host.database, "before_cursor_execute", before)


def noting(shop: Workshop) -> Any:
    return shop.engine.jobs.get("shop.note") or shop.noting(max_retries=0)


def submit(shop: Workshop) -> Callable[[], Any]:
    job = noting(shop)
    return lambda: shop.submit(job, *NUMBERS)


def submit_a_workflow(shop: Workshop) -> Callable[[], Any]:
    one, two, three = [Step(noting(shop), {"number": number}) for number in NUMBERS]

    def start() -> None:
        with shop.host.transaction() as session:
            shop.engine.workflows.start(session, chord([one, two], three))

    return start


def claim(shop: Workshop) -> Callable[[], Any]:
    submit(shop)()
    return shop.claim


def finish(shop: Workshop) -> Callable[[], Any]:
    submit(shop)()
    claims = shop.claim()
    return lambda: shop.finish(claims, *(one.args["number"] for one in claims))


def work_off(shop: Workshop) -> Callable[[], Any]:
    submit(shop)()
    return shop.work


def work_off_a_workflow(shop: Workshop) -> Callable[[], Any]:
    submit_a_workflow(shop)()
    return shop.work


def rescue(shop: Workshop) -> Callable[[], Any]:
    submit(shop)()
    shop.claim()
    shop.let_time_pass()
    return shop.engine.reaper.reap


def promote(shop: Workshop) -> Callable[[], Any]:
    shop.submit(noting(shop), *NUMBERS, run_at=shop.now())
    shop.let_time_pass()
    return shop.engine.relay.promote


def give_back(shop: Workshop) -> Callable[[], Any]:
    submit(shop)()
    shop.claim()
    return shop.give_back_all


MOVES = [submit, submit_a_workflow, claim, finish, work_off, work_off_a_workflow, rescue, promote, give_back]
BROKEN_SUBMITS = (submit, submit_a_workflow)


@pytest.mark.parametrize("prepare", MOVES, ids=lambda prepare: prepare.__name__)
def test_a_database_error_at_any_statement_loses_and_doubles_nothing(
    host: SmallHost, prepare: Callable[[Workshop], Callable[[], Any]]
) -> None:
    for at in range(1, 200):
        shop = Workshop(host)
        shop.empty()
        move = prepare(shop)
        with broken(host, at) as breaking, suppress(OperationalError):
            move()
        if prepare in BROKEN_SUBMITS and breaking.happened:
            move()
        bring_to_an_end(shop)
        assert (at, shop.effects()) == (at, NUMBERS)
        if not breaking.happened:
            break
    print(f"\n{prepare.__name__}: {at - 1} statements, each failed once: lost 0, doubled 0")
    assert 1 < at < 199


def retry(shop: Workshop) -> Callable[[], Any]:
    uid = shop.submit_one(noting(shop))
    shop.engine.cancel(uid, by="Ada")
    return lambda: shop.engine.retry(uid, by="Ada")


def cancel(shop: Workshop) -> Callable[[], Any]:
    uid = shop.submit_one(noting(shop))
    return lambda: shop.engine.cancel(uid, by="Ada")


def cancel_a_workflow(shop: Workshop) -> Callable[[], Any]:
    one, two = [Step(noting(shop), {"number": number}) for number in (1, 2)]
    with shop.host.transaction() as session:
        uid = shop.engine.workflows.start(session, chord([one], two))
    return lambda: shop.engine.workflows.cancel(uid, by="Ada")


def pause(shop: Workshop) -> Callable[[], Any]:
    noting(shop)
    return lambda: shop.engine.pause(("queue", QUEUE), by="Ada", reason=None)


def ask(shop: Workshop) -> Callable[[], Any]:
    job = noting(shop)
    return lambda: shop.engine.enqueue(JobRequest(job, {"number": 1}))


def sweep(what: str) -> Callable[[Workshop], Callable[[], Any]]:
    """What the ticker does when the time of a sweep has come."""

    def prepare(shop: Workshop) -> Callable[[], Any]:
        shop.submit_one(noting(shop), run_at=shop.now())
        shop.let_time_pass()
        if what == "rescue expired leases":
            shop.engine.relay.promote()
            shop.claim(lease_s=-60)
        due = next(one for one in shop.engine.sweeps() if one.name == what)
        return Ticker([due], Observer())._guarded(due)

    prepare.__name__ = what.replace(" ", "_")
    return prepare


ASKED = [
    *(sweep(what) for what in ("promote due jobs", "rescue expired leases")),
    retry,
    cancel,
    cancel_a_workflow,
    pause,
    ask,
]


def came_to(shop: Workshop) -> tuple[Any, ...]:
    with shop.host.inside():
        states = sorted(shop.host.reading().scalars(select(Entry.state)))
        return states, [one.action for one in shop.engine.audit.page()], sorted(shop.engine.decided())


@pytest.mark.parametrize("sqlstate", DISTURBED)
@pytest.mark.parametrize("prepare", ASKED, ids=lambda prepare: prepare.__name__)
def test_who_asks_for_something_hears_of_no_deadlock(
    host: SmallHost, prepare: Callable[[Workshop], Callable[[], Any]], sqlstate: str, database_kind: str
) -> None:
    if database_kind == "sqlite" and sqlstate != DEADLOCK:
        pytest.skip("SQLite knows one reason, that it is busy")
    ends: list[Any] = []
    for at in range(1, 60):
        shop = Workshop(host)
        shop.empty()
        move = prepare(shop)
        with broken(host, at, sqlstate) as breaking:
            move()
        ends.append(came_to(shop))
        if not breaking.happened:
            break
    assert 1 < at < 59
    assert ends == [ends[-1]] * at


def calling(shop: Workshop, calls: list[int]) -> Job:
    def call(number: int) -> None:
        calls.append(number)

    return shop.job(call, atomic=False)


def test_what_was_done_outside_is_not_done_again_for_a_deadlock(host: SmallHost) -> None:
    for at in range(1, 60):
        shop = Workshop(host)
        shop.empty()
        calls: list[int] = []
        uid = shop.submit_one(calling(shop, calls))
        with broken(host, at) as breaking, suppress(OperationalError):
            shop.work()
        shop.work()
        assert (at, calls, shop.state(uid), shop.outcomes(uid)) == (at, [1], "succeeded", ["succeeded"])
        if not breaking.happened:
            break
    assert 2 < at < 59


def bring_to_an_end(shop: Workshop) -> None:
    """Time passes and everybody does their work."""
    for _ in range(5):
        shop.let_time_pass()
        shop.engine.reaper._not_before = 0.0
        shop.engine.reaper.reap()
        shop.let_time_pass()
        shop.engine.relay.promote()
        shop.engine.workflows.reconcile()
        shop.engine.runner.drain(QUEUE)
