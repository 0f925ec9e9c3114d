"""Pages of a selection: the same jobs as one look at everything gives, in the same order, at a bounded price."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from jobs import Entry, JobRequest, Place, Selection, State
from jobs.ledger import browsing
from jobs.ledger.selection import Selection as Meant
from tests.jobs.workshop import Workshop


def fail(number: int) -> None:
    raise ValueError(f"no {number}")


@pytest.fixture
def filled(shop: Workshop) -> Workshop:
    """Jobs of three kinds in every state."""
    note, hopeless, later = shop.noting(), shop.job(fail, max_retries=0), shop.noting("later", queue="elsewhere")
    shop.submit(note, *range(7))
    shop.submit(hopeless, *range(5), requested_by="user 1")
    shop.work()
    shop.submit(later, *range(6), requested_by="user 1")
    shop.submit(note, *range(4), run_at=datetime.now(UTC) + timedelta(hours=1))
    return shop


def all_of(shop: Workshop, meant: Meant) -> set[str]:
    with shop.host.inside():
        return set(shop.host.reading().scalars(select(Entry.uid).where(meant.condition())))


def paged(shop: Workshop, meant: Meant, *, limit: int) -> list[str]:
    found: list[str] = []
    below: Place | None = None
    with shop.host.inside():
        for _ in range(100):
            page = browsing.page(shop.host.reading(), meant, below=below, limit=limit)
            found += [one.uid for one in page.entries]
            below = page.below
            if below is None:
                return found
    raise AssertionError("there is no last page")


SELECTIONS = [
    Selection(),
    Selection(states=(State.SUCCEEDED,)),
    Selection(states=(State.DEAD, State.PARKED)),
    Selection(states=(State.SCHEDULED,)),
    Selection(states=(State.READY,), kinds=("shop.later",)),
    Selection(kinds=("shop.note", "shop.fail")),
    Selection(queue="elsewhere"),
    Selection(states=(State.SUCCEEDED, State.DEAD), kinds=("shop.fail",)),
    Selection(requested_by="user 1"),
    Selection(requested_by="user 1", states=(State.DEAD,), args=(("number", "3"),)),
    Selection(args=(("number", "3"),)),
    Selection(error="VALUE"),
    Selection(worker="worker", states=(State.DEAD,)),
    Selection(since=datetime(2020, 1, 1, tzinfo=UTC), states=(State.SUCCEEDED,)),
    Selection(since=datetime(2999, 1, 1, tzinfo=UTC)),
]


@pytest.mark.parametrize("meant", SELECTIONS, ids=str)
@pytest.mark.parametrize("limit", [2, 25])
def test_pages_hold_every_job_once(filled: Workshop, meant: Selection, limit: int) -> None:
    found = paged(filled, meant, limit=limit)
    assert (len(found), set(found)) == (len(set(found)), all_of(filled, meant))
    assert found == paged(filled, meant, limit=100)


@pytest.mark.parametrize("meant", SELECTIONS, ids=str)
def test_the_count_is_that_of_the_pages(filled: Workshop, meant: Selection) -> None:
    with filled.host.inside():
        counted = browsing.count(filled.host.reading(), meant)
    assert (counted.number, counted.is_least) == (len(all_of(filled, meant)), False)


def test_a_search_that_stops_finds_the_rest_from_there_on(filled: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsing, "LOOK_AT", 3)
    monkeypatch.setattr(browsing, "LEAST", 3)
    monkeypatch.setattr(browsing, "COUNT_AMONG", 3)
    for meant in SELECTIONS:
        found = paged(filled, meant, limit=2)
        assert (len(found), set(found)) == (len(set(found)), all_of(filled, meant)), meant
    with filled.host.inside():
        page = browsing.page(filled.host.reading(), Selection(args=(("number", "99"),)), limit=2)
        counted = browsing.count(filled.host.reading(), Selection(args=(("number", "99"),)))
    assert (page.entries, page.has_stopped, counted.is_least) == ([], True, True)


def test_arguments_are_compared_as_text_on_every_database(shop: Workshop) -> None:
    def take(value: dict[str, object]) -> None: ...

    job = shop.job(take)
    values = [{"a": 1}, {"a": "1"}, {"a": True}, {"a": 2.5}, {"a": None}, {"b": {"c-d": "Zoë"}}]
    uids = [shop.engine.enqueue(JobRequest(job, {"value": one})) for one in values]
    found = {
        word: [uids.index(one) for one in sorted(all_of(shop, Selection(args=((f"value.{name}", word),))))]
        for name, word in (("a", "1"), ("a", "true"), ("a", "2.5"), ("a", "x"), ("b.c-d", "Zoë"))
    }
    assert found == {"1": [0, 1], "true": [2], "2.5": [3], "x": [], "Zoë": [5]}


def test_the_pulse_changes_with_every_move(shop: Workshop) -> None:
    def pulse() -> object:
        with shop.host.inside():
            return browsing.pulse(shop.host.reading())

    seen = [pulse()]
    uid = shop.submit_one(shop.noting())
    seen.append(pulse())
    claims = shop.claim()
    seen.append(pulse())
    shop.finish(claims, 1)
    seen.append(pulse())
    assert (len({repr(one) for one in seen}), pulse() == seen[-1]) == (4, True)
    assert shop.state(uid) == State.SUCCEEDED
