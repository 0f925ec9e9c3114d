"""Jobs in another queue than their kind's: put there when they are asked for, or moved there while they wait."""

import pytest

from jobs import JobRequest, NoSuchJob, UnknownJob, Wanted, WrongState
from jobs.testing import run_ready, working
from tests.jobs.workshop import QUEUE, Workshop

OTHER = "other"


@pytest.fixture
def two_queues(shop: Workshop) -> Workshop:
    """A workshop with a kind in each of two queues."""
    shop.noting("there", queue=OTHER)
    return shop


def test_a_moved_job_is_run_by_workers_of_its_new_queue_alone(two_queues: Workshop) -> None:
    shop = two_queues
    note = shop.noting()
    first, second = shop.submit(note, 1, 2)
    shop.engine.move(first, OTHER, by="ada")
    assert shop.moves(first) == ["queue other by ada"]
    shop.forget_lanes()
    shop.work(QUEUE)
    assert (shop.effects(), shop.state(first, second)) == ([2], ["ready", "succeeded"])
    shop.work(OTHER)
    assert (shop.effects(), shop.state(first)) == ([1, 2], "succeeded")


def test_a_job_is_put_into_a_queue_when_it_is_asked_for(two_queues: Workshop) -> None:
    shop = two_queues
    note = shop.noting()
    uid = shop.submit_one(note, queue=OTHER)
    assert shop.entry(uid).queue == OTHER
    shop.forget_lanes()
    shop.work(QUEUE)
    assert shop.effects() == []
    shop.work(OTHER)
    assert shop.effects() == [1]


def test_a_moved_job_that_fails_is_tried_again_where_it_is(two_queues: Workshop) -> None:
    shop = two_queues
    tries: list[int] = []

    def stumble(number: int) -> None:
        tries.append(number)
        if len(tries) == 1:
            raise RuntimeError("once")

    uid = shop.submit_one(shop.job(stumble))
    shop.engine.move(uid, OTHER, by=None)
    shop.forget_lanes()
    shop.work(OTHER)
    assert (shop.state(uid), shop.entry(uid).queue) == ("scheduled", OTHER)
    shop.let_time_pass()
    shop.engine.relay.promote()
    shop.work(QUEUE)
    assert len(tries) == 1
    shop.work(OTHER)
    assert (shop.state(uid), len(tries)) == ("succeeded", 2)


def test_the_relay_wakes_workers_for_what_was_moved(two_queues: Workshop) -> None:
    shop = two_queues
    shop.engine.move(shop.submit_one(shop.noting()), OTHER, by=None)
    woken: list[tuple[str, int]] = []
    shop.engine.relay._wake = lambda queue, count: woken.append((queue, count))
    shop.engine.relay.top_up()
    assert woken == [(OTHER, 1)]


def test_a_pause_of_the_new_queue_or_of_the_kind_holds_a_moved_job(two_queues: Workshop) -> None:
    shop = two_queues
    uid = shop.submit_one(shop.noting(), queue=OTHER)
    for key in (("queue", OTHER), ("kind", "shop.note")):
        shop.engine.pause(key, by="ada", reason=None)
        shop.forget_lanes()
        shop.work(OTHER)
        assert shop.state(uid) == "ready", key
        shop.engine.resume(key, by="ada")
    shop.forget_lanes()
    shop.work(OTHER)
    assert shop.state(uid) == "succeeded"


def test_a_limit_of_the_kind_holds_in_another_queue_too(two_queues: Workshop) -> None:
    shop = two_queues
    note = shop.noting(most_running=1)
    shop.submit(note, 1)
    assert [len(shop.claim(QUEUE))] == [1]
    uid = shop.submit_one(note, 2, queue=OTHER)
    shop.forget_lanes()
    shop.work(OTHER)
    assert shop.state(uid) == "ready"


def test_only_queues_of_declared_kinds_can_be_chosen(two_queues: Workshop) -> None:
    shop = two_queues
    note = shop.noting()
    uid = shop.submit_one(note)
    with pytest.raises(UnknownJob, match="no queue called nowhere"):
        shop.engine.move(uid, "nowhere", by=None)
    with pytest.raises(UnknownJob, match="no queue called nowhere"):
        shop.submit_one(note, queue="nowhere")
    with pytest.raises(NoSuchJob):
        shop.engine.move("0" * 32, OTHER, by=None)
    assert shop.entry(uid).queue == QUEUE


def test_what_runs_or_is_over_is_not_moved(two_queues: Workshop) -> None:
    shop = two_queues
    uid = shop.submit_one(shop.noting())
    claims = shop.claim()
    with pytest.raises(WrongState, match="running"):
        shop.engine.move(uid, OTHER, by=None)
    shop.finish(claims)
    with pytest.raises(WrongState, match="succeeded"):
        shop.engine.move(uid, OTHER, by=None)
    assert shop.entry(uid).queue == QUEUE


def test_a_moved_job_takes_its_turn_among_those_of_its_new_queue(two_queues: Workshop) -> None:
    shop = two_queues
    note, there = shop.noting(), shop.engine.jobs["shop.there"]
    theirs = shop.submit(there, 1, 2, 3, requested_by="ada")
    moved = shop.submit(note, 4, 5, 6, requested_by="ben")[-1]
    third = shop.submit(note, 7, requested_by="ada")[0]
    for uid in (moved, third):
        shop.engine.move(uid, OTHER, by=None)
    turns = {uid: shop.entry(uid).turn for uid in (*theirs, moved, third)}
    assert [turns[uid] for uid in theirs] == [1, 2, 3]
    assert (turns[moved], turns[third]) == (2, 4)


def test_moved_jobs_are_listed_in_their_new_queue(two_queues: Workshop) -> None:
    shop = two_queues
    note = shop.noting()
    uid, stays = shop.submit(note, 1, 2)
    shop.engine.move(uid, OTHER, by=None)
    with shop.host.inside():
        pages = {queue: shop.engine.inspector.page(Wanted(queue=queue))[0] for queue in (QUEUE, OTHER)}
    assert {queue: [one.uid for one in entries] for queue, entries in pages.items()} == {QUEUE: [stays], OTHER: [uid]}


@pytest.mark.timeout(60)
def test_a_real_worker_hears_of_moved_jobs(open_shop: Workshop) -> None:
    shop = open_shop()  # type: ignore[operator]
    shop.noting("there", queue=OTHER)
    note = shop.noting()
    with working(shop.engine):
        with shop.host.transaction() as session:
            uid = shop.engine.write_down(session, [JobRequest(note, {"number": 1}, queue=OTHER)])[0]
        shop.engine.relay.top_up()
        with shop.host.inside():
            assert shop.engine.inspector.wait(uid, seconds=30, until=lambda: shop.engine.relay.top_up() is not None)
    assert shop.effects() == [1]


def test_run_ready_runs_what_was_moved(two_queues: Workshop) -> None:
    shop = two_queues
    uid = shop.submit_one(shop.noting(), queue=OTHER)
    shop.forget_lanes()
    run_ready(shop.engine)
    assert shop.state(uid) == "succeeded"
