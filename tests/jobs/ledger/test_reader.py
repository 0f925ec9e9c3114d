"""Reading the ledger."""

from datetime import timedelta

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select

from jobs import State, has_live
from jobs.ledger import reader
from jobs.ledger.models import WorkerRow
from tests.jobs.workshop import QUEUE, Workshop


@pytest.fixture
def reading(shop: Workshop) -> Workshop:
    """Six jobs: succeeded, dead, cancelled, running, ready, scheduled, in this order."""

    def fails(number: int) -> None:
        raise ValueError(number)

    note, fail, other = shop.noting(), shop.job(fails, max_retries=0), shop.noting("other", queue="side")
    shop.submit_one(note, 1, subject_kind="activity", subject_id=7)
    shop.submit_one(fail, 2)
    shop.work()
    shop.engine.cancel(shop.submit_one(note, 3), by="Ada")
    shop.submit_one(note, 4, subject_kind="activity", subject_id=7)
    shop.claim()
    shop.submit_one(other, 5, subject_kind="activity", subject_id=8)
    shop.submit_one(note, 6, run_at=shop.now() + timedelta(hours=1))
    return shop


def numbers(entries: object) -> list[int]:
    return [entry.args["number"] for entry in entries]  # type: ignore[attr-defined]


def test_pages_go_from_the_newest_back(reading: Workshop) -> None:
    with reading.host.transaction() as session:
        first = reader.page(session, limit=2)
        second = reader.page(session, limit=2, before_id=first[1].id)
        last = reader.page(session, limit=2, before_id=second[1].id)
    assert [numbers(one) for one in (first, second, last)] == [[6, 5, 4], [4, 3, 2], [2, 1]]


def test_pages_can_be_of_some_states_one_kind_or_one_queue(reading: Workshop) -> None:
    with reading.host.transaction() as session:
        assert numbers(reader.page(session, states=[State.DEAD, State.READY])) == [5, 2]
        assert numbers(reader.page(session, kind="shop.note")) == [6, 4, 3, 1]
        assert numbers(reader.page(session, queue="side")) == [5]


def test_states_are_counted(reading: Workshop) -> None:
    with reading.host.transaction() as session:
        assert reader.counts_by_state(session) == {
            State.BLOCKED: 0,
            State.SCHEDULED: 1,
            State.READY: 1,
            State.RUNNING: 1,
            State.SUCCEEDED: 1,
            State.CANCELLED: 1,
            State.DEAD: 1,
            State.PARKED: 0,
        }


def test_the_newest_job_about_each_subject_is_found(reading: Workshop) -> None:
    with reading.host.inside():
        latest = reading.engine.latest_for("activity", [7, 8, 9])
        none = reading.engine.latest_for("activity", [])
        other = reading.engine.latest_for("meal", [7])
    assert {subject: reading.entry(brief.uid).args["number"] for subject, brief in latest.items()} == {7: 4, 8: 5}
    assert (none, other) == ({}, {})


def test_a_subject_with_work_ahead_is_known(reading: Workshop) -> None:
    tables = MetaData()
    activity = Table("activity_like", tables, Column("id", Integer, primary_key=True))
    tables.create_all(reading.host.database)
    try:
        with reading.host.transaction() as session:
            session.execute(insert(activity), [{"id": 7}, {"id": 8}, {"id": 9}])
            waiting = select(activity.c.id).where(has_live("activity", activity.c.id)).order_by(activity.c.id)
            assert list(session.scalars(waiting)) == [7, 8]
    finally:
        tables.drop_all(reading.host.database)


def test_ready_jobs_are_counted_no_further_than_asked(reading: Workshop) -> None:
    reading.submit(reading.engine.jobs["shop.note"], *range(5))
    with reading.host.transaction() as session:
        assert reader.ready_up_to(session, QUEUE, ["shop.note"], limit=3) == 3
        assert reader.ready_up_to(session, QUEUE, ["shop.note"], limit=100) == 5
        assert reader.ready_up_to(session, QUEUE, ["shop.unknown"], limit=3) == 0
        assert reader.has_ready(session, QUEUE, ["shop.note"])
        assert not reader.has_ready(session, QUEUE, [])


def test_processes_heard_of_lately_are_listed(shop: Workshop) -> None:
    told = {"role": "worker", "queues": "work", "version": "", "sees_redis": True, "started_at": shop.now()}
    with shop.host.transaction() as session:
        for name, age_s in (("silent", 100), ("b", 1), ("a", 2)):
            session.execute(insert(WorkerRow).values(name=name, seen_at=shop.now() - timedelta(seconds=age_s), **told))
        assert [one.name for one in reader.workers(session, seen_within_s=30)] == ["a", "b"]
