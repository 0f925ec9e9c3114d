"""What a host's tests may use."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import update

from jobs import NoSuchJob, Rule, ScheduleRequest, State
from jobs.schedules.shelf import schedule as table
from jobs.testing import make_due, run_ready, settled, working
from tests.jobs.workshop import Workshop


def test_what_is_due_is_run_inline_and_what_is_not_waits_until_it_is_made_so(shop: Workshop) -> None:
    failed: list[int] = []

    def stumble(number: int) -> str:
        if not failed:
            failed.append(number)
            raise ValueError("once")
        return "up again"

    uid = shop.submit_one(shop.job(stumble, max_retries=1, min_backoff=60_000))
    run_ready(shop.engine)
    assert (shop.state(uid), failed) == (State.SCHEDULED, [1])
    make_due(shop.engine)
    run_ready(shop.engine)
    assert (shop.state(uid), shop.entry(uid).result) == (State.SUCCEEDED, "up again")


def test_schedules_that_are_due_fire_inline(shop: Workshop) -> None:
    job = shop.noting()
    uid = shop.engine.schedules.create(schedule_of(job.name))
    run_ready(shop.engine)
    assert shop.effects() == []
    with shop.host.transaction() as session:
        session.execute(update(table).where(table.c.uid == uid).values(next_at=shop.now().replace(microsecond=0)))
    run_ready(shop.engine)
    assert shop.effects() == [7]


def schedule_of(kind: str) -> ScheduleRequest:
    return ScheduleRequest("daily", kind, Rule.cron("@daily"), {"number": 7})


def test_a_real_worker_brings_a_job_to_its_end(open_shop: Callable[..., Workshop]) -> None:
    shop = open_shop()
    job = shop.noting()
    with working(shop.engine):
        entry = settled(shop.engine, shop.submit_one(job, 3))
    assert (entry.state, shop.effects()) == (State.SUCCEEDED, [3])


def test_what_comes_to_no_end_is_said(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    with pytest.raises(TimeoutError, match=r"shop\.note is ready after 0 s"):
        settled(shop.engine, uid, within_s=0)
    with pytest.raises(NoSuchJob):
        settled(shop.engine, "0" * 32)
