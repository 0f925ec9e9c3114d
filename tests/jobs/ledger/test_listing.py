"""Jobs by filter, a page at a time."""

import time
from collections.abc import Callable

import pytest

from jobs import Job
from jobs.ledger import listing
from jobs.ledger.listing import Place, Wanted
from jobs.ledger.states import State
from tests.jobs.workshop import Workshop

SIZES = {"min_backoff": 60_000, "max_backoff": 60_000}


def fail(number: int) -> None:
    raise ValueError(f"no {number}")


@pytest.fixture
def look(shop: Workshop) -> Callable[..., list[str]]:
    """The ids of every page, page by page, so that what is between two pages would be missed."""

    def pages(wanted: Wanted, *, size: int = 2) -> list[str]:
        found: list[str] = []
        below: Place | None = None
        while True:
            with shop.host.inside():
                entries, has_more = listing.page(shop.host.reading(), wanted, below=below, limit=size)
            found += [one.uid for one in entries]
            if not has_more:
                return found
            assert len(entries) == size
            below = wanted.place_of(entries[-1])

    return pages


@pytest.fixture
def note(shop: Workshop) -> Job:
    return shop.noting()


def test_all_jobs_are_listed_newest_first(shop: Workshop, note: Job, look: Callable[..., list[str]]) -> None:
    uids = shop.submit(note, 1, 2, 3, 4, 5)
    assert look(Wanted()) == uids[::-1]


def test_jobs_are_listed_by_kind_and_queue(shop: Workshop, note: Job, look: Callable[..., list[str]]) -> None:
    other = shop.noting("other", queue="elsewhere")
    mine, others = shop.submit(note, 1, 2, 3), shop.submit(other, 4, 5)
    assert look(Wanted(kinds=(note.name,))) == mine[::-1]
    assert look(Wanted(kinds=(note.name, other.name), queue="elsewhere")) == others[::-1]
    assert look(Wanted(kinds=(note.name, other.name))) == [*others[::-1], *mine[::-1]]


def test_ready_jobs_are_listed_newest_first(shop: Workshop, note: Job, look: Callable[..., list[str]]) -> None:
    done = shop.submit_one(note, 1)
    shop.work()
    ready = shop.submit(note, 2, 3, 4)
    assert look(Wanted(states=(State.READY,))) == ready[::-1]
    assert shop.state(done) == State.SUCCEEDED


def test_settled_jobs_are_listed_by_when_they_ended(shop: Workshop, note: Job, look: Callable[..., list[str]]) -> None:
    first, second, third = shop.submit(note, 1, 2, 3)
    for uid in (second, third, first):
        shop.engine.cancel(uid, by=None)
        time.sleep(0.002)  # SQLite's clock counts whole milliseconds
    assert look(Wanted(states=(State.CANCELLED,)), size=1) == [first, third, second]


def test_two_settled_states_are_listed_as_one(shop: Workshop, look: Callable[..., list[str]]) -> None:
    hopeless = shop.job(fail, max_retries=0)
    dead = shop.submit(hopeless, 1, 2)
    shop.work()
    cancelled = shop.submit(hopeless, 3, 4)
    for uid in cancelled:
        shop.engine.cancel(uid, by=None)
    assert look(Wanted(states=(State.DEAD, State.CANCELLED)), size=1) == [*cancelled[::-1], *dead[::-1]]


def test_scheduled_jobs_are_listed_next_first(shop: Workshop, note: Job, look: Callable[..., list[str]]) -> None:
    now = shop.now()
    later = shop.submit_one(note, 1, run_at=now.replace(year=now.year + 2))
    sooner = shop.submit_one(note, 2, run_at=now.replace(year=now.year + 1))
    assert look(Wanted(states=(State.SCHEDULED,)), size=1) == [sooner, later]


def test_retries_are_told_from_what_is_only_scheduled(
    shop: Workshop, note: Job, look: Callable[..., list[str]]
) -> None:
    again = shop.submit_one(shop.job(fail, **SIZES), 1)
    shop.work()
    now = shop.now()
    first_time = shop.submit_one(note, 2, run_at=now.replace(year=now.year + 1))
    assert look(Wanted(states=(State.SCHEDULED,), is_retry=True)) == [again]
    assert look(Wanted(states=(State.SCHEDULED,), is_retry=False)) == [first_time]


def test_a_kind_that_never_was_is_answered_without_reading_the_states(
    shop: Workshop, note: Job, look: Callable[..., list[str]]
) -> None:
    shop.submit(note, 1)
    shop.work()
    assert look(Wanted(states=(State.SUCCEEDED,), kinds=("never.was",))) == []
    assert len(look(Wanted(states=(State.SUCCEEDED,), kinds=(note.name,)))) == 1
