"""What a worker remembers of kinds, pauses and limits."""

import dataclasses

from jobs.dispatch.lanebook import LaneBook
from jobs.ledger import lanes
from tests.jobs.workshop import QUEUE, Workshop


def test_what_is_declared_holds_at_once(shop: Workshop) -> None:
    job = shop.noting(concurrency_by="number")
    book = LaneBook(shop.host, shop.engine.jobs)
    before = book.terms(QUEUE)
    assert book.terms(QUEUE) is before
    shop.engine.jobs.declare(dataclasses.replace(job, most_per_key=3))
    other = shop.noting("other")
    after = book.terms(QUEUE)
    new = sorted({*after.kinds} - {*before.kinds})
    assert (new, f'"{job.name}": 3' in after.most_per_key) == ([other.name], True)


def test_what_people_decide_holds_with_the_next_look(shop: Workshop) -> None:
    job = shop.noting()
    book = LaneBook(shop.host, shop.engine.jobs)
    assert (job.name in book.terms(QUEUE).kinds, [*book.terms(QUEUE).paused]) == (True, [])
    with shop.host.transaction() as session:
        lanes.pause(session, ("kind", job.name), by="ada", reason=None, until=None)
    book._good_until = 0.0
    assert [*book.terms(QUEUE).paused] == [job.name]
    with shop.host.transaction() as session:
        lanes.resume(session, ("kind", job.name))
    book.look_ahead()
    assert [*book.terms(QUEUE).paused] == [job.name]
    book._good_until = 0.0
    book.look_ahead()
    assert [*book.terms(QUEUE).paused] == []


def test_a_look_ahead_spares_the_next_claim_its_own(shop: Workshop) -> None:
    book = LaneBook(shop.host, shop.engine.jobs)
    book.terms(QUEUE)
    good_until = book._good_until
    book.look_ahead()
    assert book._good_until == good_until
    book._good_until -= 0.6
    book.look_ahead()
    assert book._good_until >= good_until
