"""Slots that are due become jobs: each once, as its schedule's policies say, and no schedule holds up another."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from jobs import Entry, Job, Misfire, Overlap, Rule, ScheduleFire
from jobs.schedules.decision import LOOK
from jobs.schedules.shelf import schedule as table
from tests.jobs.schedules.conftest import Diary
from tests.jobs.workshop import Workshop


def test_a_slot_makes_one_job_that_knows_its_slot(diary: Diary, job: Job) -> None:
    uid = diary.due(job, number=7, priority=2, requested_by="ada")
    assert diary.fire() == 1
    made = diary.jobs(uid)
    told = [(one.kind, one.args, one.priority, one.requested_by, one.slot, one.state) for one in made]
    assert told == [(job.name, {"number": 7}, 2, "ada", diary.now, "ready")]
    assert (diary.fates(uid), diary.get(uid).next_at) == (["fired"], diary.now + timedelta(days=1))
    assert diary.fire() == 0


def test_a_schedule_without_a_priority_takes_that_of_its_kind(diary: Diary, shop: Workshop) -> None:
    uid = diary.due(shop.noting(priority=3))
    diary.fire()
    assert [one.priority for one in diary.jobs(uid)] == [3]


def test_its_jobs_go_into_the_queue_it_names_and_run_there(diary: Diary, job: Job, shop: Workshop) -> None:
    uid = diary.due(job, number=7, queue="default")
    diary.fire()
    by_hand = diary.book.run_now(uid, by=None)
    assert [one.queue for one in diary.jobs(uid)] == ["default"] * 2
    shop.work("default")
    assert (shop.effects(), diary.states(uid)) == ([7, 7], ["succeeded"] * 2)
    assert shop.entry(by_hand).queue == "default"


def test_a_queue_that_is_gone_is_told_as_its_problem(diary: Diary, job: Job) -> None:
    uid = diary.due(job)
    diary.set(uid, queue="gone")
    assert (diary.fire(), diary.fates(uid)) == (0, ["failed"])
    assert diary.get(uid).problem == "UnknownJob: There is no queue called gone."


def test_its_job_runs(diary: Diary, job: Job, shop: Workshop) -> None:
    uid = diary.due(job, number=7)
    diary.fire()
    shop.work()
    assert (shop.effects(), diary.states(uid)) == ([7], ["succeeded"])


def test_the_slots_record_names_the_job(diary: Diary, job: Job, shop: Workshop) -> None:
    uid = diary.due(job)
    diary.fire()
    with shop.host.inside():
        fires = [(one.slot, one.job_uid) for one in diary.book.fires(uid)]
    assert fires == [(diary.now, diary.jobs(uid)[0].uid)]


@pytest.mark.parametrize("times", [1, 2, 3, 10])
def test_a_rule_of_n_times_fires_exactly_n_times(diary: Diary, job: Job, times: int) -> None:
    first = diary.ago(seconds=30)
    uid = diary.make(Rule.every(seconds=1, starts_at=first, most_times=times), job)
    diary.set(uid, next_at=first)
    diary.fire()
    expected = [first + timedelta(seconds=number) for number in range(times)]
    assert ([one.slot for one in diary.jobs(uid)], diary.get(uid).fired) == (expected, times)
    assert diary.get(uid).next_at is None


def test_n_times_holds_over_many_sweeps(diary: Diary, job: Job) -> None:
    uid = diary.make(Rule.every(hours=1, most_times=3), job)
    for number in range(6):
        if diary.get(uid).next_at is not None:
            diary.set(uid, next_at=diary.ago(seconds=number))
        diary.fire()
    assert (len(diary.jobs(uid)), diary.get(uid).fired, diary.get(uid).next_at) == (3, 3, None)


@pytest.mark.parametrize(
    ("options", "fates"),
    [
        ({"misfire": Misfire.SKIP}, ["skipped_late"] * 6),
        ({"misfire": Misfire.ONE}, ["skipped_late"] * 5 + ["fired"]),
        ({"misfire": Misfire.ALL, "most_missed": 4}, ["skipped_late"] * 2 + ["fired"] * 4),
        ({"misfire": Misfire.ALL, "most_missed": 100}, ["fired"] * 6),
    ],
    ids=["skip", "one", "up to four", "all"],
)
def test_after_an_hour_away_each_schedule_does_what_its_policy_says(
    diary: Diary, job: Job, options: dict[str, Any], fates: list[str]
) -> None:
    uid = diary.missed(job, **options)
    assert diary.fire() == fates.count("fired")
    assert diary.slots(uid) == [diary.ago(minutes=5 + 10 * number) for number in range(5, -1, -1)]
    assert (diary.fates(uid), len(diary.jobs(uid))) == (fates, fates.count("fired"))
    assert diary.get(uid).next_at == diary.now + timedelta(minutes=5)


def test_a_slot_on_time_makes_up_for_the_missed_ones(diary: Diary, job: Job) -> None:
    first = diary.ago(minutes=30)
    uid = diary.make(Rule.every(minutes=10, starts_at=first), job)
    diary.set(uid, next_at=first)
    diary.fire()
    assert diary.fates(uid) == ["skipped_late", "skipped_late", "skipped_late", "fired"]


def test_thousands_of_missed_slots_are_recorded_in_several_goes(diary: Diary, job: Job) -> None:
    first = diary.ago(minutes=20)
    uid = diary.make(Rule.every(seconds=2, starts_at=first), job, misfire=Misfire.ALL, most_missed=100)
    diary.set(uid, next_at=first)
    diary.fire()
    fates = diary.fates(uid)
    on_time = sum(diary.now - slot <= timedelta(seconds=60) for slot in diary.slots(uid))
    assert len(fates) > LOOK
    assert len(fates) == len(set(diary.slots(uid))) == (diary.slots(uid)[-1] - first).total_seconds() // 2 + 1
    assert fates.count("fired") in range(100 + on_time - 3, 100 + on_time + 4)
    assert fates == sorted(fates, reverse=True)


def test_overlap_may_be_allowed(diary: Diary, job: Job) -> None:
    uid = diary.missed(job, misfire=Misfire.ALL, slots=3)
    diary.fire()
    assert (diary.fates(uid), diary.states(uid)) == (["fired"] * 3, ["ready"] * 3)


def test_overlap_may_skip(diary: Diary, job: Job, shop: Workshop) -> None:
    uid = diary.missed(job, misfire=Misfire.ALL, slots=3, overlap=Overlap.SKIP)
    diary.fire()
    assert (diary.fates(uid), diary.states(uid)) == (["fired", "skipped_overlap", "skipped_overlap"], ["ready"])
    shop.work()
    diary.set(uid, next_at=diary.now)
    diary.fire()
    assert diary.states(uid) == ["succeeded", "ready"]


def test_overlap_may_queue_one_that_starts_when_the_other_ended(diary: Diary, job: Job, shop: Workshop) -> None:
    uid = diary.missed(job, misfire=Misfire.ALL, slots=3, overlap=Overlap.QUEUE_ONE)
    diary.fire()
    assert (diary.fates(uid), diary.states(uid)) == (["fired", "queued", "skipped_overlap"], ["ready"])
    claims = shop.claim()
    assert diary.fire() == 0
    shop.finish(claims)
    assert diary.fire() == 1
    assert (diary.states(uid), diary.jobs(uid)[1].slot) == (["succeeded", "ready"], diary.slots(uid)[1])
    assert (diary.get(uid).queued_slot, diary.get(uid).fired) == (None, 2)
    assert diary.fire() == 0


def test_overlap_may_replace_what_waits(diary: Diary, job: Job, shop: Workshop) -> None:
    uid = diary.due(job, overlap=Overlap.REPLACE)
    diary.fire()
    diary.set(uid, next_at=diary.ago(seconds=-1))
    while not diary.fire():
        pass
    assert (diary.fates(uid), diary.states(uid)) == (["fired", "replaced"], ["cancelled", "ready"])
    assert shop.moves(diary.jobs(uid)[0].uid) == ["cancelled by schedule"]
    assert shop.regrets() == ["shop.note {'number': 1}: It was cancelled."]


def test_overlap_may_ask_what_runs_to_end(diary: Diary, job: Job, shop: Workshop) -> None:
    uid = diary.due(job, overlap=Overlap.REPLACE)
    diary.fire()
    shop.claim()
    diary.set(uid, next_at=diary.ago(seconds=-1))
    while not diary.fire():
        pass
    assert (diary.fates(uid), diary.states(uid)) == (["fired", "replaced"], ["running", "ready"])
    first = diary.jobs(uid)[0]
    assert (first.cancel_requested_at is not None, first.cancel_requested_by) == (True, "schedule")


def test_a_paused_schedule_does_not_fire(diary: Diary, job: Job) -> None:
    uid = diary.due(job)
    diary.book.pause(uid, by="ada", reason="holidays")
    assert (diary.fire(), diary.fates(uid)) == (0, [])


def notes(diary: Diary, uid: str) -> list[str | None]:
    with diary.shop.host.inside():
        return [one.note for one in reversed(diary.book.fires(uid, limit=10_000))]


def test_every_slot_of_a_broken_schedule_is_recorded(diary: Diary, job: Job) -> None:
    uid = diary.missed(job, slots=12)
    diary.set(uid, kind="shop.gone")
    diary.fire()
    assert (diary.fates(uid), diary.jobs(uid)) == (["failed"] * 12, [])
    assert notes(diary, uid) == ["UnknownJob: No job is called shop.gone."] * 12
    assert diary.get(uid).next_at == diary.ago(minutes=-5)


def test_every_slot_that_passed_during_a_pause_is_recorded(diary: Diary, job: Job) -> None:
    uid = diary.missed(job, slots=12)
    diary.book.pause(uid, by="ada", reason="holidays")
    diary.fire()
    diary.book.resume(uid, by="ada")
    diary.fire()
    assert (diary.fates(uid), diary.jobs(uid)) == (["skipped_late"] * 12, [])
    assert notes(diary, uid) == ["The schedule was paused."] * 12
    assert diary.get(uid).next_at == diary.ago(minutes=-5)


def test_a_new_rule_during_a_pause_leaves_the_slots_of_the_old_one_recorded(diary: Diary, job: Job) -> None:
    uid = diary.missed(job, slots=3)
    diary.book.pause(uid, by="ada", reason=None)
    diary.book.change(uid, rule=Rule.every(days=1))
    diary.book.resume(uid, by="ada")
    assert diary.fates(uid) == ["skipped_late"] * 3


@pytest.mark.parametrize(("slots", "others"), [(101, "1"), (1_000, "900"), (100_000, "more than 900")])
def test_of_very_many_passed_slots_the_last_row_says_how_many_more(
    diary: Diary, job: Job, slots: int, others: str
) -> None:
    first = diary.ago(minutes=slots - 0.5)
    uid = diary.make(Rule.every(minutes=1, starts_at=first), job)
    diary.set(uid, next_at=first, kind="shop.gone")
    diary.fire()
    told = notes(diary, uid)
    assert (len(told), set(told[:-1])) == (100, {"UnknownJob: No job is called shop.gone."})
    assert told[-1] == f"UnknownJob: No job is called shop.gone. So it was with {others} others after it."


def test_broken_schedules_are_marked_and_hold_nobody_up(diary: Diary, job: Job, shop: Workshop) -> None:
    broken = [diary.due(job) for _ in range(4)]
    diary.set(broken[0], kind="shop.gone")
    diary.set(broken[1], args={"nonsense": 1})
    diary.set(broken[2], rule_kind="rrule", rule_text="FREQ=NEVER")
    diary.set(broken[3], zone="Nowhere/Nothing")
    healthy = [diary.due(job) for _ in range(3)]
    assert diary.fire() == 3
    assert [diary.fates(uid) for uid in healthy] == [["fired"]] * 3
    assert [diary.fates(uid) for uid in broken] == [["failed"]] * 4
    problems = [diary.get(uid).problem for uid in broken]
    assert [(one or "").split(":")[0] for one in problems] == ["UnknownJob", "BadArguments", "ValueError", "ValueError"]
    moved_on = [diary.get(uid).next_at for uid in broken]
    assert moved_on[:2] == [diary.now + timedelta(days=1)] * 2
    assert all(moment is not None and moment > diary.now + timedelta(minutes=4) for moment in moved_on[2:])
    assert diary.fire() == 0


def test_what_the_database_refuses_holds_up_only_its_own_schedule(diary: Diary, job: Job, shop: Workshop) -> None:
    def refuse(request: Any) -> None:
        if request.args == {"number": 13}:
            raise ValueError("thirteen")

    write_down = shop.engine.write_down

    def writes(session: Any, requests: Any) -> list[str]:
        uids = write_down(session, requests)
        for one in requests:
            refuse(one)
        return uids

    shop.engine.firing._write_down = writes
    uids = [diary.due(job, number=number) for number in (12, 13, 14)]
    assert diary.fire() == 2
    assert [diary.fates(uid) for uid in uids] == [["fired"], ["failed"], ["fired"]]
    assert [len(diary.jobs(uid)) for uid in uids] == [1, 0, 1]
    assert diary.get(uids[1]).problem == "ValueError: thirteen"


def test_a_mended_schedule_loses_its_problem(diary: Diary, job: Job) -> None:
    uid = diary.due(job)
    diary.set(uid, problem="ValueError: it was broken")
    diary.fire()
    assert diary.get(uid).problem is None


def test_a_hundred_that_are_not_due_do_not_hold_up_the_one_that_is(diary: Diary, job: Job) -> None:
    for _ in range(100):
        diary.make(Rule.every(days=1), job)
    uid = diary.due(job)
    assert (diary.fire(), diary.fates(uid)) == (1, ["fired"])


def test_more_schedules_than_one_transaction_takes(diary: Diary, job: Job, shop: Workshop) -> None:
    uids = [diary.due(job, number=number) for number in range(25)]
    assert shop.engine.firing.fire_due(limit=10) == 25
    assert [diary.fates(uid) for uid in uids] == [["fired"]] * 25


def test_a_slot_that_fired_never_fires_again_whatever_the_clock_does(diary: Diary, job: Job) -> None:
    uid = diary.due(job)
    diary.fire()
    diary.set(uid, next_at=diary.now)
    assert diary.fire() == 0
    assert (diary.fates(uid), len(diary.jobs(uid))) == (["fired"], 1)


def test_many_schedulers_at_once_make_one_job_a_slot(diary: Diary, job: Job, shop: Workshop) -> None:
    uids = [diary.missed(job, slots=5, misfire=Misfire.ALL) for _ in range(20)]
    with ThreadPoolExecutor(5) as schedulers:
        made = list(schedulers.map(lambda _: shop.engine.firing.fire_due(limit=3), range(5)))
    assert sum(made) == 100
    assert [len(diary.jobs(uid)) for uid in uids] == [5] * 20
    slots = [(one.schedule_id, one.slot) for one in diary.all_jobs()]
    assert len(slots) == len(set(slots)) == 100


def test_the_second_scheduler_finds_nothing_while_the_first_has_not_committed(
    diary: Diary, job: Job, shop: Workshop
) -> None:
    uid = diary.due(job)
    with ThreadPoolExecutor(1) as pool:
        with shop.host.transaction():
            assert diary.fire() == 1
            second = pool.submit(diary.fire)
        assert second.result(timeout=10) == 0
    assert (diary.fates(uid), len(diary.jobs(uid))) == (["fired"], 1)


def test_jitter_puts_the_run_off_and_not_the_slot(diary: Diary, job: Job) -> None:
    uids = [diary.due(job, rule=Rule.every(days=1, starts_at=diary.now, jitter_s=3_600)) for _ in range(8)]
    diary.fire()
    made = [one for uid in uids for one in diary.jobs(uid)]
    assert [one.slot for one in made] == [diary.now] * 8
    delays_s = [(one.run_at - diary.now).total_seconds() for one in made if one.run_at is not None]
    assert len(set(delays_s)) == len(delays_s) >= 7
    assert all(0 <= delay_s <= 3_600 for delay_s in delays_s)


def test_the_engine_fires_schedules_every_second(shop: Workshop) -> None:
    assert [one.every_s for one in shop.engine.sweeps() if one.name == "fire due schedules"] == [1]


@pytest.mark.slow
def test_ten_thousand_schedules_at_once(diary: Diary, job: Job, shop: Workshop) -> None:
    values = {"rule_kind": "cron", "rule_text": "@hourly", "kind": job.name, "args": {"number": 1}}
    rows = [{**values, "uid": f"{n:032x}", "name": str(n), "next_at": diary.now} for n in range(10_000)]
    with shop.host.transaction() as session:
        session.execute(insert(table), rows)
    began = time.monotonic()
    assert diary.fire() == 10_000
    assert time.monotonic() - began < 30
    with shop.host.inside():
        reading = shop.host.reading()
        assert (
            reading.scalar(select(func.count()).select_from(ScheduleFire).where(ScheduleFire.job_uid.is_not(None)))
            == 10_000
        )
        assert reading.scalar(select(func.count(func.distinct(Entry.schedule_id)))) == 10_000
