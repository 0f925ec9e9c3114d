"""Counting every job there ever was."""

from datetime import timedelta

from sqlalchemy import select

from jobs import Entry
from jobs.ledger import census, totals
from jobs.ledger.states import State
from jobs.ledger.totals import Count, Totals
from tests.jobs.workshop import QUEUE, Workshop


def fail(number: int) -> None:
    raise ValueError(f"no {number}")


def count(shop: Workshop, earlier: Count | None = None) -> Totals:
    with shop.host.inside():
        return totals.totals(shop.host.reading(), earlier)


def numbers(found: Totals) -> tuple[int, int, int]:
    return found.started, found.completed, found.failed


def mark(shop: Workshop) -> str:
    with shop.host.inside():
        return totals.mark(shop.host.reading())


def make_older(shop: Workshop, **by: int) -> None:
    """Everything ended so much earlier."""
    with shop.host.transaction() as session:
        for entry in session.scalars(select(Entry).where(Entry.finished_at.is_not(None))):
            assert entry.finished_at is not None
            entry.finished_at -= timedelta(**by)


def test_an_empty_ledger_counts_nothing(shop: Workshop) -> None:
    assert numbers(count(shop)) == (0, 0, 0)


def test_jobs_are_counted_once_each(shop: Workshop) -> None:
    shop.submit(shop.noting(), 1, 2, 3)
    shop.submit(shop.job(fail, max_retries=0), 4)
    shop.work()
    shop.submit(shop.noting("waits", queue="other"), 5)
    assert numbers(count(shop)) == (4, 3, 1)


def test_a_job_that_is_tried_again_started_once(shop: Workshop) -> None:
    uid = shop.submit_one(shop.job(fail, max_retries=2, min_backoff=1, max_backoff=1), 1)
    shop.work()
    assert numbers(count(shop)) == (1, 0, 0)
    for _ in range(2):
        shop.let_time_pass()
        shop.engine.relay.promote()
        shop.work()
    assert shop.entry(uid).attempt == 3
    assert numbers(count(shop)) == (1, 0, 1)


def test_a_failed_job_that_succeeds_later_is_no_failure_any_more(shop: Workshop) -> None:
    is_broken = [True]

    def moody(number: int) -> None:
        if is_broken[0]:
            raise ValueError

    uid = shop.submit_one(shop.job(moody, max_retries=0), 1)
    shop.work()
    before = count(shop)
    is_broken[0] = False
    shop.engine.retry(uid, by="Ada")
    shop.work()
    assert numbers(before) == (1, 0, 1)
    assert numbers(count(shop, before.count)) == (1, 1, 0)


def test_a_count_goes_on_from_an_earlier_one(shop: Workshop) -> None:
    note = shop.noting()
    shop.submit(note, 1, 2)
    shop.work()
    make_older(shop, minutes=10)
    earlier = count(shop)
    assert earlier.count.by_name == {"succeeded": 2, "started": 2}
    shop.submit(note, 3)
    shop.work()
    later = count(shop, earlier.count)
    assert numbers(later) == (3, 3, 0)
    assert later.count.since == earlier.count.since


def test_what_just_ended_is_counted_again_next_time_for_it_may_not_be_all(shop: Workshop) -> None:
    shop.submit(shop.noting(), 1)
    shop.work()
    found = count(shop)
    assert (numbers(found), found.count.by_name) == ((1, 1, 0), {})


def test_forgetting_old_jobs_changes_no_total(shop: Workshop) -> None:
    shop.submit(shop.noting(), 1, 2)
    shop.submit(shop.job(fail, max_retries=0), 3)
    shop.work()
    shop.engine.cancel(shop.submit_one(shop.noting("waits", queue="other"), 4), by=None)
    make_older(shop, days=2)
    before = count(shop)
    assert shop.engine.prune(keep_s=86_400) == 4
    assert numbers(count(shop)) == numbers(count(shop, before.count)) == numbers(before) == (3, 2, 1)


def test_the_mark_changes_whenever_the_totals_do(shop: Workshop) -> None:
    marks = [mark(shop)]
    uid = shop.submit_one(shop.noting(), 1)
    assert mark(shop) == marks[0]
    claims = shop.claim()
    marks.append(mark(shop))
    shop.finish(claims)
    marks.append(mark(shop))
    other = shop.submit_one(shop.noting("other"), 2)
    shop.engine.cancel(other, by=None)
    marks.append(mark(shop))
    shop.engine.retry(other, by=None)
    marks.append(mark(shop))
    assert len(set(marks)) == len(marks) == 5
    assert shop.state(uid) == State.SUCCEEDED


def test_live_jobs_are_counted_by_queue_and_state(shop: Workshop) -> None:
    shop.submit(shop.noting(), 1, 2, 3)
    shop.submit(shop.noting("other", queue="elsewhere"), 4)
    shop.claim()
    with shop.host.inside():
        counts = census.live_counts(shop.host.reading())
    assert counts == {(QUEUE, State.RUNNING): 1, (QUEUE, State.READY): 2, ("elsewhere", State.READY): 1}


def test_the_oldest_ready_job_is_found_behind_more_urgent_ones(shop: Workshop) -> None:
    patient, urgent = shop.noting("patient", priority=9), shop.noting("urgent", priority=0)
    uid = shop.submit_one(patient, 1)
    with shop.host.transaction() as session:
        found = session.get(Entry, shop.entry(uid).id)
        assert found is not None
        found.ready_at -= timedelta(seconds=90)
    shop.submit(urgent, 2, 3)
    with shop.host.inside():
        oldest = census.oldest_ready_s(shop.host.reading(), [QUEUE, "empty"])
    assert 90 <= oldest[QUEUE] < 120
    assert oldest["empty"] == 0.0


def test_a_scheduled_job_that_nobody_makes_ready_is_overdue(shop: Workshop) -> None:
    with shop.host.inside():
        assert census.overdue_s(shop.host.reading()) == 0.0
    shop.submit_one(shop.noting(), 1, run_at=shop.now() - timedelta(seconds=30))
    with shop.host.inside():
        assert 30 <= census.overdue_s(shop.host.reading()) < 60
