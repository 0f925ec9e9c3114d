"""What is measured becomes an alert, and is none any more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.accounts.models import User
from app.alerts.models import Alert
from app.alerts.watch import services as watch
from app.db import db, reading, transaction
from app.security import Person
from app.workbench import kinds
from app.workbench import services as workbench
from jobs import Entry, Fired, Schedule, ScheduleFire, WorkerRow, db_now, engine_of
from tests.app.conftest import Clock

MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)


def alerts() -> list[tuple[str, str]]:
    db.session.remove()
    query = select(Alert.fingerprint, Alert.resolved_at).order_by(Alert.id)
    return [(name, "resolved" if at else "open") for name, at in reading().execute(query)]


def words_of(rule: str) -> str:
    return str(reading().scalars(select(Alert.words).where(Alert.rule == rule)).one())


@pytest.fixture
def start(inside: Flask, ada_id: int) -> Callable[[int], list[str]]:
    """Has so many jobs of the workbench written down; their public ids."""
    user = reading().get_one(User, ada_id)
    person = Person(user.id, user.name, None, "UTC", True, False, "", True, session_id=1)

    def write(count: int) -> list[str]:
        kind = kinds.BY_NAME["add"]
        return workbench.start_many(person, [(kind, {"x": 1, "y": 2}, None)] * count)

    return write


def settle(uids: list[str], state: str) -> None:
    with transaction() as session:
        values = {"state": state, "finished_at": db_now(-60), "attempt": 1}
        session.execute(update(Entry).where(Entry.uid.in_(uids)).values(values))


def test_queue_in_which_a_job_waits_too_long(start: Callable[[int], list[str]]) -> None:
    uids = start(1)
    watch.watch_queues()
    assert alerts() == []
    with transaction() as session:
        session.execute(update(Entry).values(ready_at=db_now(-301)))
    watch.watch_queues()
    watch.watch_queues()
    assert alerts() == [("queue age:default", "open")]
    assert words_of("queue age") == "The oldest ready job in the queue default waits for 301 s; 300 s are fine."
    with transaction() as session:
        session.execute(update(Entry).values(ready_at=db_now(-200)))
    watch.watch_queues()
    assert alerts() == [("queue age:default", "open")]
    settle(uids, "succeeded")
    watch.watch_queues()
    assert alerts() == [("queue age:default", "resolved")]


def test_alert_that_goes_on_says_how_it_is_now_and_counts_once(
    start: Callable[[int], list[str]], frozen_clock: Clock
) -> None:
    (uid,) = start(1)

    def wait(seconds: int) -> tuple[str, datetime, int]:
        with transaction() as session:
            session.execute(update(Entry).where(Entry.uid == uid).values(ready_at=db_now(-seconds)))
        watch.watch_engine()
        db.session.remove()
        row = reading().scalars(select(Alert).where(Alert.rule == "queue age")).one()
        return row.words.split(";")[0], row.last_at, row.times

    begin = frozen_clock.now
    assert wait(301) == ("The oldest ready job in the queue default waits for 301 s", begin, 1)
    frozen_clock.forward(timedelta(minutes=5))
    assert wait(601) == ("The oldest ready job in the queue default waits for 601 s", begin + timedelta(minutes=5), 1)
    frozen_clock.forward(timedelta(minutes=5))
    assert wait(200) == ("The oldest ready job in the queue default waits for 601 s", begin + timedelta(minutes=5), 1)


def test_queue_that_somebody_paused_is_none(start: Callable[[int], list[str]]) -> None:
    start(1)
    with transaction() as session:
        session.execute(update(Entry).values(ready_at=db_now(-301)))
    engine_of().pause(("queue", "default"), by="user 1", reason="lunch")
    watch.watch_queues()
    assert alerts() == []


def test_too_many_failures_in_relation_and_in_number(start: Callable[[int], list[str]]) -> None:
    uids = start(30)
    settle(uids[:26], "succeeded")
    settle(uids[26:], "dead")
    watch.watch_endings()
    assert alerts() == []
    settle(uids[20:], "dead")
    watch.watch_endings()
    assert alerts() == [("failure rate", "open"), ("dead jobs", "open")]
    assert words_of("failure rate") == "10 of 30 jobs of the last 15 minutes failed for good; up to 20 % are fine."
    settle(uids, "succeeded")
    watch.watch_endings()
    assert alerts() == [("failure rate", "resolved"), ("dead jobs", "resolved")]


def test_few_jobs_that_fail_are_no_rate(start: Callable[[int], list[str]]) -> None:
    settle(start(5), "dead")
    watch.watch_endings()
    assert alerts() == []


def test_no_worker_is_an_alert_when_it_lasts(inside: Flask, beat: Callable[[], None]) -> None:
    watch.watch_workers()
    assert alerts() == []
    watch.watch_workers()
    assert alerts() == [("no worker", "open")]
    beat()
    watch.watch_workers()
    assert alerts() == [("no worker", "resolved")]


def test_worker_that_fell_silent(inside: Flask, beat: Callable[[], None]) -> None:
    beat()
    engine_of()._heartbeat("worker", "here:worker:2", queues=[]).beat()
    watch.watch_workers()
    assert alerts() == []
    with transaction() as session:
        session.execute(update(WorkerRow).values(started_at=db_now(-60)))
        session.execute(update(WorkerRow).where(WorkerRow.name == "here:worker:2").values(seen_at=db_now(-30)))
    watch.watch_workers()
    assert alerts() == [("lost worker", "open")]
    assert words_of("lost worker").startswith("Not heard of any more: here:worker:2.")
    with transaction() as session:
        session.execute(update(WorkerRow).where(WorkerRow.name == "here:worker:2").values(seen_at=db_now(-601)))
    watch.watch_workers()
    assert alerts() == [("lost worker", "resolved")]


def test_schedule_that_missed_its_time(inside: Flask) -> None:
    with transaction() as session:
        schedule = Schedule(
            uid="0" * 32, name="Nightly", kind="workbench.add", args={}, rule_kind="every", rule_text="1 h"
        )
        session.add(schedule)
        session.flush()
        for hour, outcome in ((1, Fired.FIRED), (2, Fired.SKIPPED_LATE), (3, Fired.SKIPPED_LATE)):
            slot = MIDNIGHT + timedelta(hours=hour)
            session.add(ScheduleFire(schedule_id=schedule.id, slot=slot, outcome=str(outcome)))
    watch.watch_schedules()
    assert alerts() == [("missed schedule", "open")]
    assert words_of("missed schedule") == "In the last hour these missed a time: Nightly (2 times)."
    with transaction() as session:
        session.execute(update(ScheduleFire).values(at=db_now(-3_601)))
    watch.watch_schedules()
    assert alerts() == [("missed schedule", "resolved")]


def test_looking_at_everything_when_all_is_well(inside: Flask, beat: Callable[[], None]) -> None:
    beat()
    watch.watch_engine()
    watch.watch_sightings()
    assert alerts() == []
