"""A clock that jumps, and schedulers that were away for an hour."""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from jobs import Misfire, Rule, Schedule, ScheduleFire, ScheduleRequest, State
from jobs.ledger.reader import now
from tests.waiting import wait_until

from . import storage
from .stage import Stage

pytestmark = pytest.mark.everyfault

HOUR_S = 3_600


def test_after_an_hour_without_schedulers_each_schedule_does_what_its_policy_says(stage: Stage) -> None:
    """F21."""
    with stage.host.inside():
        start = now(stage.host.reading()).replace(second=0, microsecond=0) - timedelta(minutes=58)
    wanted = {}
    for number, (misfire, made) in enumerate({Misfire.SKIP: 0, Misfire.ONE: 1, Misfire.ALL: 7}.items()):
        request = ScheduleRequest(
            f"every five minutes, {misfire}",
            "small.note",
            Rule.every(minutes=5, starts_at=start),
            {"number": number},
            misfire=misfire,
            most_missed=7,
        )
        stage.engine.schedules.create(request)
        wanted[number] = made
    with stage.host.transaction() as session:
        session.execute(update(Schedule).values(next_at=start))
    stage.scheduler()
    stage.scheduler()
    stage.worker()
    wait_until(lambda: stage.count(State.SUCCEEDED) == sum(wanted.values()))
    wait_until(lambda: len(_fires(stage)) == 3 * 12)
    time.sleep(2)
    assert Counter(stage.written()) == Counter(wanted)
    fires = Counter(outcome for _, _, outcome in _fires(stage))
    assert fires == {"fired": 8, "skipped_late": 3 * 12 - 8}
    assert len(stage.submitted_by_schedules()) == 8
    stage.check("F21 schedulers away for an hour")


def _fires(stage: Stage) -> list[tuple[int, datetime, str]]:
    with stage.host.inside():
        query = select(ScheduleFire.schedule_id, ScheduleFire.slot, ScheduleFire.outcome)
        return [(one.schedule_id, one.slot, one.outcome) for one in stage.host.reading().execute(query)]


@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S], ids=["forward", "back"])
def test_a_clock_that_jumps_an_hour_loses_and_doubles_nothing(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump_s: int
) -> None:
    """F22."""
    clock = storage.Clock(stage.host.database, tmp_path)
    for name, value in clock.environment.items():
        monkeypatch.setenv(name, value)
    stage.environment |= clock.environment
    storage.prepare(stage.host.database)
    stage.host.database.dispose()
    stage.scheduler()
    workers = [stage.worker(), stage.worker()]
    with stage.host.inside():
        start = now(stage.host.reading()).replace(microsecond=0) + timedelta(seconds=2)
    rule = Rule.every(seconds=1, starts_at=start)
    stage.engine.schedules.create(ScheduleRequest("each second", "small.note", rule, {"number": 1}))
    stage.submit("slow", *range(100, 112), seconds=1.5)
    wait_until(lambda: stage.count(State.RUNNING) >= 4 and len(_fires(stage)) >= 2)
    clock.move(jump_s)
    stage.submit("note", *range(200, 220))
    wait_until(lambda: set(range(100, 112)) | set(range(200, 220)) <= set(stage.written()))
    clock.move(0)
    stage.submit("note", *range(300, 320))
    wait_until(lambda: set(range(300, 320)) <= set(stage.written()))
    (schedule,) = _schedules(stage)
    stage.engine.schedules.pause(schedule.uid, by="Ada", reason="enough")
    wait_until(lambda: stage.count(State.RUNNING, State.READY) == 0)
    made = stage.submitted_by_schedules()
    account = stage.check(f"F22 the clock jumps by {jump_s} s and back")
    fires = _fires(stage)
    assert len({(one, slot) for one, slot, _ in fires}) == len(fires)
    assert stage.written().count(1) == len(made) == sum(outcome == "fired" for _, _, outcome in fires)
    assert max(ways.count("lost") for ways in account.outcomes.values()) <= 1
    assert [worker.code for worker in workers] == [None, None]


CHANGES = {
    "summer time begins": ["2027-03-27 01:30", "2027-03-28 01:00", "2027-03-29 00:30"],
    "summer time ends": ["2027-10-30 00:30", "2027-10-31 00:30", "2027-11-01 01:30"],
    "a leap day": ["2028-02-28 01:30", "2028-02-29 01:30", "2028-03-01 01:30"],
}
"""When half past two in Berlin is, in UTC, on three days in a row."""


@pytest.mark.parametrize("change", CHANGES)
def test_every_day_at_half_past_two_is_once_a_day(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """F22."""
    slots = [datetime.fromisoformat(f"{one}+00:00") for one in CHANGES[change]]
    clock = storage.Clock(stage.host.database, tmp_path)
    for name, value in clock.environment.items():
        monkeypatch.setenv(name, value)
    stage.environment |= clock.environment
    storage.prepare(stage.host.database)
    stage.host.database.dispose()
    _put_forward(clock, slots[0] - timedelta(hours=1))
    rule = Rule.cron("30 2 * * *", zone="Europe/Berlin")
    request = ScheduleRequest("at half past two", "small.note", rule, {"number": 1}, misfire=Misfire.ALL, most_missed=3)
    stage.engine.schedules.create(request)
    stage.scheduler()
    stage.scheduler()
    stage.worker()
    for number, slot in enumerate(slots, 1):
        _put_forward(clock, slot + timedelta(hours=12))
        wait_until(lambda number=number: stage.count(State.SUCCEEDED) == number)
    time.sleep(2)
    assert sorted((slot, outcome) for _, slot, outcome in _fires(stage)) == [(slot, "fired") for slot in slots]
    assert len(stage.submitted_by_schedules()) == len(slots)
    stage.check(f"F22 {change}")


def _put_forward(clock: storage.Clock, moment: datetime) -> None:
    clock.move((moment - datetime.now(UTC)).total_seconds())


def _schedules(stage: Stage) -> list[Schedule]:
    with stage.host.inside():
        return list(stage.host.reading().scalars(select(Schedule)))
