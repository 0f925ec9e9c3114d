"""Steering jobs: turns, ranks, keys, limits, pauses, cancellation, progress."""

import threading
from datetime import timedelta
from typing import Any, Literal

import pytest
from sqlalchemy import text, update

from jobs import BadArguments, JobRequest, Limits, Unique, UnknownJob, current
from jobs.dispatch.heartbeat import Heartbeat
from jobs.ledger import control, writer
from jobs.ledger.models import Entry
from jobs.ledger.writer import Claim
from tests.jobs.workshop import QUEUE, Workshop

Way = Literal["left", "right"]


def order(shop: Workshop) -> list[int]:
    """The numbers of everything ready, in the order in which they are claimed one by one."""
    numbers: list[int] = []
    while claims := shop.claim():
        shop.finish(claims)
        numbers += [one.args["number"] for one in claims]
    return numbers


# -- whose turn it is


def test_the_most_urgent_goes_first_and_then_the_oldest(shop: Workshop) -> None:
    job = shop.noting()
    for number, priority in enumerate([5, 9, 0, 5, 1]):
        shop.submit(job, number, priority=priority)
    assert order(shop) == [2, 4, 0, 3, 1]


def test_a_thousand_jobs_of_one_do_not_hold_up_one_of_another(shop: Workshop) -> None:
    job = shop.noting()
    shop.submit(job, *range(1_000), requested_by="user 1")
    shop.submit(job, 2_000, requested_by="user 2")
    assert order(shop)[:4] == [0, 1, 2_000, 2]


def test_two_who_ask_for_much_take_turns(shop: Workshop) -> None:
    job = shop.noting()
    shop.submit(job, 10, 11, 12, requested_by="user 1")
    shop.submit(job, 20, 21, 22, requested_by="user 2")
    assert order(shop) == [10, 11, 20, 12, 21, 22]


def test_who_asks_once_each_is_served_in_the_order_of_asking(shop: Workshop) -> None:
    job = shop.noting()
    for number in range(5):
        shop.submit(job, number, requested_by=f"user {number}")
    assert order(shop) == [0, 1, 2, 3, 4]


def test_turns_are_taken_within_a_priority_only(shop: Workshop) -> None:
    job = shop.noting()
    shop.submit(job, 1, 2, requested_by="user 1", priority=3)
    shop.submit(job, 3, requested_by="user 2", priority=4)
    assert order(shop) == [1, 2, 3]


def test_a_newcomer_does_not_starve_who_has_waited(shop: Workshop) -> None:
    """However many newcomers ask once, the turns of who asked for much come closer."""
    job = shop.noting()
    shop.submit(job, 0, 1, 2, requested_by="user 1")
    served = []
    for number in range(10, 20):
        shop.submit(job, number, requested_by=f"user {number}")
        claims = shop.claim()
        shop.finish(claims)
        served.append(claims[0].args["number"])
    assert {0, 1, 2} < set(served)


def let_wait(shop: Workshop, uid: str, minutes: int) -> None:
    moment = shop.now() - timedelta(minutes=minutes)
    with shop.host.transaction() as session:
        session.execute(update(Entry).where(Entry.uid == uid).values(ready_at=moment))


def test_what_waits_long_overtakes_what_is_more_urgent(shop: Workshop) -> None:
    job = shop.noting()
    old, new = shop.submit_one(job, 1, priority=9), shop.submit_one(job, 2, priority=8)
    let_wait(shop, old, 21)
    assert [shop.engine.relay.age(), shop.engine.relay.age(), shop.engine.relay.age()] == [1, 1, 0]
    assert (shop.entry(old).rank, shop.entry(old).priority, shop.entry(new).rank) == (7, 9, 8)
    assert order(shop) == [1, 2]


def test_a_job_that_waits_too_long_at_the_highest_rank_goes_before_all_and_stays_there(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting(), priority=0)
    let_wait(shop, uid, 10_000)
    assert (shop.engine.relay.age(), shop.engine.relay.age(), shop.entry(uid).rank) == (1, 0, -1)


