"""How many jobs of one concurrency key start in a while."""

from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import event, func, select, update

from jobs import Job, Limits, State
from jobs.ledger.models import Allowance
from jobs.ledger.moments import db_now
from tests.jobs.host import SmallHost
from tests.jobs.workshop import QUEUE, Workshop

HOUR_S = 3_600.0


def rated(shop: Workshop, count: int = 3, **options: int) -> Job:
    """A kind of which so many of one number may start in an hour."""
    return shop.noting(concurrency_by="number", rate_per_key=(count, HOUR_S), **options)


def started(shop: Workshop) -> list[int]:
    """The numbers of what may start now, one after the other, each brought to its end."""
    numbers: list[int] = []
    while claims := shop.engine.runner._claim(QUEUE):
        numbers += [one.args["number"] for one in claims]
        shop.finish(claims)
    return numbers


def since_the_last_start(shop: Workshop, seconds: float) -> None:
    """So much time has passed since a job of any key started last."""
    with shop.host.transaction() as session:
        session.execute(update(Allowance).values(filled_at=db_now(-seconds), full_at=db_now(HOUR_S - seconds)))


def rows(shop: Workshop) -> int:
    with shop.host.inside():
        return shop.host.reading().scalars(select(func.count()).select_from(Allowance)).one()


def why(shop: Workshop, uid: str) -> str | None:
    with shop.host.inside():
        return shop.engine.inspector.why_waiting(shop.engine.inspector.job(uid))


def test_of_one_key_no_more_start_in_a_while_than_allowed_and_others_go_on(shop: Workshop) -> None:
    job = rated(shop)
    shop.submit(job, *[7] * 5, *[8] * 4, 9)
    assert started(shop) == [7, 7, 7, 8, 8, 8, 9]
    assert started(shop) == []


def test_it_fills_up_evenly_and_no_further_than_full(shop: Workshop) -> None:
    job = rated(shop)
    shop.submit(job, *[7] * 12)
    assert started(shop) == [7] * 3
    since_the_last_start(shop, HOUR_S / 3 - 5)
    assert started(shop) == []
    since_the_last_start(shop, HOUR_S / 3)
    assert started(shop) == [7]
    since_the_last_start(shop, HOUR_S * 2 / 3)
    assert started(shop) == [7] * 2
    since_the_last_start(shop, HOUR_S * 20)
    assert started(shop) == [7] * 3


def test_a_start_counts_though_its_worker_died(shop: Workshop) -> None:
    job = rated(shop, 2)
    shop.submit(job, 7)
    for _ in range(2):
        assert [one.args["number"] for one in shop.claim(lease_s=-1)] == [7]
        shop.engine.reaper.reap()
        shop.let_time_pass()
        shop.engine.relay.promote()
    shop.submit(job, 8)
    assert started(shop) == [8]


def test_a_start_that_was_rolled_back_is_none(shop: Workshop) -> None:
    job = rated(shop, 1)
    uid = shop.submit_one(job, 7)
    with suppress(ZeroDivisionError), shop.host.transaction():
        claims = shop.claim()
        raise ZeroDivisionError
    assert [one.uid for one in claims] == [uid]
    assert (shop.state(uid), why(shop, uid), started(shop)) == (State.READY, None, [7])


def test_both_limits_of_a_key_hold(shop: Workshop) -> None:
    job = rated(shop, 3, most_per_key=2)
    shop.submit(job, *[7] * 5)
    runner = shop.engine.runner
    first, second = runner._claim(QUEUE), runner._claim(QUEUE)
    assert ([len(first), len(second)], runner._claim(QUEUE)) == ([1, 1], [])
    shop.finish(first)
    shop.finish(second)
    assert started(shop) == [7]


def test_a_batched_kind_is_rated_job_by_job(shop: Workshop) -> None:
    seen: list[list[int]] = []

    def run(numbers: list[int]) -> None:
        seen.append(numbers)

    shop.submit(shop.batched(run, concurrency_by="numbers", rate_per_key=(2, HOUR_S)), 7, 7, 7, 8)
    shop.work()
    assert seen == [[7], [7], [8]]


