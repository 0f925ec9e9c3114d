"""A database error at every single statement of every move: nothing is half done, and the move can be made again."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from jobs import Step, chord
from tests.jobs.host import SmallHost
from tests.jobs.workshop import QUEUE, Workshop

NUMBERS = [1, 2, 3]


@dataclass
class Breaking:
    """Which statement fails, and those that were sent so far."""

    at: int
    sent: list[str] = field(default_factory=list)

    @property
    def happened(self) -> bool:
        return len(self.sent) >= self.at


@contextmanager
def broken(host: SmallHost, at: int) -> Iterator[Breaking]:
    """Let the statement of that number, counted from now, meet a database that is busy."""
    breaking = Breaking(at)

    def before(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        breaking.sent.append(statement)
        if len(breaking.sent) == at:
            raise OperationalError(statement, None, sqlite3.OperationalError("database is locked"))

    event.listen(host.database, "before_cursor_execute", before)
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
