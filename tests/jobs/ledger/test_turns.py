"""Whose turn it is: among jobs that were asked for together, and of jobs that come back into a line."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, func, select, update

from jobs import Action, BulkRequest, Entry, Job, JobRequest, Selection
from jobs.ledger import writer
from jobs.ledger.models import in_state
from jobs.ledger.states import Outcome, State
from tests.jobs.workshop import Workshop

BOBS = range(1, 31)
ADAS = 1_000


def test_what_one_asks_for_together_has_its_turns_in_that_order(shop: Workshop) -> None:
    job = shop.noting()
    requests = [
        JobRequest(job, {"number": number}, priority=number * 7 % 10, requested_by="ada") for number in range(300)
    ]
    with shop.host.transaction() as session:
        shop.engine.write_down(session, requests)
    with shop.host.inside():
        by_turn = shop.host.reading().execute(select(Entry.priority, Entry.turn).order_by(Entry.priority, Entry.id))
        found = [tuple(row) for row in by_turn]
    assert found == [(priority, turn) for priority in range(10) for turn in range(1, 31)]


def run_one(shop: Workshop) -> int:
    """The number of the job that was next."""
    claims = shop.claim()
    shop.finish(claims)
    (number,) = (one.args["number"] for one in claims)
    return int(number)


def promote(shop: Workshop) -> None:
    shop.let_time_pass()
    shop.engine.relay.promote()


def where_adas_runs(shop: Workshop) -> int:
    """How many jobs run before Ada's."""
    return next(place for place in range(10_000) if run_one(shop) == ADAS)


def later(shop: Workshop, job: Job) -> None:
    shop.submit(job, *BOBS, requested_by="bob", run_at=shop.now() + timedelta(hours=1))
    promote(shop)


def failed_once(shop: Workshop, job: Job) -> None:
    """All have been tried; meanwhile others were served, and the line is far from its beginning."""
    uids = shop.submit(job, *BOBS, requested_by="bob")
    for _ in uids:
        (one,) = shop.claim()
        with shop.host.transaction() as session:
            writer.retry_later(session, one, outcome=Outcome.FAILED, delay_s=60, failure=None)
    far_along(shop)
    promote(shop)


def retried_by_hand(shop: Workshop, job: Job) -> None:
    for uid in dead(shop, job):
        shop.engine.retry(uid, by="ops")


def retried_together(shop: Workshop, job: Job) -> None:
    dead(shop, job)
    shop.engine.bulk.start(BulkRequest(Action.RETRY, Selection(states=(State.DEAD,))), by="ops")
    shop.work(shop.engine.bulk.job.queue_name)


def dead(shop: Workshop, job: Job) -> list[str]:
    uids = shop.submit(job, *BOBS, requested_by="bob")
    with shop.host.transaction() as session:
        session.execute(update(Entry).values(state=State.DEAD, finished_at=shop.now()))
    far_along(shop)
    return uids


def far_along(shop: Workshop) -> None:
    """Ada's job waits, and whoever comes now has the turn after the 500th."""
    uid = shop.submit_one(shop.noting("other"), ADAS, requested_by="ada")
    with shop.host.transaction() as session:
        session.execute(update(Entry).where(Entry.uid == uid).values(turn=500))


def reprioritised(shop: Workshop, job: Job) -> None:
    for uid in shop.submit(job, *BOBS, requested_by="bob", priority=9):
        shop.engine.reprioritise(uid, 5, by="ops")


def reprioritised_together(shop: Workshop, job: Job) -> None:
    shop.submit(job, *BOBS, requested_by="bob", priority=9)
    wanted = BulkRequest(Action.REPRIORITISE, Selection(kinds=(job.name,)), priority=5)
    shop.engine.bulk.start(wanted, by="ops")
    shop.work(shop.engine.bulk.job.queue_name)


@pytest.mark.parametrize("come", [later, reprioritised, reprioritised_together])
def test_many_jobs_of_one_do_not_hold_up_one_of_another_however_they_came(shop: Workshop, come: Any) -> None:
    job = shop.noting()
    come(shop, job)
    shop.submit(job, ADAS, requested_by="ada")
    assert where_adas_runs(shop) <= 2


@pytest.mark.parametrize("come", [failed_once, retried_by_hand, retried_together])
def test_many_jobs_that_come_back_do_not_pass_one_who_waits(shop: Workshop, come: Any) -> None:
    come(shop, shop.noting())
    assert where_adas_runs(shop) == 0


def test_what_becomes_due_takes_turns_with_what_becomes_due(shop: Workshop) -> None:
    job = shop.noting()
    soon = shop.now() + timedelta(hours=1)
    shop.submit(job, 1, 2, 3, requested_by="bob", run_at=soon)
    shop.submit(job, 4, 5, requested_by="ada", run_at=soon)
    shop.submit(job, 6, 7, run_at=soon)
    promote(shop)
    assert [run_one(shop) for _ in range(7)] == [1, 4, 6, 7, 2, 5, 3]