def test_the_finish_that_claims_the_next_one_keeps_to_it(shop: Workshop) -> None:
    shop.submit(rated(shop, 2), 7, 7, 7, 8)
    shop.submit(shop.noting("free"), 1)
    shop.work()
    assert shop.effects() == [1, 7, 7, 8]


def test_it_holds_beside_the_rate_of_the_kind(shop: Workshop) -> None:
    job = rated(shop, 2)
    shop.submit(job, 7, 7, 7, 8, 9)
    shop.engine.limit(("kind", job.name), Limits(rate_count=3, rate_period_s=HOUR_S))
    assert started(shop) == [7, 7, 8]


def test_it_holds_for_the_name_before(host: SmallHost) -> None:
    before = Workshop(host)
    before.submit(rated(before, 9), *[7] * 3)
    after = Workshop(host)
    after.noting("new", aliases=("shop.note",), concurrency_by="number", rate_per_key=(2, HOUR_S))
    assert started(after) == [7, 7]


def test_what_is_declared_now_is_what_holds(host: SmallHost) -> None:
    shop = Workshop(host)
    shop.submit(rated(shop, 1), *[7] * 5)
    assert started(shop) == [7]
    without = Workshop(host)
    without.noting(concurrency_by="number")
    assert started(without) == [7] * 4


def test_a_job_that_is_held_back_says_why_and_for_how_long(shop: Workshop) -> None:
    job = rated(shop)
    *_, last = shop.submit(job, *[7] * 4)
    assert why(shop, last) is None
    assert started(shop) == [7] * 3
    assert why(shop, last) == "Of its key no more than 3 in 3600 s may start; the next in 1200 s."
    since_the_last_start(shop, 600)
    assert why(shop, last) == "Of its key no more than 3 in 3600 s may start; the next in 600 s."
    since_the_last_start(shop, 1_200)
    assert why(shop, last) is None
    assert started(shop) == [7]
    assert why(shop, last) is None


def test_an_allowance_that_is_full_again_is_forgotten(shop: Workshop) -> None:
    job = rated(shop, 1)
    shop.submit(job, 7, 8)
    assert (started(shop), rows(shop)) == ([7, 8], 2)
    shop.engine.prune(keep_s=HOUR_S)
    assert rows(shop) == 2
    since_the_last_start(shop, HOUR_S)
    shop.engine.prune(keep_s=HOUR_S)
    assert rows(shop) == 0


def test_a_kind_without_it_asks_nothing_more(shop: Workshop) -> None:
    shop.submit(shop.noting("free"), 1)
    shop.engine.runner._wish(QUEUE)  # what a worker looks up once a second
    asked: list[str] = []

    def hear(*given: Any) -> None:
        asked.append(given[2].split()[0])

    event.listen(shop.host.database, "before_cursor_execute", hear)
    try:
        claims = shop.engine.runner._claim(QUEUE)
    finally:
        event.remove(shop.host.database, "before_cursor_execute", hear)
    words = {"sqlite": ["SELECT", "UPDATE"], "postgresql": ["EXECUTE"]}
    assert ([one.kind for one in claims], asked) == (["shop.free"], words[shop.host.database.dialect.name])


def test_a_rate_needs_a_key_and_numbers_that_let_something_start(shop: Workshop) -> None:
    with pytest.raises(ValueError, match=r"^shop\.note: rate_per_key goes with concurrency_by$"):
        shop.noting(rate_per_key=(1, 60.0))
    for name in ("rate", "rate_per_key"):
        for rate in ((0, 60.0), (1, 0.0)):
            with pytest.raises(ValueError, match=rf"^shop\.note: {name} is how many may start,"):
                shop.noting(**{"concurrency_by": "number", name: rate})


def test_its_kind_is_told_with_it(shop: Workshop) -> None:
    rated(shop)
    with shop.host.inside():
        assert [one.policy["rate_per_key"] for one in shop.engine.inspector.kinds()][-1] == "3 in 3600 s"
