"""Taking back jobs from workers that died."""

import time
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from jobs import Action, BulkRequest, Entry, Selection
from jobs.dispatch.reaper import Reaper
from jobs.dispatch.telling import Regrets
from tests.jobs.host import SmallHost
from tests.jobs.workshop import QUEUE, Workshop


def test_a_rescued_job_runs_again_as_another_attempt(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    shop.claim()
    shop.let_time_pass()
    assert shop.engine.reaper.reap() == 1
    shop.work()
    assert (shop.state(uid), shop.entry(uid).attempt, shop.effects()) == ("succeeded", 2, [1])
    lost, succeeded = shop.attempts(uid)
    assert (lost.outcome, lost.error_class, lost.worker) == ("lost", "WorkerLost", "hand")
    assert succeeded.outcome == "succeeded"


def test_a_rescued_job_has_lost_no_try(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    shop.claim()
    shop.let_time_pass()
    shop.engine.reaper.reap()
    assert (shop.entry(uid).failures, shop.entry(uid).crashes) == (0, 1)


def test_a_parked_job_is_told_to_the_host(shop: Workshop) -> None:
    shop.submit_one(shop.noting(), 8)
    for _ in range(3):
        assert shop.regrets() == []
        shop.claim()
        shop.let_time_pass()
        shop.engine.reaper.reap()
        shop.let_time_pass()
        shop.engine.relay.promote()
    assert shop.regrets() == ["shop.note {'number': 8}: The worker died three times running it."]


def lose_three_workers(shop: Workshop) -> None:
    for _ in range(3):
        while shop.claim():
            pass
        shop.let_time_pass()
        shop.engine.reaper.reap()
        shop.let_time_pass()
        shop.engine.relay.promote()


def test_jobs_of_a_kind_that_lost_their_workers_are_one_error_and_retried_together(shop: Workshop) -> None:
    """One of them had failed before, with an error of its own."""
    first, second = shop.submit(shop.noting(), 1, 2)
    third = shop.submit_one(shop.noting("other"), 3)
    with shop.host.transaction() as session:
        before = {"error_class": "ValueError", "error_fingerprint": "0123456789abcdef", "error_version": "1"}
        session.execute(update(Entry).where(Entry.uid == first).values(**before))
    lose_three_workers(shop)
    prints = [shop.entry(uid).error_fingerprint for uid in (first, second, third)]
    assert [shop.entry(uid).error_version for uid in (first, second, third)] == [None, None, None]
    assert shop.state(first, second, third) == ["parked", "parked", "parked"]
    assert prints[0] == prints[1] != prints[2]
    with shop.host.inside():
        groups = {one.fingerprint: one.count for one in shop.engine.inspector.errors()}
    assert groups == {prints[0]: 2, prints[2]: 1}
    wanted = BulkRequest(Action.RETRY, Selection(fingerprint=prints[0]))
    shop.engine.bulk.start(wanted, by="ops")
    shop.work(shop.engine.bulk.job.queue_name)
    assert shop.state(first, second, third) == ["ready", "ready", "parked"]


def test_the_queues_of_rescued_jobs_are_woken(shop: Workshop) -> None:
    woken: list[Any] = []
    shop.submit(shop.batched(lambda numbers: None), 1, 2)
    shop.claim()
    shop.let_time_pass()
    engine = shop.engine
    reaper = Reaper(
        shop.host,
        lambda *told: woken.append(told),
        lease_s=5,
        observer=engine.observer,
        steps=engine.workflows,
        regret=Regrets(shop.host, engine.jobs),
    )
    assert reaper.reap() == 2
    assert woken == [(QUEUE, 1), (QUEUE, 1)]


def test_after_an_outage_it_waits_a_lease_before_it_takes_anything(
    host: SmallHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Workshop(host, lease_s=0.3)
    uid = shop.submit_one(shop.noting())
    shop.claim()
    shop.let_time_pass()
    away = SmallHost("sqlite:////nonexistent/none.db")
    with monkeypatch.context() as broken:
        broken.setattr(host, "database", away.database)
        broken.setattr(host, "autocommit", away.autocommit)
        with pytest.raises(SQLAlchemyError):
            shop.engine.reaper.reap()
        time.sleep(0.2)
        with pytest.raises(SQLAlchemyError):
            shop.engine.reaper.reap()
    time.sleep(0.15)  # more than a lease since it was seen to be away for the first time, less since the last
    assert (shop.engine.reaper.reap(), shop.state(uid)) == (0, "running")
    time.sleep(0.35)
    assert (shop.engine.reaper.reap(), shop.state(uid)) == (1, "ready")
