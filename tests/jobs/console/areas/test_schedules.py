"""Schedules on the console: listed, made, changed, paused, run, backfilled, deleted, and in a calendar."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, update

from jobs import Rule, Schedule, ScheduleFire, ScheduleRequest
from tests.jobs.console.conftest import GuardedHost
from tests.jobs.workshop import Workshop

from .looking import done, get, part, post, refused, said

FORM = {
    "name": "Morning report",
    "kind": "shop.note",
    "rule_kind": "cron",
    "rule_text": "30 7 * * 1-5",
    "zone": "Europe/Berlin",
    "args": '{"number": 1}',
    "misfire": "one",
    "most_missed": "10",
    "overlap": "allow",
}


@pytest.fixture
def diary(staffed: Workshop) -> Workshop:
    """A workshop with one kind."""
    staffed.noting()
    return staffed


@pytest.fixture
def uid(diary: Workshop) -> str:
    """A schedule of every day."""
    request = ScheduleRequest("daily", "shop.note", Rule.cron("0 8 * * *"), {"number": 1})
    return diary.engine.schedules.create(request, requested_by="ada")


def one(shop: Workshop, uid: str) -> Schedule:
    with shop.host.inside():
        return shop.engine.schedules.get(uid)


def actions(shop: Workshop) -> list[tuple[str | None, str]]:
    with shop.host.inside():
        return [(row.by, row.action) for row in shop.engine.audit.page()[::-1]]


def test_its_queue_is_chosen_from_those_there_are(app: Flask, diary: Workshop) -> None:
    form = get(app, "/ops/schedules/new").get_data(as_text=True)
    assert '<option value="" selected>the kind’s own</option><option value="default">default</option>' in form
    assert "Kind shop.note , in default Rule" in done(app, "/ops/schedules", **FORM, queue="default")
    with diary.host.inside():
        (made,) = diary.engine.schedules.page()
    assert made.queue == "default"
    assert '<option value="default" selected>' in get(app, f"/ops/schedules/{made.uid}/edit").get_data(as_text=True)
    done(app, f"/ops/schedules/{made.uid}", **FORM, queue="")
    assert one(diary, made.uid).queue is None


def test_nobody_made_one_yet(app: Flask) -> None:
    words = said(get(app, "/ops/schedules"))
    assert "Nobody has made a schedule yet." in words
    assert "No scheduler is running: nothing is made by the clock." in words


def test_a_schedule_is_listed_in_words_with_its_next_runs_and_the_last(app: Flask, diary: Workshop, uid: str) -> None:
    diary.engine.schedules.run_now(uid, by="ada")
    diary.work()
    words = said(get(app, "/ops/schedules"))
    assert "daily shop.note, of ada Every day at 08:00 (UTC) cron: 0 8 * * *" in words
    assert "done in" in words
    assert get(app, "/ops/schedules").get_data(as_text=True).count("<time") >= 4


def test_the_products_own_timetable_is_told_by_its_scheduler(app: Flask, diary: Workshop) -> None:
    moment_s = diary.now().timestamp()
    sweeps = [
        {"name": "promote due jobs", "every_s": 1, "at": moment_s - 2, "took_s": 0.004, "problem": None},
        {"name": "prune", "every_s": 5, "at": moment_s - 3600, "took_s": 0.1, "problem": "OSError: full"},
        {"name": "late", "every_s": 5, "at": moment_s - 3600, "took_s": 0.1, "problem": None},
        {"name": "never ran", "every_s": 3600},
    ]
    diary.engine._heartbeat("scheduler", "here:scheduler:1:a", queues=[], sweeps=lambda: sweeps).beat()
    words = said(get(app, "/ops/schedules"))
    assert "No scheduler is running" not in words
    assert "Promote due jobs 1.0 s" in words
    assert "4 ms on" in words
    assert "Prune OSError: full 5.0 s" in words
    assert "Late 5.0 s 60 min ago 0.10 s late" in words
    assert "Never ran 60 min not yet — on" in words


def test_missed_slots_are_listed(app: Flask, diary: Workshop, uid: str) -> None:
    with diary.host.transaction() as session:
        missed = {"schedule_id": one(diary, uid).id, "slot": diary.now(), "outcome": "skipped_late"}
        session.execute(insert(ScheduleFire).values(**missed))
    assert "Missed in the last week daily" in said(get(app, "/ops/schedules"))


def test_one_is_made(app: Flask, diary: Workshop) -> None:
    assert "New schedule" in said(get(app, "/ops/schedules/new"))
    words = done(app, "/ops/schedules", **FORM, reason="asked for by the team")
    assert "On weekdays at 07:30 (Europe/Berlin)" in words
    with diary.host.inside():
        (made,) = diary.engine.schedules.page()
        row = diary.engine.audit.page()[0]
    assert (made.name, made.args, made.requested_by) == ("Morning report", {"number": 1}, "")
    assert (row.by, row.action, row.details["reason"]) == ("Ada", "create", "asked for by the team")


WRONG: list[tuple[dict[str, str], str]] = [
    ({"name": ""}, "name"),
    ({"name": "x" * 81}, "name"),
    ({"kind": "shop.gone"}, "kind"),
    ({"rule_kind": "moon"}, "rule_kind"),
    ({"rule_text": ""}, "rule_text"),
    ({"rule_text": "61 * * * *"}, "rule_text"),
    ({"rule_text": "*/0 " * 100}, "rule_text"),
    ({"rule_kind": "rrule", "rule_text": "FREQ=SECONDLY;COUNT=999999999999"}, "rule_text"),
    ({"zone": "Mars"}, "zone"),
    ({"ends_at": "soon"}, "ends_at"),
    ({"most_times": "-1"}, "most_times"),
    ({"jitter_s": "999999999"}, "jitter_s"),
    ({"args": "{"}, "args"),
    ({"args": "[1]"}, "args"),
    ({"args": "[" * 15_000}, "args"),
    ({"args": '{"wrong": 1}'}, "args"),
    ({"priority": "10"}, "priority"),
    ({"queue": "nothing"}, "queue"),
    ({"misfire": "never"}, "misfire"),
    ({"overlap": "never"}, "overlap"),
    ({"most_missed": "1000"}, "most_missed"),
]


def test_what_cannot_be_is_named_by_its_field(app: Flask, diary: Workshop) -> None:
    found = [list(refused(app, "/ops/schedules", **{**FORM, **change})) for change, _ in WRONG]
    assert found == [[field] for _, field in WRONG]
    with diary.host.inside():
        assert list(diary.engine.schedules.page()) == []


def test_a_name_that_is_taken_is_refused(app: Flask, diary: Workshop) -> None:
    done(app, "/ops/schedules", **FORM)
    assert refused(app, "/ops/schedules", **FORM) == {"name": "There is a schedule called Morning report already."}


def test_one_is_changed_and_an_unchanged_rule_keeps_its_slot(app: Flask, diary: Workshop, uid: str) -> None:
    page = get(app, f"/ops/schedules/{uid}/edit").get_data(as_text=True)
    assert 'value="0 8 * * *"' in page
    before = one(diary, uid).next_at
    form = {**FORM, "name": "each day", "rule_text": "0 8 * * *", "zone": "UTC"}
    done(app, f"/ops/schedules/{uid}", **form)
    assert (one(diary, uid).name, one(diary, uid).next_at) == ("each day", before)
    done(app, f"/ops/schedules/{uid}", **{**form, "rule_text": "0 9 * * *"}, reason="too early")
    assert one(diary, uid).rule_text == "0 9 * * *"
    assert actions(diary) == [("ada", "create"), ("Ada", "change"), ("Ada", "change")]


def test_it_is_paused_resumed_run_and_deleted(app: Flask, diary: Workshop, uid: str, guarded: GuardedHost) -> None:
    place = f"/ops/schedules/{uid}"
    assert "Paused by Ada" in done(app, f"{place}/pauses", reason="the disk is changed")
    assert one(diary, uid).pause_reason == "the disk is changed"
    done(app, f"{place}/resumptions")
    assert not one(diary, uid).is_paused
    assert "A job of it is on its way." in done(app, f"{place}/runs")
    assert post(app, f"{place}/deletions").status_code == 403
    assert "Delete…" not in said(get(app, place))
    guarded.allowed = frozenset({"see", "act", "manage"})
    assert "Its jobs stay." in said(get(app, f"{place}/deletions"))
    assert "daily is deleted." in done(app, f"{place}/deletions")
    assert get(app, place).status_code == 404
    told = ["create", "pause", "resume", "run now", "delete"]
    assert [action for _, action in actions(diary)] == told


def test_past_slots_are_shown_before_their_jobs_are_made(app: Flask, diary: Workshop, uid: str) -> None:
    place = f"/ops/schedules/{uid}/backfills"
    until = diary.now().replace(microsecond=0)
    span = {"since": f"{until - timedelta(days=3):%Y-%m-%dT%H:%M:%S}", "until": f"{until:%Y-%m-%dT%H:%M:%S}"}
    assert "3 slots without a job" in said(get(app, place, query_string=span))
    assert "3 jobs were made." in done(app, place, **span, sure="1")
    assert "No slot without a job" in said(get(app, place, query_string=span))


@pytest.mark.parametrize(
    ("span", "field"),
    [
        ({"since": "x", "until": "2020-01-01T00:00"}, "since"),
        ({"since": "2020-01-01T00:00"}, "until"),
        ({"since": "2020-01-01T00:00", "until": "2100-01-01T00:00"}, "until"),
        ({"since": "2000-01-01T00:00", "until": "2020-01-01T00:00"}, "since"),
    ],
)
def test_a_range_that_cannot_be_is_named(app: Flask, uid: str, span: dict[str, str], field: str) -> None:
    answer = get(app, f"/ops/schedules/{uid}/backfills", query_string=span)
    assert answer.status_code == 422
    assert f'id="field-{field}-error"' in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"rule_kind": "cron", "rule_text": "0 8 * * 1"}, "On Mondays at 08:00 (UTC). Next:"),
        ({"rule_kind": "every", "rule_text": "3 hours"}, "Every 3 hours. Next:"),
        ({"rule_kind": "cron", "rule_text": "0 8 * *"}, "Five fields are needed"),
        ({"rule_kind": "cron", "rule_text": ""}, "Say when."),
        ({"rule_kind": "cron", "rule_text": "0 0 30 2 *"}, "No day ever matches"),
        ({"rule_kind": "cron", "rule_text": "9" * 5_000}, "At most 500 printable characters"),
    ],
)
def test_a_rule_is_explained_while_it_is_typed(app: Flask, rule: dict[str, str], words: str) -> None:
    answer = get(app, "/ops/schedules/explained", query_string=rule)
    assert (answer.status_code, words in said(answer)) == (200, True)


def test_the_calendar_shows_what_ran_and_what_is_planned(app: Flask, diary: Workshop, uid: str) -> None:
    now = diary.now()
    with diary.host.transaction() as session:
        schedule_id = one(diary, uid).id
        slot: dict[str, Any] = {"schedule_id": schedule_id, "outcome": "skipped_late"}
        session.execute(insert(ScheduleFire).values(**slot, slot=now - timedelta(days=7)))
    before = said(get(app, f"/ops/schedules/calendar?week={now - timedelta(days=7):%Y-%m-%d}"))
    assert "missed" in before
    assert "08:00 planned" not in before
    after = said(get(app, f"/ops/schedules/calendar?week={now + timedelta(days=7):%Y-%m-%d}"))
    assert after.count("08:00 planned") == 7


def test_a_week_that_is_none_is_this_one(app: Flask, uid: str) -> None:
    for week in ("", "x", "0001-01-01", "9999-12-31", "2026-02-31", "\u0663"):
        assert "Week of" in said(get(app, f"/ops/schedules/calendar?week={week}"))


def test_a_rule_of_every_second_does_not_fill_the_calendar(app: Flask, diary: Workshop) -> None:
    diary.engine.schedules.create(ScheduleRequest("fast", "shop.note", Rule.every(seconds=1), {"number": 1}))
    assert "100+ planned" in said(get(app, "/ops/schedules/calendar"))


def test_a_schedule_that_this_build_does_not_understand_is_shown_all_the_same(
    app: Flask, diary: Workshop, uid: str
) -> None:
    with diary.host.transaction() as session:
        session.execute(update(Schedule).values(rule_text="what", problem="ValueError: cron"))
    for page in ("/ops/schedules", f"/ops/schedules/{uid}", "/ops/schedules/calendar", f"/ops/schedules/{uid}/edit"):
        assert get(app, page).status_code == 200
    assert "broken" in said(get(app, "/ops/schedules"))


def test_one_that_is_not_there_is_not_found(app: Flask, guarded: GuardedHost) -> None:
    guarded.allowed = frozenset({"see", "act", "manage"})
    for name in ("0" * 32, "x", "%F0%9F%8F%83"):
        for path in ("", "/edit", "/pauses", "/deletions", "/backfills"):
            assert get(app, f"/ops/schedules/{name}{path}").status_code == 404


def test_who_may_only_see_changes_nothing(app: Flask, diary: Workshop, uid: str, guarded: GuardedHost) -> None:
    guarded.allowed = frozenset({"see"})
    for path in ("", "/pauses", "/resumptions", "/runs", "/backfills", "/deletions"):
        assert post(app, f"/ops/schedules/{uid}{path}", **FORM).status_code == 403
    assert get(app, "/ops/schedules/new").status_code == 403
    assert actions(diary) == [("ada", "create")]


@pytest.mark.parametrize("path", ["/ops/schedules", "/ops/schedules/{uid}"])
def test_it_is_drawn_when_something_changed(app: Flask, diary: Workshop, uid: str, path: str) -> None:
    path = path.format(uid=uid)
    tag = part(app, path).headers["HX-PTag"]
    assert part(app, path, tag).status_code == 304
    diary.engine.schedules.pause(uid, by="ada")
    assert part(app, path, tag).status_code == 200


def test_the_page_of_a_job_leads_to_the_schedule_that_made_it(app: Flask, diary: Workshop, uid: str) -> None:
    job = diary.engine.schedules.run_now(uid, by="ada")
    assert f'<a href="/ops/schedules/{uid}">daily</a>' in get(app, f"/ops/jobs/{job}").get_data(as_text=True)
