"""Kinds that were renamed: what waits under the old name is run, and what nobody knows is left alone."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import Engine, Entry, Job, JobGroup, JobRequest, Rule, ScheduleRequest, State, UnknownJob
from jobs.testing import run_ready
from tests.jobs.host import SmallHost
from tests.jobs.workshop import LEASE_S, QUEUE, Workshop

OLD = "shop.old"


def group_of(shop: Workshop, name: str, **options: Any) -> tuple[JobGroup, Job]:
    def run(number: int) -> int:
        shop.note(number)
        return number

    run.__name__ = name
    group = JobGroup("shop")
    return group, group.actor(queue_name=QUEUE, **options)(run)


@pytest.fixture
def before(host: SmallHost) -> tuple[Workshop, Job]:
    """The build before the rename."""
    shop = Workshop(host)
    group, job = group_of(shop, "old")
    shop.engine.include(group)
    return shop, job


def renamed(host: SmallHost, **options: Any) -> Workshop:
    """The build after it."""
    shop = Workshop(host)
    shop.engine.include(group_of(shop, "new", aliases=(OLD,), **options)[0])
    return shop


def test_what_waits_under_the_old_name_is_run_under_the_new(host: SmallHost, before: tuple[Workshop, Job]) -> None:
    shop, job = before
    uids = shop.submit(job, 1, 2, 3)
    after = renamed(host)
    assert after.engine.has_ready(QUEUE)
    run_ready(after.engine)
    assert shop.effects() == [1, 2, 3]
    assert [(one.kind, one.state) for one in map(shop.entry, uids)] == [("shop.new", State.SUCCEEDED)] * 3


def test_a_worker_that_knows_neither_name_leaves_it_alone_and_says_so(
    host: SmallHost, before: tuple[Workshop, Job]
) -> None:
    shop, job = before
    uid = shop.submit_one(job)
    stranger = Workshop(host)
    stranger.noting("other")
    assert not stranger.engine.has_ready(QUEUE)
    run_ready(stranger.engine)
    entry = shop.entry(uid)
    assert (entry.kind, entry.state, entry.attempt) == (OLD, State.READY, 0)
    assert why(stranger, entry) == "No worker of this build knows this kind."
    assert [why(one, entry) for one in (shop, renamed(host))] == [None, None]


def why(shop: Workshop, entry: Entry) -> str | None:
    return shop.engine.inspector.why_waiting(entry)


def test_limits_hold_for_both_names_together(host: SmallHost, before: tuple[Workshop, Job]) -> None:
    shop, job = before
    shop.submit(job, 1, 2)
    after = renamed(host, most_running=1, concurrency_by="number")
    runner = after.engine.runner
    first, second = runner._claim(QUEUE), runner._claim(QUEUE)
    assert ([one.kind for one in first], second) == (["shop.new"], [])
    after.finish(first)
    assert [one.kind for one in runner._claim(QUEUE)] == ["shop.new"]


def test_a_pause_holds_for_both_names(host: SmallHost, before: tuple[Workshop, Job]) -> None:
    shop, job = before
    uid = shop.submit_one(job)
    after = renamed(host)
    after.engine.pause(("kind", "shop.new"), by="ada", reason=None)
    after.work()
    assert shop.state(uid) == State.READY
    after.engine.resume(("kind", "shop.new"))
    after.forget_lanes()
    after.work()
    assert shop.state(uid) == State.SUCCEEDED


def test_the_host_hears_the_new_name_when_it_expires(host: SmallHost, before: tuple[Workshop, Job]) -> None:
    shop, job = before
    shop.submit_one(job, 7, expires_at=shop.now())
    renamed(host).engine.relay.expire()
    assert [reason.partition(" ")[0] for reason in shop.regrets()] == ["shop.new"]


def test_a_schedule_of_the_old_name_goes_on(host: SmallHost, before: tuple[Workshop, Job]) -> None:
    shop, _ = before
    request = ScheduleRequest("hourly", OLD, Rule.every(hours=1), {"number": 5})
    schedule = shop.engine.schedules.create(request)
    after = renamed(host)
    uid = after.engine.schedules.run_now(schedule, by=None)
    run_ready(after.engine)
    assert (shop.state(uid), shop.effects()) == (State.SUCCEEDED, [5])


def test_the_old_name_asks_for_the_kind_it_has_become(host: SmallHost, before: tuple[Workshop, Job]) -> None:
    _, job = before
    after = renamed(host)
    with host.transaction() as session:
        (uid,) = after.engine.write_down(session, [JobRequest(job, {"number": 1})])
    assert after.entry(uid).kind == "shop.new"
    with pytest.raises(UnknownJob):
        after.engine.job_named("shop.older")


def test_a_name_stands_for_one_kind(host: SmallHost) -> None:
    engine = Engine(host, redis_url=None, lease_s=LEASE_S)
    shop = Workshop(host)
    engine.include(group_of(shop, "new", aliases=(OLD,))[0])
    for name, aliases in (("old", ()), ("newer", (OLD,)), ("newest", ("shop.new",))):
        with pytest.raises(ValueError, match=r"another kind is or was called shop\.(old|new)"):
            engine.include(group_of(shop, name, aliases=aliases)[0])
    with pytest.raises(ValueError, match="aliases are a list of names"):
        group_of(shop, "newest", aliases=OLD)
    assert list(engine.jobs) == ["jobs.bulk", "shop.new"]