def test_the_priority_of_what_waits_can_be_changed(shop: Workshop) -> None:
    job = shop.noting()
    first, second = shop.submit(job, 1, 2)
    shop.engine.reprioritise(second, 0, by="Ada")
    assert (order(shop), shop.moves(second)) == ([2, 1], ["priority 0 by Ada"])
    assert shop.moves(first) == []


@pytest.mark.parametrize("priority", [-1, 10])
def test_a_priority_beyond_the_scale_is_refused(shop: Workshop, priority: int) -> None:
    uid = shop.submit_one(shop.noting())
    with pytest.raises(ValueError, match="priority must be between 0 and 9"):
        shop.engine.reprioritise(uid, priority, by="Ada")
    assert (shop.entry(uid).priority, shop.moves(uid)) == (5, [])


# -- one stands for another


def test_while_a_job_lives_its_twin_is_the_same_job(shop: Workshop) -> None:
    job = shop.noting(unique=Unique.LIVE)
    first = shop.submit_one(job, 7)
    waiting_twin = shop.submit_one(job, 7)
    claims = shop.claim()
    running_twin = shop.submit_one(job, 7)
    shop.finish(claims, 7)
    later = shop.submit_one(job, 7)
    assert (waiting_twin, running_twin) == (first, first)
    assert later != first
    assert shop.state(first, later) == ["succeeded", "ready"]


def test_a_twin_asked_for_while_the_first_runs_runs_after_it(shop: Workshop) -> None:
    job = shop.noting(unique=Unique.WAITING)
    first = shop.submit_one(job, 7)
    assert shop.submit_one(job, 7) == first
    shop.claim()
    second = shop.submit_one(job, 7)
    assert (second != first, shop.state(second)) == (True, "ready")


def test_twins_in_one_request_are_one_job(shop: Workshop) -> None:
    job = shop.noting(unique=Unique.LIVE)
    uids = shop.submit(job, 1, 2, 1)
    assert uids[0] == uids[2] != uids[1]
    assert order(shop) == [1, 2]


def test_for_its_period_a_job_stands_for_those_asked_for_after_it(shop: Workshop) -> None:
    job = shop.noting(unique=Unique.LIVE, unique_for=3_600_000)
    first = shop.submit_one(job, 7)
    shop.work()
    assert (shop.submit_one(job, 7), shop.effects()) == (first, [7])
    with shop.host.transaction() as session:
        session.execute(text("UPDATE job_period_key SET until = (SELECT min(created_at) FROM job)"))
    second = shop.submit_one(job, 7)
    shop.work()
    assert (second != first, shop.effects()) == (True, [7, 7])


def test_a_key_of_the_callers_own_stands_beside_the_arguments(shop: Workshop) -> None:
    job = shop.noting()
    first = shop.submit_one(job, 1, unique="weekly")
    assert shop.submit_one(job, 2, unique="weekly") == first
    assert shop.submit_one(job, 2, unique="daily") != first


def test_a_rolled_back_twin_leaves_no_key(shop: Workshop) -> None:
    job = shop.noting(unique=Unique.LIVE, unique_for=60_000)
    with shop.host.transaction() as session:
        shop.engine.write_down(session, [JobRequest(job, {"number": 1})])
        session.rollback()
    uid = shop.submit_one(job, 1)
    assert shop.state(uid) == "ready"


def test_a_retry_beside_a_living_twin_gives_the_key_up(shop: Workshop) -> None:
    job = shop.noting(unique=Unique.LIVE)
    first = shop.submit_one(job, 7)
    shop.engine.cancel(first, by="Ada")
    second = shop.submit_one(job, 7)
    shop.engine.retry(first, by="Ada")
    assert shop.state(first, second) == ["ready", "ready"]


# -- not after, not now


def test_what_expired_is_cancelled_and_told(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting(), 3, expires_at=shop.now() - timedelta(seconds=1))
    assert shop.claim() == []
    assert shop.engine.relay.expire() == 1
    assert (shop.state(uid), shop.moves(uid)) == ("cancelled", ["expired by scheduler"])
    assert shop.regrets() == ["shop.note {'number': 3}: It was not started in time."]


def test_what_has_time_left_runs(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting(), 3, expires_at=shop.now() + timedelta(hours=1))
    assert shop.engine.relay.expire() == 0
    shop.work()
    assert shop.state(uid) == "succeeded"


