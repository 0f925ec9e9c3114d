"""Every pair of moves on one job, the second begun before the first has committed: as if one came after the other.

What is compared is all that the ledger tells of the job. The second may also pass the job by, as sweeps do with what
somebody else holds.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from jobs import Entry, JobError, State
from jobs.ledger import control, writer
from jobs.ledger.models import Attempt, Guest
from jobs.ledger.models import Move as Told
from jobs.ledger.states import Outcome
from jobs.ledger.writer import Claim, Failure
from tests.jobs.host import effects
from tests.jobs.workshop import Workshop

SECOND_IS_WAITING_S = 0.02
LONG_AGO, LATER = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
ELSEWHERE = "elsewhere"
FAILURE = Failure("ValueError", "no")


class Scene:
    """One job and the claim that holds it, if any, in a state that moves begin from; it may be late to start."""

    def __init__(self, shop: Workshop, begin: str, *, is_late: bool) -> None:
        self.shop, self.is_late = shop, is_late
        with shop.host.transaction() as session:
            for told in (Told, Attempt, Entry, Guest, effects):
                session.execute(delete(told))
        run_at = LONG_AGO if begin == "scheduled" else None
        self.uid = shop.submit_one(shop.engine.job_named("shop.note"), priority=1, run_at=run_at)
        self.claims: Sequence[Claim] = shop.claim(owner="me") if begin in {"running", "dead"} else []
        if begin == "dead":
            with shop.host.transaction() as session:
                writer.bury(session, self.claims[0], outcome=Outcome.FAILED, failure=FAILURE)
        shop.let_time_pass()
        with shop.host.transaction() as session:
            session.execute(update(Entry).values(ready_at=LONG_AGO))
            self._may_start_until(session, LONG_AGO if is_late else None)

    def _may_start_until(self, session: Session, moment: datetime | None) -> None:
        session.execute(update(Entry).where(Entry.state != State.CANCELLED).values(expires_at=moment))

    def told(self) -> Any:
        """All that the ledger says."""
        try:
            one = self.shop.entry(self.uid)
        except AssertionError:
            return "gone"
        counts = (one.attempt, one.failures, one.crashes, one.interruptions)
        place = (one.queue, one.priority, one.rank)
        is_leased = (one.lease_owner is not None, one.lease_until is not None)
        asked = one.cancel_requested_at is not None
        story = (self.shop.outcomes(self.uid), self.shop.moves(self.uid), self.shop.effects())
        return one.state, counts, place, is_leased, asked, one.run_at is not None, *story

    # -- moves

    def claim(self) -> None:
        """In time, and not late for the one who claims, whatever is so for those who look after it."""
        with self.shop.host.transaction() as session:
            if self.is_late:
                self._may_start_until(session, LATER)
            self.shop.claim()
            if self.is_late:
                self._may_start_until(session, LONG_AGO)

    def finish(self) -> None:
        self.shop.finish(self.claims, 1)

    def fail(self) -> None:
        with self.shop.host.transaction() as session:
            writer.retry_later(session, self.claims[0], outcome=Outcome.FAILED, delay_s=0, failure=FAILURE)

    def bury(self) -> None:
        with self.shop.host.transaction() as session:
            writer.bury(session, self.claims[0], outcome=Outcome.FAILED, failure=FAILURE)

    def give_back(self) -> None:
        with self.shop.host.transaction() as session:
            writer.give_back(session, ["me"])

    def hand_back(self) -> None:
        with self.shop.host.transaction() as session:
            writer.hand_back(session, self.claims)

    def extend(self) -> None:
        with self.shop.host.transaction() as session:
            writer.extend_leases(session, ["me"], lease_s=60)

    def rescue(self) -> None:
        with self.shop.host.transaction() as session:
            writer.rescue_expired(session, limit=10)

    def cancel(self) -> None:
        self.shop.engine.cancel(self.uid, by="Ada")

    def retry(self) -> None:
        self.shop.engine.retry(self.uid, by="Ada")

    def reprioritise(self) -> None:
        self.shop.engine.reprioritise(self.uid, 3, by="Ada")

    def reschedule(self) -> None:
        self.shop.engine.reschedule(self.uid, LATER, by="Ada")

    def move(self) -> None:
        self.shop.engine.move(self.uid, ELSEWHERE, by="Ada")

    def expire(self) -> None:
        self.shop.engine.relay.expire()

    def age(self) -> None:
        with self.shop.host.transaction() as session:
            control.age(session, every_s=60)

    def promote(self) -> None:
        self.shop.engine.relay.promote()

    def prune(self) -> None:
        self.shop.engine.prune(keep_s=-60)


Move = Callable[[Scene], None]
Pair = tuple[Move, Move]
BY_HAND = [Scene.cancel, Scene.reprioritise, Scene.reschedule, Scene.move]
SETTLE = [Scene.finish, Scene.fail, Scene.bury, Scene.give_back, Scene.hand_back, Scene.rescue]
TO_WAIT = [Scene.fail, Scene.give_back, Scene.hand_back, Scene.rescue]
ONLY_WAITING = [Scene.expire, Scene.age, Scene.move]


def every_two(moves: Sequence[Move]) -> list[Pair]:
    return list(product(moves, repeat=2))


def either_first(some: Sequence[Move], others: Sequence[Move]) -> list[Pair]:
    return [*product(some, others), *product(others, some)]


PAIRS: dict[str, Sequence[Pair]] = {
    "ready": every_two([Scene.claim, Scene.expire, Scene.age, *BY_HAND]),
    "scheduled": every_two([Scene.promote, Scene.claim, Scene.expire, *BY_HAND]),
    "running": [
        *every_two([*SETTLE, Scene.extend, Scene.cancel, Scene.claim]),
        *either_first(TO_WAIT, ONLY_WAITING),
    ],
    "dead": [
        *every_two([Scene.retry, Scene.prune, Scene.claim, Scene.cancel]),
        *either_first([Scene.retry], ONLY_WAITING),
    ],
}


def made(scene: Scene, move: Move) -> None:
    """Make the move; that it is refused is an answer too."""
    with suppress(JobError):
        move(scene)


def one_after_the_other(shop: Workshop, begin: str, *moves: Move, is_late: bool) -> Any:
    scene = Scene(shop, begin, is_late=is_late)
    for move in moves:
        made(scene, move)
    return scene.told()


def overlapping(shop: Workshop, begin: str, first: Move, second: Move, *, is_late: bool) -> Any:
    scene = Scene(shop, begin, is_late=is_late)
    with ThreadPoolExecutor(1) as pool:
        with suppress(JobError), shop.host.transaction():
            try:
                first(scene)
            finally:
                later = pool.submit(made, scene, second)
                time.sleep(SECOND_IS_WAITING_S)
        later.result(timeout=10)
    return scene.told()


@pytest.mark.parametrize("begin", PAIRS)
def test_two_moves_at_once_are_as_one_after_the_other(shop: Workshop, begin: str) -> None:
    shop.noting()
    shop.noting("another", queue=ELSEWHERE)
    found = []
    alone_of: dict[tuple[Move, bool], Any] = {}
    for first, second in PAIRS[begin]:
        is_late = Scene.expire in (first, second)
        if (first, is_late) not in alone_of:
            alone_of[first, is_late] = one_after_the_other(shop, begin, first, is_late=is_late)
        alone = alone_of[first, is_late]
        both = one_after_the_other(shop, begin, first, second, is_late=is_late)
        at_once = overlapping(shop, begin, first, second, is_late=is_late)
        if at_once not in (both, alone):
            found.append((first.__name__, second.__name__, at_once, both))
    assert found == []
    print(f"\n{begin}: {len(PAIRS[begin])} pairs of moves, each at once")
