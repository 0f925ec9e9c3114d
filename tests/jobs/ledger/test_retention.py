"""Forgetting old entries."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select, text

from jobs.ledger import retention
from jobs.ledger.models import Attempt, Move, WorkerRow
from tests.jobs.workshop import Workshop

MONTH_S = 30 * 86_400


def settled_long_ago(shop: Workshop, *uids: str) -> None:
    with shop.host.transaction() as session:
        for uid in uids:
            session.execute(
                text("UPDATE job SET finished_at = '2020-01-01 00:00:00.000000' WHERE uid = :uid"), {"uid": uid}
            )


def rows_of(shop: Workshop, *tables: type) -> list[int | None]:
    with shop.host.transaction() as session:
        return [session.scalar(select(func.count()).select_from(table)) for table in tables]


def test_what_settled_long_ago_is_forgotten_with_all_that_is_told_of_it(shop: Workshop) -> None:
    job = shop.noting()
    old, recent = shop.submit(job, 1, 2)
    shop.work()
    gone = shop.submit_one(job, 3)
    shop.engine.cancel(gone, by="Ada")
    settled_long_ago(shop, old, gone)
    assert shop.engine.prune(keep_s=MONTH_S) == 2
    assert shop.state(recent) == "succeeded"
    assert rows_of(shop, Attempt, Move) == [1, 0]
    assert shop.effects() == [1, 2]


def test_what_failed_for_good_has_an_age_of_its_own(shop: Workshop) -> None:
    job = shop.noting()
    done, dead = shop.submit(job, 1, 2)
    shop.work()
    with shop.host.transaction() as session:
        session.execute(text("UPDATE job SET state = 'dead' WHERE uid = :uid"), {"uid": dead})
    settled_long_ago(shop, done, dead)
    since_s = (shop.now() - datetime(2020, 1, 1, tzinfo=UTC)).total_seconds()
    assert shop.engine.prune(keep_s=MONTH_S, keep_failed_s=since_s + MONTH_S) == 1
    assert shop.state(dead) == "dead"
    assert shop.engine.prune(keep_s=since_s + MONTH_S, keep_failed_s=MONTH_S) == 1


def test_what_is_not_settled_is_kept_however_old(shop: Workshop) -> None:
    job = shop.noting()
    ready = shop.submit_one(job, 1)
    scheduled = shop.submit_one(job, 2, run_at=shop.now() + timedelta(hours=1))
    settled_long_ago(shop, ready, scheduled)
    assert shop.engine.prune(keep_s=MONTH_S) == 0
    assert shop.state(ready, scheduled) == ["ready", "scheduled"]


def test_pruning_goes_in_small_steps_and_goes_on(shop: Workshop) -> None:
    uids = shop.submit(shop.noting(), *range(12))
    for uid in uids:
        shop.engine.cancel(uid, by="Ada")
    settled_long_ago(shop, *uids)
    with shop.host.transaction() as session:
        assert retention.prune(session, older_than_s=MONTH_S, limit=5) == 5
    assert shop.engine.prune(keep_s=MONTH_S) == 7


def test_processes_not_heard_of_for_an_hour_are_forgotten(shop: Workshop) -> None:
    told = {"role": "worker", "queues": "work", "version": "", "sees_redis": True, "started_at": shop.now()}
    with shop.host.transaction() as session:
        for name, age in (("silent", timedelta(hours=2)), ("alive", timedelta(seconds=5))):
            session.execute(insert(WorkerRow).values(name=name, seen_at=shop.now() - age, **told))
    shop.engine.prune(keep_s=MONTH_S)
    with shop.host.transaction() as session:
        assert list(session.scalars(select(WorkerRow.name))) == ["alive"]


def double(number: int) -> int:
    return 2 * number


def test_what_a_job_came_to_may_go_before_the_job(shop: Workshop) -> None:
    old, recent = shop.submit(shop.job(double), 1, 2)
    nothing = shop.submit_one(shop.noting(), 3)
    shop.work()
    settled_long_ago(shop, old, nothing)
    before = shop.now()
    assert [shop.engine.let_results_go(keep_s=MONTH_S) for _ in range(2)] == [1, 0]
    gone_at = shop.entry(old).result_gone_at
    assert (shop.state(old), shop.entry(old).result) == ("succeeded", None)
    assert gone_at is not None
    assert before <= gone_at <= shop.now()
    kept = [(shop.entry(uid).result, shop.entry(uid).result_gone_at) for uid in (recent, nothing)]
    assert kept == [(4, None), (None, None)]


def test_results_go_by_many_transactions(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    shop.submit(shop.job(double), *range(5))
    shop.work()
    assert [shop.engine.let_results_go(keep_s=-1, most=2), shop.engine.let_results_go(keep_s=-1)] == [4, 1]


def test_results_are_kept_as_long_as_their_job_unless_somebody_wants_them_gone(shop: Workshop) -> None:
    usual = [one.name for one in shop.engine.sweeps()]
    assert [one.name for one in shop.engine.sweeps(keep_results_s=3_600)] == [*usual, "let old results go"]