def test_a_batch_takes_no_expired_mate(shop: Workshop) -> None:
    seen: list[list[int]] = []

    def run(numbers: list[int]) -> None:
        seen.append(numbers)

    job = shop.batched(run)
    shop.submit(job, 1)
    shop.submit(job, 2, expires_at=shop.now() - timedelta(seconds=1))
    shop.submit(job, 3)
    shop.work()
    assert seen == [[1, 3]]


# -- pauses and limits


@pytest.mark.parametrize("key", [("queue", QUEUE), ("kind", "shop.note")])
def test_a_pause_lets_nothing_start_until_it_ends(shop: Workshop, key: Any) -> None:
    uid = shop.submit_one(shop.noting())
    shop.engine.pause(key, by="Ada", reason="The disk is full.")
    shop.work()
    assert shop.state(uid) == "ready"
    with shop.host.inside():
        look = shop.engine.decided()[key]
    assert (look.is_paused, look.paused_by, look.pause_reason) == (True, "Ada", "The disk is full.")
    assert shop.engine.resume(key) is True
    shop.forget_lanes()
    shop.work()
    assert (shop.state(uid), shop.engine.resume(key)) == ("succeeded", False)


def test_a_pause_ends_by_itself_at_its_time(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    shop.engine.pause(("queue", QUEUE), by="Ada", reason=None, until=shop.now() - timedelta(seconds=1))
    shop.work()
    assert shop.state(uid) == "succeeded"


def test_a_paused_kind_does_not_hold_up_another(shop: Workshop) -> None:
    one, other = shop.submit_one(shop.noting()), shop.submit_one(shop.noting("other"))
    shop.engine.pause(("kind", "shop.note"), by="Ada", reason=None)
    shop.work()
    assert shop.state(one, other) == ["ready", "succeeded"]


def test_only_what_there_is_can_be_paused(shop: Workshop) -> None:
    with pytest.raises(UnknownJob, match="There is no queue called elsewhere"):
        shop.engine.pause(("queue", "elsewhere"), by="Ada", reason=None)


def held(shop: Workshop, queue: str = QUEUE) -> list[int]:
    """Claim as a worker does, limits and all, until nothing more is given; the numbers."""
    numbers: list[int] = []
    while claims := shop.engine.runner._claim(queue):
        numbers += [one.args["number"] for one in claims]
    return numbers


def test_no_more_run_at_a_time_than_a_kind_allows(shop: Workshop) -> None:
    job = shop.noting(most_running=2)
    shop.submit(job, 1, 2, 3)
    assert held(shop) == [1, 2]
    shop.give_back_all()
    assert held(shop) == [1, 2]


def test_no_more_run_at_a_time_than_people_decided_for_the_queue(shop: Workshop) -> None:
    one, other = shop.noting(most_running=5), shop.noting("other")
    shop.submit(one, 1, 2)
    shop.submit(other, 3, 4)
    shop.engine.limit(("queue", QUEUE), Limits(most_running=3))
    assert held(shop) == [1, 2, 3]


def test_of_one_key_one_runs_at_a_time_and_others_go_on(shop: Workshop) -> None:
    job = shop.noting(concurrency_by="number")
    shop.submit(job, 7, 7, 8)
    assert held(shop) == [7, 8]
    shop.let_time_pass()
    shop.engine.reaper.reap()
    assert held(shop) == [7, 8]


def test_a_batch_never_takes_two_of_one_key(shop: Workshop) -> None:
    seen: list[list[int]] = []

    def run(numbers: list[int]) -> None:
        seen.append(numbers)

    shop.submit(shop.batched(run, concurrency_by="numbers"), 7, 7, 8)
    shop.work()
    assert seen == [[7], [7], [8]]


def test_no_more_start_in_a_while_than_allowed(shop: Workshop) -> None:
    job = shop.noting(rate=(2, 3_600.0))
    shop.submit(job, 1, 2, 3, 4)
    assert held(shop) == [1, 2]
    with shop.host.transaction() as session:
        session.execute(text("UPDATE job_lane SET filled_at = (SELECT min(created_at) FROM job), tokens = 1"))
    assert held(shop) == [3]


# -- asked to end


class Hearing:
    """A heartbeat by hand."""

    def __init__(self, shop: Workshop) -> None:
        self._beat = Heartbeat(
            shop.host,
            name="hand",
            role="worker",
            queues=[QUEUE],
            version="",
            lease_s=30,
            interval_s=60,
            running=shop.engine.runner.running,
            sees_redis=lambda: False,
            give_back=shop.engine.runner.give_back,
        )

    def __call__(self) -> None:
        self._beat.beat()


def test_a_running_job_that_looks_ends_when_asked(shop: Workshop) -> None:
    hear = Hearing(shop)
    uids: list[str] = []

    def run(number: int) -> None:
        shop.engine.cancel(uids[0], by="Ada")
        threading.Thread(target=hear).run()
        current().check_cancelled()
        shop.note(number)

    uids.append(shop.submit_one(shop.job(run, atomic=False)))
    shop.work()
    assert (shop.state(uids[0]), shop.outcomes(uids[0]), shop.effects()) == ("cancelled", ["cancelled"], [])
    assert shop.regrets() == ["shop.run {'number': 1}: It was cancelled."]


def test_a_running_job_that_never_looks_is_interrupted(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.dispatch.heartbeat.CANCEL_GRACE_S", 0.0)
    hear = Hearing(shop)
    uids: list[str] = []
    reached: list[int] = []

    def run(number: int) -> None:
        shop.engine.cancel(uids[0], by="Ada")
        beating = threading.Thread(target=lambda: (hear(), hear()))
        beating.start()
        beating.join()
        while len(reached) < 1_000_000:
            reached.append(number)
        shop.note(number)

    uids.append(shop.submit_one(shop.job(run, atomic=False)))
    shop.work()
    assert (shop.state(uids[0]), shop.effects()) == ("cancelled", [])
    assert len(reached) < 1_000_000


def test_what_is_being_settled_is_not_interrupted_again(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.dispatch.heartbeat.CANCEL_GRACE_S", -1.0)
    hear, runner, uids = Hearing(shop), shop.engine.runner, [""]
    record = runner._record

    def record_while_a_heart_beats(one: Claim, error: BaseException) -> None:
        beating = threading.Thread(target=hear)
        beating.start()
        beating.join()
        record(one, error)

    def run(number: int) -> None:
        shop.engine.cancel(uids[0], by="Ada")
        raise ValueError("no")

    monkeypatch.setattr(runner, "_record", record_while_a_heart_beats)
    uids[0] = shop.submit_one(shop.job(run, atomic=False))
    shop.work()
    assert (shop.state(uids[0]), shop.outcomes(uids[0])) == ("cancelled", ["cancelled"])


def test_what_was_asked_to_end_and_finishes_first_has_succeeded(shop: Workshop) -> None:
    uids: list[str] = []

    def run(number: int) -> None:
        shop.note(number)

    uids.append(shop.submit_one(shop.job(run)))
    claims = shop.claim()
    assert shop.engine.cancel(uids[0], by="Ada") is False
    shop.finish(claims, 1)
    assert (shop.state(uids[0]), shop.effects()) == ("succeeded", [1])


def test_a_lost_worker_does_not_bring_back_what_was_asked_to_end(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    shop.claim()
    shop.engine.cancel(uid, by="Ada")
    shop.let_time_pass()
    assert shop.engine.reaper.reap() == 1
    assert (shop.state(uid), shop.outcomes(uid)) == ("cancelled", ["lost"])


# -- how far, and from where


def told(shop: Workshop, uid: str) -> tuple[Any, ...]:
    entry = shop.entry(uid)
    return entry.progress_current, entry.progress_total, entry.progress_note


def test_progress_is_seen_while_the_job_runs_and_its_end_always(shop: Workshop) -> None:
    seen: list[tuple[Any, ...]] = []
    uids: list[str] = []

    def run(number: int) -> None:
        for step in range(1, number + 1):
            current().progress(step, number, f"step {step}")
            if step in (1, 2):
                seen.append(told(shop, uids[0]))

    uids.append(shop.submit_one(shop.job(run, atomic=False), 500))
    shop.work()
    assert seen == [(1, 500, "step 1"), (1, 500, "step 1")], "written a few times a second, not at every step"
    assert told(shop, uids[0]) == (500, 500, "step 500")


def test_an_atomic_job_has_no_progress_to_show(shop: Workshop) -> None:
    def run(number: int) -> None:
        current().progress(number)

    uid = shop.submit_one(shop.job(run, max_retries=0))
    shop.work()
    assert str(shop.entry(uid).error_message).startswith("progress needs a job declared atomic=False")


def test_a_job_goes_on_from_its_checkpoint(shop: Workshop) -> None:
    begun_at: list[int] = []

    def run(number: int) -> None:
        start = current().checkpoint or 0
        begun_at.append(start)
        for step in range(start, number):
            with shop.host.transaction():
                shop.note(step)
                current().keep(step + 1)
            if step == 1 and start == 0:
                raise OSError("the power went")

    uid = shop.submit_one(shop.job(run, atomic=False, min_backoff=1, max_backoff=1), 4)
    shop.work()
    shop.let_time_pass()
    shop.engine.relay.promote()
    shop.work()
    assert (shop.state(uid), begun_at, shop.effects()) == ("succeeded", [0, 2], [0, 1, 2, 3])


def test_a_stopping_worker_lets_a_long_job_go_at_its_checkpoint(shop: Workshop) -> None:
    def run(number: int) -> None:
        current().keep(number)
        shop.engine.runner.stopping.set()
        current().keep(number + 1)
        shop.note(number)

    uid = shop.submit_one(shop.job(run, atomic=False), 5)
    shop.work()
    entry = shop.entry(uid)
    assert (entry.state, entry.failures, entry.interruptions, entry.checkpoint) == ("ready", 0, 1, 6)
    assert shop.effects() == []


@pytest.mark.parametrize("checkpoint", [float("nan"), object(), "x" * 100_001])
def test_a_checkpoint_that_cannot_be_kept_is_refused(shop: Workshop, checkpoint: Any) -> None:
    def run(number: int) -> None:
        current().keep(checkpoint)

    uid = shop.submit_one(shop.job(run, atomic=False, max_retries=0))
    shop.work()
    assert (shop.state(uid), shop.entry(uid).error_class) == ("dead", "ValueError")


def test_a_superseded_run_tells_no_progress(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    (one,) = shop.claim()
    shop.let_time_pass()
    shop.engine.reaper.reap()
    with pytest.raises(writer.Superseded), shop.host.transaction() as session:
        control.note_progress(session, one.id, one.owner, current=1, total=2, note=None)
    assert told(shop, uid) == (None, None, None)


# -- what a function takes


@pytest.mark.parametrize(
    ("args", "errors"),
    [
        ({}, {"number": "is missing; it must be a whole number"}),
        ({"number": "7"}, {"number": "must be a whole number"}),
        ({"number": True}, {"number": "must be a whole number"}),
        ({"number": 2**63}, {"number": "must be a whole number"}),
        ({"number": 1, "more": 2}, {"more": "is not an argument of this job"}),
        ({"number": 1, "ratio": float("nan")}, {"ratio": "must be a number"}),
        ({"number": 1, "names": ["a", 1]}, {"names": "must be a list (text each) or empty"}),
        ({"number": 1, "way": "up"}, {"way": "must be one of: left, right"}),
    ],
)
def test_a_wrong_call_fails_where_it_is_made(shop: Workshop, args: dict[str, Any], errors: dict[str, str]) -> None:
    with pytest.raises(BadArguments) as caught, shop.host.transaction() as session:
        shop.engine.write_down(session, [JobRequest(shop.job(picky), args)])
    assert (caught.value.errors, shop.claim()) == (errors, [])


def test_a_right_call_is_taken(shop: Workshop) -> None:
    with shop.host.transaction() as session:
        shop.engine.write_down(
            session, [JobRequest(shop.job(picky), {"number": 1, "ratio": 2, "names": ["a"], "way": "left"})]
        )
    assert len(shop.claim()) == 1


def picky(number: int, ratio: float = 1.0, names: list[str] | None = None, way: Way = "left") -> None:
    """Takes what it says and nothing else."""
