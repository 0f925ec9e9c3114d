"""Schedules while schedulers die: every slot makes one job."""

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from jobs import Entry, Rule, ScheduleFire, ScheduleRequest, State
from jobs.ledger.reader import now
from tests.jobs.host import effects
from tests.waiting import wait_until

from .stage import Stage

pytestmark = pytest.mark.everyfault

SCHEDULES, TIMES = 20, 5


def plan(stage: Stage) -> None:
    """Twenty schedules that fire once a second, five times each, beginning in three seconds."""
    with stage.host.inside():
        start = now(stage.host.reading()).replace(microsecond=0) + timedelta(seconds=3)
    rule = Rule.every(seconds=1, starts_at=start, most_times=TIMES)
    for number in range(SCHEDULES):
        stage.engine.schedules.create(ScheduleRequest(f"schedule {number}", "small.note", rule, {"number": number}))


def test_three_schedulers_two_of_them_killed_and_every_slot_makes_one_job(stage: Stage) -> None:
    """F20."""
    killed = [stage.scheduler(), stage.scheduler()]
    survivor = stage.scheduler()
    stage.worker()
    plan(stage)
    for enough, process in zip((10, 50), killed, strict=True):
        wait_until(lambda enough=enough: stage.count(*State) >= enough)  # type: ignore[misc]
        process.kill()
    wait_until(lambda: stage.count(State.SUCCEEDED) >= SCHEDULES * TIMES)
    with stage.host.inside():
        session = stage.host.reading()
        fires = session.execute(
            select(ScheduleFire.outcome, func.count(), func.count(func.distinct(ScheduleFire.job_uid))).group_by(
                ScheduleFire.outcome
            )
        ).all()
        done = Counter(session.scalars(select(effects.c.number)))
        slots = Counter(tuple(one) for one in session.execute(select(Entry.schedule_id, Entry.slot)))
    assert [tuple(one) for one in fires] == [("fired", SCHEDULES * TIMES, SCHEDULES * TIMES)]
    assert done == Counter(dict.fromkeys(range(SCHEDULES), TIMES))
    assert set(slots.values()) == {1}
    assert survivor.code is None
    stage.submitted_by_schedules()
    stage.check(f"F20 three schedulers, two killed, {SCHEDULES * TIMES} slots")
