"""Every promise holds in a ledger that is used as it should be, and each is seen when it is broken."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, text, update

from jobs import Rule, Schedule, ScheduleRequest, UnknownJob
from jobs.integrity import PROMISES
from jobs.ledger.models import Attempt, Effect, Entry
from jobs.ledger.rollup import RollupMark
from jobs.rollups import Rollups
from tests.jobs.workshop import Workshop


def fail(number: int) -> None:
    raise ValueError(f"no {number}")


def broken(shop: Workshop) -> dict[str, int]:
    with shop.host.inside():
        return {one.promise.key: one.finding.count for one in shop.engine.integrity.all() if not one.holds}


def change(shop: Workshop, statement: object) -> None:
    with shop.host.transaction() as session:
        session.execute(statement)  # type: ignore[call-overload]


@pytest.fixture
def used(shop: Workshop) -> Workshop:
    """Jobs that are done, dead, cancelled, retrying, waiting and running."""
    note = shop.noting()
    shop.submit(note, 1, 2)
    shop.submit(shop.job(fail, max_retries=0), 3)
    shop.work()
    shop.submit(shop.noting("again", max_retries=2), 4)
    shop.claim()
    shop.submit(note, 5)
    shop.engine.cancel(shop.submit_one(note, 6), by=None)
    Rollups(shop.host, clock=lambda: 0.0).keep()
    return shop


def test_a_ledger_that_is_used_breaks_no_promise(used: Workshop) -> None:
    assert broken(used) == {}


def test_every_promise_is_looked_at(used: Workshop) -> None:
    with used.host.inside():
        assert [one.promise for one in used.engine.integrity.all()] == list(PROMISES)


OLD = "2020-01-01 00:00:00+00:00"
BREAKS: dict[str, Callable[[Workshop], object]] = {
    "leases": lambda shop: update(Entry).where(Entry.state == "running").values(lease_until=text(f"'{OLD}'")),
    "due": lambda shop: update(Entry).where(Entry.state == "ready").values(state="scheduled", run_at=text(f"'{OLD}'")),
    "expired": lambda shop: update(Entry).where(Entry.state == "ready").values(expires_at=text(f"'{OLD}'")),
    "known": lambda shop: update(Entry).where(Entry.state == "ready").values(kind="shop.gone"),
    "steps": lambda shop: (
        update(Entry).where(Entry.state == "ready").values(state="blocked", created_at=text(f"'{OLD}'"))
    ),
    "done": lambda shop: update(Attempt).where(Attempt.outcome == "succeeded").values(outcome="failed"),
    "gaps": lambda shop: delete(Attempt).where(Attempt.outcome == "gave up"),
    "tries": lambda shop: update(Entry).where(Entry.state == "ready").values(failures=9),
    "marks": lambda shop: update(Entry).where(Entry.state == "running").values(lease_owner=None),
    "history": lambda shop: update(RollupMark).values(reached_at=shop.now() - timedelta(hours=2)),
}


@pytest.mark.parametrize("key", BREAKS)
def test_what_breaks_a_promise_is_seen(used: Workshop, key: str) -> None:
    if key == "gaps":
        uid = used.submit_one(used.engine.job_named("shop.note"), 9)
        used.work()
        change(used, delete(Attempt).where(Attempt.job_id == used.entry(uid).id))
    else:
        change(used, BREAKS[key](used))
    assert key in broken(used)


@pytest.mark.parametrize("key", ["leases", "due", "expired", "history"])
def test_what_mends_a_promise_mends_it(used: Workshop, key: str) -> None:
    change(used, BREAKS[key](used))
    with used.host.inside():
        assert used.engine.integrity.mend(key, by="olga").holds
    assert key not in broken(used)


def test_an_effect_of_which_nobody_knows_is_seen(used: Workshop) -> None:
    uid = used.submit_one(used.engine.job_named("shop.note"), 9)
    change(used, insert(Effect).values(key="mail 1", job_uid=uid))
    assert "effects" not in broken(used)
    used.work()
    assert broken(used) == {"effects": 1}


def test_a_schedule_that_did_not_fire_is_seen_and_fired(used: Workshop) -> None:
    request = ScheduleRequest("daily", "shop.note", Rule.every(hours=1), {"number": 1})
    used.engine.schedules.create(request)
    change(used, update(Schedule).values(next_at=used.now() - timedelta(minutes=5)))
    assert broken(used) == {"schedules": 1}
    with used.host.inside():
        assert used.engine.integrity.mend("schedules", by="olga").holds


def test_what_nothing_mends_is_refused(used: Workshop) -> None:
    for key in ("effects", "nonsense"):
        with used.host.inside(), pytest.raises(UnknownJob):
            used.engine.integrity.mend(key, by="olga")
