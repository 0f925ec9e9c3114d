"""Every pair of moves on one job, the second begun before the first has committed: as if one came after the other.

What is compared is all that the ledger tells of the job. The second may also pass the job by, as sweeps do with what
somebody else holds.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from jobs import JobError
from jobs.ledger import writer
from jobs.ledger.states import Outcome
from jobs.ledger.writer import Claim, Failure
from tests.jobs.workshop import Workshop

SECOND_IS_WAITING_S = 0.02
LATER = datetime(2100, 1, 1, tzinfo=UTC)
FAILURE = Failure("ValueError", "no")


class Scene:
    """One job and the claim that holds it, if any, in a state that moves begin from."""

    def __init__(self, shop: Workshop, begin: str) -> None:
        shop.empty()
        self.shop = shop
        job = shop.engine.jobs.get("shop.note") or shop.noting()
        self.uid = shop.submit_one(job, run_at=shop.now() if begin == "scheduled" else None)
        self.claims: Sequence[Claim] = shop.claim(owner="me") if begin in {"running", "dead"} else []
        if begin == "dead":
            with shop.host.transaction() as session:
                writer.bury(session, self.claims[0], outcome=Outcome.FAILED, failure=FAILURE)
        shop.let_time_pass()

    def told(self) -> Any:
        """All that the ledger says."""
        try:
            one = self.shop.entry(self.uid)
        except AssertionError:
            return "gone"
        counts = (one.attempt, one.failures, one.crashes, one.interruptions, one.priority)
        is_leased = (one.lease_owner is not None, one.lease_until is not None)
        asked = one.cancel_requested_at is not None
        story = (self.shop.outcomes(self.uid), self.shop.moves(self.uid), self.shop.effects())
        return one.state, counts, is_leased, asked, one.run_at is not None, *story

    # -- moves

    def claim(self) -> None:
        self.shop.claim()

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
        self.shop.engine.reprioritise(self.uid, 1, by="Ada")

    def reschedule(self) -> None:
        self.shop.engine.reschedule(self.uid, LATER, by="Ada")

    def promote(self) -> None:
        self.shop.engine.relay.promote()

    def prune(self) -> None:
        self.shop.engine.prune(keep_s=-60)


Move = Callable[[Scene], None]
WAITING = [Scene.claim, Scene.cancel, Scene.reprioritise, Scene.reschedule]
RUNNING = [Scene.finish, Scene.fail, Scene.bury, Scene.give_back, Scene.hand_back]
PAIRS: dict[str, Sequence[Move]] = {
    "ready": WAITING,
    "scheduled": [Scene.promote, *WAITING],
    "running": [*RUNNING, Scene.extend, Scene.rescue, Scene.cancel, Scene.claim],
    "dead": [Scene.retry, Scene.prune, Scene.claim, Scene.cancel],
}


def made(scene: Scene, move: Move) -> None:
    """Make the move; that it is refused is an answer too."""
    with suppress(JobError):
        move(scene)


def one_after_the_other(shop: Workshop, begin: str, *moves: Move) -> Any:
    scene = Scene(shop, begin)
    for move in moves:
        made(scene, move)
    return scene.told()


def overlapping(shop: Workshop, begin: str, first: Move, second: Move) -> Any:
    scene = Scene(shop, begin)
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
    found = []
    for first in PAIRS[begin]:
        alone = one_after_the_other(shop, begin, first)
        for second in PAIRS[begin]:
            both = one_after_the_other(shop, begin, first, second)
            at_once = overlapping(shop, begin, first, second)
            if at_once not in (both, alone):
                found.append((first.__name__, second.__name__, at_once, both))
    assert found == []
    print(f"\n{begin}: {len(PAIRS[begin]) ** 2} pairs of moves, each at once")
