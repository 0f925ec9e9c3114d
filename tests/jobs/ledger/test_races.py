"""Every move in the ledger, made by two at once: one of them wins, and nothing is in between.

`overlap` lets the first make its move and holds its commit back until the second has begun.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from jobs import JobError, Unique
from jobs.ledger import writer
from tests.jobs.workshop import Workshop

SECOND_IS_WAITING_S = 0.05


def overlap(shop: Workshop, first: Callable[[], Any], second: Callable[[], Any]) -> Any:
    """What the second came to: its value, or the name of what it raised."""

    def told() -> Any:
        try:
            return second()
        except JobError as error:
            return type(error).__name__

    with ThreadPoolExecutor(1) as pool:
        with shop.host.transaction():
            first()
            later = pool.submit(told)
            time.sleep(SECOND_IS_WAITING_S)
        return later.result(timeout=10)


@pytest.fixture
def uid(shop: Workshop) -> str:
    return shop.submit_one(shop.noting())


def rescue(shop: Workshop) -> Callable[[], int]:
    def run() -> int:
        with shop.host.transaction() as session:
            return len(writer.rescue_expired(session, limit=100))

    return run


def give_back(shop: Workshop, owner: str) -> Callable[[], int]:
    def run() -> int:
        with shop.host.transaction() as session:
            return writer.give_back(session, [owner])

    return run


def extend(shop: Workshop, owner: str) -> Callable[[], int]:
    def run() -> int:
        with shop.host.transaction() as session:
            return writer.extend_leases(session, [owner], lease_s=60)

    return run


def test_two_claim_and_one_wins(shop: Workshop, uid: str) -> None:
    assert overlap(shop, shop.claim, shop.claim) == []
    assert (shop.state(uid), shop.entry(uid).attempt) == ("running", 1)


def test_many_claim_and_each_job_has_one_owner(shop: Workshop) -> None:
    uids = shop.submit(shop.noting(), *range(40))

    def claim_until_nothing_is_left(_: int) -> list[str]:
        mine: list[str] = []
        while claims := shop.claim():
            mine += [one.uid for one in claims]
        return mine

    with ThreadPoolExecutor(6) as pool:
        claimed = [one for mine in pool.map(claim_until_nothing_is_left, range(6)) for one in mine]
    assert sorted(claimed) == sorted(uids)


def test_many_claim_batches_and_each_job_has_one_owner(shop: Workshop) -> None:
    uids = shop.submit(shop.batched(lambda numbers: None, size=7), *range(100))

    def claim_until_nothing_is_left(_: int) -> list[str]:
        mine: list[str] = []
        while claims := shop.claim():
            mine += [one.uid for one in claims]
        return mine

    with ThreadPoolExecutor(6) as pool:
        claimed = [one for mine in pool.map(claim_until_nothing_is_left, range(6)) for one in mine]
    assert sorted(claimed) == sorted(uids)


def test_a_finish_after_a_rescue_writes_nothing(shop: Workshop, uid: str) -> None:
    claims = shop.claim()
    shop.let_time_pass()
    assert overlap(shop, rescue(shop), lambda: shop.finish(claims, 1)) == "Superseded"
    assert (shop.state(uid), shop.effects(), shop.outcomes(uid)) == ("ready", [], ["lost"])


def test_a_rescue_after_a_finish_finds_nothing(shop: Workshop, uid: str) -> None:
    claims = shop.claim()
    shop.let_time_pass()
    assert overlap(shop, lambda: shop.finish(claims, 1), rescue(shop)) == 0
    assert (shop.state(uid), shop.effects(), shop.outcomes(uid)) == ("succeeded", [1], ["succeeded"])


def test_two_rescue_and_one_loss_is_counted(shop: Workshop, uid: str) -> None:
    shop.claim()
    shop.let_time_pass()
    assert overlap(shop, rescue(shop), rescue(shop)) == 0
    assert (shop.entry(uid).crashes, shop.outcomes(uid), shop.moves(uid)) == (1, ["lost"], ["lease lost by reaper"])


def test_a_rescue_passes_by_a_lease_that_is_being_extended(shop: Workshop, uid: str) -> None:
    shop.claim(owner="me")
    shop.let_time_pass()
    assert overlap(shop, extend(shop, "me"), rescue(shop)) == 0
    assert shop.state(uid) == "running"


def test_a_lease_is_extended_without_waiting_for_a_finish(shop: Workshop, database_kind: str) -> None:
    """Both hold several rows, and take them in an order of their own."""
    if database_kind != "postgresql":
        pytest.skip("SQLite has one writer: everything waits, and nothing for each other")
    uids = shop.submit(shop.batched(lambda numbers: None, size=3), 1, 2, 3)
    claims = shop.claim(owner="me")
    with ThreadPoolExecutor(1) as pool, shop.host.transaction():
        shop.finish(claims[:2], 1, 2)
        assert pool.submit(extend(shop, "me")).result(timeout=10) == 1
    assert shop.state(*uids) == ["succeeded", "succeeded", "running"]


def test_a_lease_cannot_be_extended_once_it_was_taken(shop: Workshop, uid: str) -> None:
    shop.claim(owner="me")
    shop.let_time_pass()
    assert overlap(shop, rescue(shop), extend(shop, "me")) == 0
    assert (shop.state(uid), shop.entry(uid).lease_until) == ("ready", None)


def test_a_job_given_back_is_not_rescued_as_well(shop: Workshop, uid: str) -> None:
    shop.claim(owner="me")
    shop.let_time_pass()
    assert overlap(shop, give_back(shop, "me"), rescue(shop)) == 0
    assert (shop.entry(uid).crashes, shop.outcomes(uid)) == (0, ["interrupted"])


def test_a_rescued_job_is_not_given_back_as_well(shop: Workshop, uid: str) -> None:
    shop.claim(owner="me")
    shop.let_time_pass()
    assert overlap(shop, rescue(shop), give_back(shop, "me")) == 0
    assert (shop.entry(uid).crashes, shop.outcomes(uid)) == (1, ["lost"])


def test_a_job_given_back_cannot_be_finished(shop: Workshop, uid: str) -> None:
    claims = shop.claim(owner="me")
    assert overlap(shop, give_back(shop, "me"), lambda: shop.finish(claims, 1)) == "Superseded"
    assert (shop.state(uid), shop.effects()) == ("ready", [])


def test_a_rescued_job_cannot_be_handed_back(shop: Workshop, uid: str) -> None:
    claims = shop.claim()
    shop.let_time_pass()

    def hand_back() -> None:
        with shop.host.transaction() as session:
            writer.hand_back(session, claims)

    assert overlap(shop, rescue(shop), hand_back) == "Superseded"
    assert (shop.state(uid), shop.entry(uid).attempt, shop.outcomes(uid)) == ("ready", 1, ["lost"])


def test_a_finished_job_cannot_be_given_back(shop: Workshop, uid: str) -> None:
    claims = shop.claim(owner="me")
    assert overlap(shop, lambda: shop.finish(claims, 1), give_back(shop, "me")) == 0
    assert (shop.state(uid), shop.effects(), shop.outcomes(uid)) == ("succeeded", [1], ["succeeded"])


def test_a_cancelled_job_is_not_claimed(shop: Workshop, uid: str) -> None:
    assert overlap(shop, lambda: shop.engine.cancel(uid, by="Ada"), shop.claim) == []
    assert (shop.state(uid), shop.entry(uid).attempt) == ("cancelled", 0)


def test_a_claimed_job_is_asked_to_end(shop: Workshop, uid: str) -> None:
    assert overlap(shop, shop.claim, lambda: shop.engine.cancel(uid, by="Ada")) is False
    assert (shop.state(uid), shop.moves(uid)) == ("running", ["asked to stop by Ada"])


def test_two_promote_and_the_job_is_ready_once(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting(), run_at=shop.now())
    shop.let_time_pass()
    assert overlap(shop, shop.engine.relay.promote, shop.engine.relay.promote) == 0
    assert shop.state(uid) == "ready"


def test_a_promoted_job_can_still_be_cancelled(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting(), run_at=shop.now())
    shop.let_time_pass()
    assert overlap(shop, shop.engine.relay.promote, lambda: shop.engine.cancel(uid, by="Ada")) is True
    assert shop.state(uid) == "cancelled"


def test_a_cancelled_job_is_not_promoted(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting(), run_at=shop.now())
    shop.let_time_pass()
    assert overlap(shop, lambda: shop.engine.cancel(uid, by="Ada"), shop.engine.relay.promote) == 0
    assert shop.state(uid) == "cancelled"


def test_two_people_retry_and_the_job_runs_once_more(shop: Workshop, uid: str) -> None:
    shop.engine.cancel(uid, by="Ada")
    again = [lambda: shop.engine.retry(uid, by="Ada"), lambda: shop.engine.retry(uid, by="Ben")]
    assert overlap(shop, *again) == "WrongState"
    assert shop.moves(uid) == ["cancelled by Ada", "retried by Ada"]


def test_a_retried_job_is_not_pruned(shop: Workshop, uid: str) -> None:
    shop.engine.cancel(uid, by="Ada")
    assert overlap(shop, lambda: shop.engine.retry(uid, by="Ada"), lambda: shop.engine.prune(keep_s=-60)) == 0
    assert shop.state(uid) == "ready"


def test_a_pruned_job_cannot_be_retried(shop: Workshop, uid: str) -> None:
    shop.engine.cancel(uid, by="Ada")
    again = overlap(shop, lambda: shop.engine.prune(keep_s=-60), lambda: shop.engine.retry(uid, by="Ada"))
    assert again == "NoSuchJob"


def test_twins_submitted_at_once_wait_once(shop: Workshop) -> None:
    job = shop.noting(unique=Unique.WAITING)
    overlap(shop, lambda: shop.submit_one(job), lambda: shop.submit_one(job))
    shop.work()
    assert shop.effects() == [1]


def test_twins_submitted_at_once_wait_once_even_if_the_first_takes_it_back(shop: Workshop) -> None:
    job = shop.noting(unique=Unique.WAITING)

    class ThinkAgainError(Exception):
        pass

    with ThreadPoolExecutor(1) as pool:
        with suppress(ThinkAgainError), shop.host.transaction():
            shop.submit_one(job)
            later = pool.submit(shop.submit_one, job)
            time.sleep(SECOND_IS_WAITING_S)
            raise ThinkAgainError
        later.result(timeout=10)
    shop.work()
    assert shop.effects() == [1]
