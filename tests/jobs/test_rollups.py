"""History by the minute and by the hour: every job counted once, however often and by however many it is counted."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from jobs import SettledJob, State
from jobs.ledger import rollup
from jobs.ledger.models import Entry
from jobs.ledger.rollup import RollupMark, RollupRow, floored
from jobs.rollups import Rollups
from tests.jobs.workshop import QUEUE, Workshop

LONG = timedelta(days=30)


def fail(number: int) -> None:
    raise ValueError(f"no {number}")


def totals(shop: Workshop, span: str) -> dict[str, tuple[int, ...]]:
    """By kind: came, succeeded, failed, cancelled, failed tries."""
    with shop.host.inside():
        found: dict[str, tuple[int, ...]] = {}
        for row in shop.host.reading().scalars(select(RollupRow).where(RollupRow.span == span)):
            told = (row.came, row.succeeded, row.failed, row.cancelled, row.failed_tries)
            found[row.kind] = tuple(map(sum, zip(told, found.get(row.kind, (0,) * 5), strict=True)))
        return found


def keep(shop: Workshop) -> int:
    """Count all there is, however long it takes."""
    return Rollups(shop.host, clock=lambda: 0.0).keep()


def settled(shop: Workshop, kind: str, *ends: datetime, ran_s: float = 0.2) -> None:
    jobs = [
        SettledJob(kind, at - timedelta(seconds=ran_s + 1), at - timedelta(seconds=ran_s), at, {"number": 1})
        for at in ends
    ]
    with shop.host.transaction() as session:
        shop.engine.write_settled(session, jobs)


def everything(shop: Workshop) -> list[Any]:
    with shop.host.inside():
        rows = shop.host.reading().connection().execute(select(rollup.rollup).order_by(*rollup.rollup.primary_key))
        return [tuple(row) for row in rows]


def test_what_ends_is_counted_by_minute_and_by_hour(shop: Workshop) -> None:
    note, hopeless = shop.noting(), shop.job(fail, max_retries=1, min_backoff=1, max_backoff=1)
    shop.submit(note, 1, 2, 3)
    shop.submit(hopeless, 4)
    shop.work()
    shop.let_time_pass()
    shop.engine.relay.promote()
    shop.work()
    shop.engine.cancel(shop.submit_one(note, 5), by="ada")
    assert keep(shop) > 0
    expected = {"shop.note": (4, 3, 0, 1, 0), "shop.fail": (1, 0, 1, 0, 2)}
    assert totals(shop, "minute") == expected
    assert totals(shop, "hour") == expected


def test_counting_again_changes_nothing_but_what_is_new(shop: Workshop) -> None:
    note = shop.noting()
    shop.submit(note, 1, 2)
    shop.work()
    keep(shop)
    before = everything(shop)
    keep(shop)
    Rollups(shop.host).keep()
    assert everything(shop) == before
    shop.submit(note, 3)
    shop.work()
    keep(shop)
    assert totals(shop, "hour") == {"shop.note": (3, 3, 0, 0, 0)}


def test_of_two_that_count_at_once_one_writes(shop: Workshop) -> None:
    shop.submit(shop.noting(), 1)
    shop.work()
    with shop.host.inside():
        seen = rollup.mark(shop.host.reading())
    moment = floored(shop.now(), "minute")
    with shop.host.transaction() as session:
        assert [rollup.move_mark(session, seen, moment, 0), rollup.move_mark(session, seen, moment, 0)] == [True, False]
    with shop.host.inside():
        seen = rollup.mark(shop.host.reading())
    with shop.host.transaction() as session:
        assert [rollup.move_mark(session, seen, moment, 0), rollup.move_mark(session, seen, moment, 0)] == [True, False]


def test_a_history_that_was_never_counted_is_counted_to_the_last_job(shop: Workshop) -> None:
    note = shop.noting()
    now = shop.now()
    ends = [now - LONG + timedelta(hours=7 * number) for number in range(60)]
    settled(shop, note.name, *ends, now - timedelta(hours=3), now - timedelta(minutes=5))
    steps = keep(shop)
    assert steps > 15
    assert totals(shop, "hour")["shop.note"][1] == 62
    assert totals(shop, "minute")["shop.note"][1] == sum(end > now - timedelta(hours=47) for end in ends) + 2


def test_what_the_ledger_forgot_stays_counted(shop: Workshop) -> None:
    note = shop.noting()
    now = shop.now()
    settled(shop, note.name, now - timedelta(days=6), now - timedelta(days=3), now - timedelta(hours=2))
    keep(shop)
    with shop.host.transaction() as session:
        session.execute(delete(Entry).where(Entry.finished_at < now - timedelta(days=5)))
    shop.engine.rollups.count_anew()
    keep(shop)
    assert totals(shop, "hour")["shop.note"][1] == 3


def test_counting_anew_mends_what_was_written_over(shop: Workshop) -> None:
    note = shop.noting()
    settled(shop, note.name, shop.now() - timedelta(days=3), shop.now() - timedelta(hours=9))
    keep(shop)
    today = RollupRow.at > shop.now() - timedelta(days=1)
    with shop.host.transaction() as session:
        session.execute(update(RollupRow).where(today).values(succeeded=77))
    shop.engine.rollups.count_anew()
    keep(shop)
    assert totals(shop, "hour")["shop.note"][1] == 2


def test_times_are_spread_and_never_negative(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    shop.work()
    later = shop.now() + timedelta(hours=1)
    with shop.host.transaction() as session:
        session.execute(update(Entry).where(Entry.uid == uid).values(ready_at=later))
    keep(shop)
    with shop.host.inside():
        (point,) = shop.engine.rollups.recent()
    assert (point.queue, point.kind) == (QUEUE, "shop.note")
    assert point.bucket.waits[0] == 1
    assert sum(point.bucket.runs) == 1
    assert point.bucket.wait_s == 0
    assert 0 <= point.bucket.run_s < 60


def test_minutes_are_forgotten_and_hours_stay(shop: Workshop) -> None:
    shop.submit(shop.noting(), 1)
    shop.work()
    keep(shop)
    old = floored(shop.now() - timedelta(days=5), "hour")
    with shop.host.transaction() as session:
        session.execute(update(RollupRow).values(at=old))
    keep(shop)
    assert "shop.note" in totals(shop, "hour")
    with shop.host.inside():
        oldest = shop.host.reading().scalar(select(RollupRow.at).where(RollupRow.span == "minute").limit(1))
    assert oldest is None or oldest > shop.now() - timedelta(days=1)


def test_the_mark_stays_behind_what_may_still_be_committed(shop: Workshop) -> None:
    shop.submit(shop.noting(), 1)
    shop.work()
    keep(shop)
    with shop.host.inside():
        reached = shop.host.reading().scalar(select(RollupMark.reached_at))
    assert reached is not None
    assert reached <= shop.now() - timedelta(minutes=1)
    assert shop.state(shop.submit_one(shop.noting("other"), 2)) == State.READY


def test_after_a_long_time_nothing_is_counted_for_a_while(shop: Workshop) -> None:
    seconds = iter([0.0, 5.0, 49.0, 56.0, 56.0])
    rollups = Rollups(shop.host, clock=lambda: next(seconds))
    assert [rollups.keep(), rollups.keep(), rollups.keep()] == [1, 0, 1]


@pytest.mark.parametrize("span", ["minute", "hour"])
def test_a_moment_is_floored_in_utc(span: Any) -> None:
    moment = datetime.fromisoformat("2026-11-21T12:34:56.789+05:30")
    told = {"minute": "2026-11-21T07:04:00+00:00", "hour": "2026-11-21T07:00:00+00:00"}
    assert floored(moment, span).isoformat() == told[span]
