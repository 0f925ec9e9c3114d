"""What people and operators can do with schedules."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from jobs import BadArguments, Job, Misfire, NameTaken, NoSuchSchedule, Overlap, Rule, ScheduleRequest, UnknownJob
from tests.jobs.schedules.conftest import Diary
from tests.jobs.workshop import Workshop


def test_a_schedule_is_what_was_asked_for(diary: Diary, job: Job) -> None:
    rule = Rule.cron("30 7 * * 1-5", zone="Europe/Berlin", jitter_s=30, most_times=9)
    uid = diary.make(rule, job, 4, requested_by="ada", priority=1, misfire=Misfire.SKIP, overlap=Overlap.SKIP)
    one = diary.get(uid)
    assert (one.rule, one.kind, one.args, one.requested_by, one.priority) == (rule, job.name, {"number": 4}, "ada", 1)
    assert (one.misfire, one.overlap, one.fired, one.is_paused) == ("skip", "skip", 0, False)
    with diary.shop.host.inside():
        words, slots = diary.book.preview(uid)
    assert words == "On weekdays at 07:30 (Europe/Berlin), at most 9 times"
    assert (len(slots), slots[0].at) == (9, one.next_at)


def test_a_length_without_a_start_begins_when_it_is_made(diary: Diary, job: Job) -> None:
    one = diary.get(diary.make(Rule.every(hours=3), job))
    assert one.starts_at is not None
    assert one.next_at == one.starts_at + timedelta(hours=3)
    assert timedelta(0) <= one.starts_at - diary.now <= timedelta(seconds=10)


def test_a_rule_can_be_previewed_before_it_is_a_schedule(diary: Diary) -> None:
    with diary.shop.host.inside():
        words, slots = diary.book.preview(Rule.every(days=2), count=3)
    assert words.startswith("Every 2 days at ")
    assert [later.at - one.at for one, later in pairwise(slots)] == [timedelta(days=2)] * 2


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"name": " "}, ValueError, "name: between 1 and 80"),
        ({"name": "x" * 81}, ValueError, "name: between 1 and 80"),
        ({"name": "a\x00b"}, ValueError, "name: between 1 and 80"),
        ({"kind": "shop.gone"}, UnknownJob, "No job is called shop.gone"),
        ({"args": {"nonsense": 1}}, BadArguments, "nonsense"),
        ({"args": {"number": "seven"}}, BadArguments, "number"),
        ({"priority": 10}, ValueError, "priority: must be between 0 and 9"),
        ({"queue": "nothing"}, ValueError, "queue: choose one of: default, work"),
        ({"misfire": "never"}, ValueError, "misfire: must be one of skip, one, all"),
        ({"overlap": "never"}, ValueError, "overlap: must be one of allow, skip, queue_one, replace"),
        ({"most_missed": 0}, ValueError, "most_missed: must be between 1 and 100"),
        ({"rule": Rule("once", "2020-01-01T00:00:00Z")}, ValueError, "rule: it has no run to come"),
        ({"rule": Rule("rrule", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")}, ValueError, "rrule: no run"),
    ],
)
def test_a_wrong_schedule_is_refused_and_nothing_is_written(
    diary: Diary, job: Job, options: dict[str, Any], error: type[Exception], said: str
) -> None:
    asked: dict[str, Any] = {"name": "n", "kind": job.name, "rule": Rule.cron("@daily"), "args": {"number": 1}}
    with pytest.raises(error, match=said):
        diary.book.create(ScheduleRequest(**{**asked, **options}))
    with diary.shop.host.inside():
        assert list(diary.book.page()) == []


def test_a_name_is_one_owners_own(diary: Diary, job: Job) -> None:
    request = ScheduleRequest("reports", job.name, Rule.cron("@daily"), {"number": 1})
    for owner in ("ada", "ben", None):
        diary.book.create(request, requested_by=owner)
    for owner in ("ada", None):
        with pytest.raises(NameTaken, match="a schedule called reports"):
            diary.book.create(request, requested_by=owner)
    with diary.shop.host.inside():
        assert [one.requested_by for one in diary.book.page()] == ["", "ben", "ada"]
        assert [one.requested_by for one in diary.book.page(requested_by="ada")] == ["ada"]


def test_a_change_keeps_what_it_does_not_name(diary: Diary, job: Job) -> None:
    uid = diary.make(Rule.every(hours=3), job, 4, priority=2)
    before = diary.get(uid)
    diary.book.change(uid, name="renamed", args={"number": 5})
    after = diary.get(uid)
    assert (after.name, after.args, after.priority, after.rule) == ("renamed", {"number": 5}, 2, before.rule)
    assert after.next_at == before.next_at


def test_a_new_rule_begins_now(diary: Diary, job: Job) -> None:
    uid = diary.missed(job)
    diary.book.change(uid, rule=Rule.every(minutes=5))
    one = diary.get(uid)
    assert one.starts_at is not None
    assert one.next_at == one.starts_at + timedelta(minutes=5)
    assert diary.fire() == 0


def test_a_new_rule_that_has_fired_often_enough_is_over(diary: Diary, job: Job) -> None:
    uid = diary.due(job)
    diary.fire()
    diary.book.change(uid, rule=Rule.every(hours=1, most_times=1))
    assert diary.get(uid).next_at is None


def test_a_schedule_that_is_over_can_be_renamed(diary: Diary, job: Job) -> None:
    uid = diary.due(job, rule=Rule.every(days=1, most_times=1))
    diary.fire()
    diary.book.change(uid, name="renamed")
    assert (diary.get(uid).name, diary.get(uid).next_at, diary.fates(uid)) == ("renamed", None, ["fired"])


def test_a_broken_rule_can_be_mended(diary: Diary, job: Job) -> None:
    uid = diary.due(job)
    diary.set(uid, rule_kind="rrule", rule_text="FREQ=NEVER")
    diary.fire()
    assert (diary.get(uid).problem or "").startswith("ValueError: rrule: FREQ must be one of")
    diary.book.change(uid, rule=Rule.every(hours=1))
    one = diary.get(uid)
    assert (one.problem, one.rule.text, one.next_at) == (None, "1 hour", one.starts_at + timedelta(hours=1))  # type: ignore[operator]


def test_a_broken_schedule_can_be_resumed_and_says_what_is_wrong(diary: Diary, job: Job) -> None:
    uid = diary.make(Rule.every(hours=1), job)
    diary.set(uid, zone="Nowhere/Nothing")
    diary.book.pause(uid, by="ada")
    diary.book.resume(uid)
    assert (diary.fire(), diary.fates(uid)) == (0, ["failed"])


def test_a_wrong_change_changes_nothing(diary: Diary, job: Job) -> None:
    uid = diary.make(Rule.every(hours=3), job)
    with pytest.raises(ValueError, match="priority: must be between"):
        diary.book.change(uid, priority=10)
    assert diary.get(uid).priority is None


def test_a_pause_has_a_reason_and_what_passes_meanwhile_is_skipped(diary: Diary, job: Job) -> None:
    uid = diary.missed(job, misfire=Misfire.ALL)
    diary.book.pause(uid, by="ada", reason="holidays")
    diary.book.pause(uid, by="ben", reason="again")
    one = diary.get(uid)
    assert (one.is_paused, one.paused_by, one.pause_reason) == (True, "ada", "holidays")
    assert diary.fire() == 0
    diary.book.resume(uid)
    one = diary.get(uid)
    assert (one.is_paused, one.paused_by, one.pause_reason) == (False, None, None)
    assert one.next_at == diary.now + timedelta(minutes=5)
    assert (diary.fire(), diary.fates(uid)) == (0, ["skipped_late"] * 6)


def test_a_deleted_schedule_leaves_its_jobs(diary: Diary, job: Job, shop: Workshop) -> None:
    uid, other = diary.due(job), diary.due(job, number=2)
    diary.fire()
    made = diary.jobs(uid)[0]
    diary.book.delete(uid)
    with pytest.raises(NoSuchSchedule):
        diary.get(uid)
    left = shop.entry(made.uid)
    assert (left.state, left.schedule_id, left.slot) == ("ready", None, diary.now)
    assert (diary.fates(other), len(diary.jobs(other))) == (["fired"], 1)
    shop.work()
    assert shop.effects() == [1, 2]


def test_it_can_run_now_beside_its_slots(diary: Diary, job: Job) -> None:
    uid = diary.make(Rule.every(hours=3, most_times=2), job)
    before = diary.get(uid)
    diary.book.pause(uid, by=None)
    made = diary.book.run_now(uid, by="ada")
    assert [(one.uid, one.state) for one in diary.jobs(uid)] == [(made, "ready")]
    with diary.shop.host.inside():
        fires = [(one.outcome, one.job_uid, one.note) for one in diary.book.fires(uid)]
    assert fires == [("fired", made, "by hand, by ada")]
    assert (diary.get(uid).fired, diary.get(uid).next_at) == (0, before.next_at)


def test_backfilling_makes_only_what_never_fired(diary: Diary, job: Job) -> None:
    uid = diary.missed(job)
    diary.fire()
    since = diary.slots(uid)[0]
    made = diary.book.backfill(uid, since=since, until=diary.now, by="ada")
    assert [slot for slot, _ in made] == diary.slots(uid)[:5]
    assert diary.fates(uid) == ["fired"] * 6
    assert [one.slot for one in diary.jobs(uid)] == [diary.slots(uid)[5], *diary.slots(uid)[:5]]
    assert diary.book.backfill(uid, since=since, until=diary.now, by="ada") == []
    assert (len(diary.jobs(uid)), diary.get(uid).fired) == (6, 1)


def test_backfilling_may_come_before_the_sweep(diary: Diary, job: Job) -> None:
    uid = diary.missed(job, misfire=Misfire.ALL)
    first = diary.ago(minutes=55)
    diary.book.backfill(uid, since=first, until=diary.ago(minutes=20), by=None)
    assert diary.fire() == 2
    assert (diary.fates(uid), len(diary.jobs(uid))) == (["fired"] * 6, 6)


def test_backfilling_is_bounded_and_of_the_past(diary: Diary, job: Job) -> None:
    uid = diary.make(Rule.cron("* * * * *"), job)
    with pytest.raises(ValueError, match="since: the range holds more than 1000 slots"):
        diary.book.backfill(uid, since=diary.ago(days=2), until=diary.now, by=None)
    with pytest.raises(ValueError, match="until: only slots that have passed"):
        diary.book.backfill(uid, since=diary.now, until=diary.ago(hours=-1), by=None)
    assert (diary.jobs(uid), diary.fates(uid)) == ([], [])


def test_two_backfill_at_once_and_each_slot_makes_one_job(diary: Diary, job: Job) -> None:
    uid = diary.make(Rule.cron("* * * * *"), job)

    def backfill(_: int) -> int:
        return len(diary.book.backfill(uid, since=diary.ago(minutes=30), until=diary.now, by=None))

    with ThreadPoolExecutor(2) as people:
        counts = list(people.map(backfill, range(2)))
    assert min(counts) == 0
    slots = [one.slot for one in diary.jobs(uid)]
    assert len(slots) == len(set(slots)) == sum(counts)


@pytest.mark.parametrize(
    "act",
    [
        lambda book: book.change("gone", name="x"),
        lambda book: book.pause("gone", by=None),
        lambda book: book.resume("gone"),
        lambda book: book.delete("gone"),
        lambda book: book.run_now("gone", by=None),
        lambda book: book.get("gone"),
        lambda book: book.preview("gone"),
        lambda book: book.fires("gone"),
        lambda book: book.jobs("gone"),
    ],
)
def test_a_schedule_that_is_not_there_is_said(diary: Diary, act: Callable[[Any], Any]) -> None:
    with diary.shop.host.inside(), pytest.raises(NoSuchSchedule):
        act(diary.book)


def test_what_became_of_slots_is_forgotten_with_the_jobs(diary: Diary, job: Job, shop: Workshop) -> None:
    uid = diary.due(job)
    diary.fire()
    shop.engine.prune(keep_s=3_600)
    assert diary.fates(uid) == ["fired"]
    shop.engine.prune(keep_s=-60)
    assert (diary.fates(uid), diary.get(uid).fired) == ([], 1)