@pytest.mark.parametrize("is_bulk", [False, True])
def test_a_job_made_urgent_takes_its_turn_among_the_urgent(shop: Workshop, *, is_bulk: bool) -> None:
    job = shop.noting()
    shop.submit(job, *BOBS, requested_by="ada", priority=5)
    adas = shop.submit_one(job, ADAS, requested_by="ada", priority=5)
    shop.submit(job, *BOBS, requested_by="bob", priority=0)
    if is_bulk:
        wanted = BulkRequest(Action.REPRIORITISE, Selection(uids=(adas,)), priority=0)
        shop.engine.bulk.start(wanted, by="ops")
        shop.work(shop.engine.bulk.job.queue_name)
    else:
        shop.engine.reprioritise(adas, 0, by="ops")
    assert where_adas_runs(shop) <= 2


# -- nothing starves


def let_wait(shop: Workshop, minutes: int) -> None:
    """Everything that is ready has been for so much longer, and the scheduler has looked every ten minutes."""
    for _ in range(0, minutes, 10):
        with shop.host.transaction() as session:
            for one in session.scalars(select(Entry).where(in_state(State.READY))):
                one.ready_at -= timedelta(minutes=10)
        shop.engine.relay.age()


@pytest.mark.parametrize("minutes", [0, 50, 60])
@pytest.mark.parametrize("asks", ["nobody", "always the same", "always another"])
def test_a_stream_without_end_passes_nobody_by(shop: Workshop, asks: str, minutes: int) -> None:
    """Two come for each that runs; what has waited runs all the same, and before all that came after it."""
    job = shop.noting()
    priority = 5 if minutes == 0 else 0
    who = {"nobody": None, "always the same": "bob"}
    shop.submit(job, *range(5), requested_by=who.get(asks, "bob"), priority=priority)
    shop.submit(job, ADAS, requested_by="ada", priority=5)
    let_wait(shop, minutes)
    served = []
    for number in range(2_000, 2_020, 2):
        for one in (number, number + 1):
            shop.submit(job, one, requested_by=who.get(asks, f"user {one}"), priority=priority)
        served.append(run_one(shop))
        if served[-1] == ADAS:
            break
    assert served[-1] == ADAS
    assert all(one < 5 for one in served[:-1])


def test_what_may_not_run_holds_nobody_up_for_ever(shop: Workshop) -> None:
    """A paused kind stands at the head of the line, and no round ends: those of one go on all the same."""
    paused = shop.noting("paused")
    shop.submit(paused, 0, requested_by="cleo", priority=0)
    job = shop.noting()
    shop.submit(job, 1, 2, 3, requested_by="bob", priority=0)
    shop.engine.runner.batch_sizes = lambda _queue: {job.name: 1}  # type: ignore[method-assign]
    served = []
    for number in range(2_000, 2_040):
        shop.submit(job, number, requested_by=f"user {number}", priority=0)
        if number % 10 == 9:
            let_wait(shop, 10)
        served.append(run_one(shop))
    assert [one for one in served if one < 10] == [1, 2, 3]


def test_of_what_waited_too_long_one_of_each_goes_before_all(shop: Workshop) -> None:
    job, other = shop.noting(), shop.noting("other")
    shop.submit(job, *BOBS, requested_by="bob", priority=0)
    shop.submit(other, 201, 202, requested_by="bob", priority=0)
    shop.submit(job, 301, 302, priority=0)
    let_wait(shop, 10)
    shop.engine.relay.age()
    with shop.host.inside():
        before_all = select(func.count()).where(Entry.rank == -1)
        assert shop.host.reading().scalar(before_all) == 3
    shop.submit(job, ADAS, requested_by="ada", priority=0)
    assert [run_one(shop) for _ in range(3)] == [1, 201, 301]
    assert where_adas_runs(shop) <= 4


def test_what_is_tried_again_begins_again_at_its_own_priority(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting(), ADAS, priority=0)
    let_wait(shop, 10)
    assert shop.entry(uid).rank == -1
    (one,) = shop.claim()
    with shop.host.transaction() as session:
        writer.retry_later(session, one, outcome=Outcome.FAILED, delay_s=60, failure=None)
    promote(shop)
    assert (shop.entry(uid).rank, shop.entry(uid).turn) == (0, 1)


def test_the_look_at_what_waits_long_reads_no_more_than_what_waits(shop: Workshop) -> None:
    if shop.host.database.dialect.name != "sqlite":
        pytest.skip("what PostgreSQL plans depends on what there is")
    shop.submit(shop.noting(priority=0), *range(20))
    plans: list[str] = []

    def hear(connection: Connection, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            rows = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", values)
            plans.extend(row[3] for row in rows)

    event.listen(shop.host.database, "before_cursor_execute", hear)
    try:
        shop.engine.relay.age()
    finally:
        event.remove(shop.host.database, "before_cursor_execute", hear)
    assert [one for one in plans if "CORRELATED" in one or one == "SCAN job"] == []
    assert [one for one in plans if "ix_job_ready" in one] != []
