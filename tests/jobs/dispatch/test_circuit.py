"""A kind most of whose runs fail is left alone for a while, and no other kind with it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jobs import Job, State
from jobs.dispatch.circuit import LEAST
from tests.jobs.workshop import Workshop

PAUSE_MS = 60_000
RUNS = LEAST + 5


@pytest.fixture
def away() -> set[str]:
    """Says whether what the kind needs is away."""
    return {"away"}


@pytest.fixture
def asking(shop: Workshop, away: set[str]) -> Job:
    """A kind that needs something from outside."""

    def ask(number: int) -> None:
        if away:
            raise ConnectionError("nobody answers")
        shop.note(number)

    return shop.job(ask, max_retries=0, circuit_pause=PAUSE_MS)


def states(shop: Workshop, uids: list[str]) -> list[str]:
    shop.forget_lanes()
    shop.work()
    return [shop.state(uid) for uid in uids]


def test_a_kind_whose_runs_fail_is_paused_for_a_while_and_then_runs(
    shop: Workshop, asking: Job, away: set[str]
) -> None:
    asked, others = shop.submit(asking, *range(RUNS)), shop.submit(shop.noting(), 1, 2)
    while shop.state(asked[LEAST - 1]) == State.READY:
        shop.forget_lanes()
        shop.work()
    with shop.host.inside():
        look = shop.engine.decided()["kind", asking.name]
    assert (look.is_paused, look.paused_by, look.pause_reason) == (
        True,
        "circuit",
        "Most of its last runs failed (10).",
    )
    assert look.paused_until is not None
    assert timedelta(seconds=50) < look.paused_until - shop.now() <= timedelta(milliseconds=PAUSE_MS)
    left = [uid for uid in asked if shop.state(uid) == State.READY]
    assert [shop.state(uid) for uid in asked if uid not in left] == [State.DEAD] * (RUNS - len(left))
    assert states(shop, others) == [State.SUCCEEDED] * 2
    away.clear()
    assert shop.engine.resume(("kind", asking.name)) is True
    assert states(shop, left) == [State.SUCCEEDED] * len(left)


def test_what_works_now_and_then_goes_on(shop: Workshop, asking: Job, away: set[str]) -> None:
    for number in range(2 * LEAST):
        away.clear()
        if number % 2:
            away.add("away")
        shop.submit_one(asking, number)
        shop.work()
    with shop.host.inside():
        assert shop.engine.decided() == {}


def test_a_pause_that_somebody_decided_stands(shop: Workshop, asking: Job) -> None:
    shop.submit(asking, *range(LEAST - 1))
    shop.work()
    last = shop.submit_one(asking)
    (claim,) = shop.claim()
    shop.engine.pause(("kind", asking.name), by="Ada", reason="moving")
    shop.engine.runner._work_off([claim], next_of=None)
    with shop.host.inside():
        look = shop.engine.decided()["kind", asking.name]
    assert (shop.state(last), look.paused_by, look.paused_until) == (State.DEAD, "Ada", None)
