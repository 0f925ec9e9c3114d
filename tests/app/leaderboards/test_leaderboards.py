"""Leaderboards: who stands where, who is shown at all, and when they are worked out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select, update

from app.accounts.models import User
from app.activities import services as activities
from app.activities.mets import Kind
from app.db import db, reading, transaction
from app.errors import Invalid, NotAllowed
from app.leaderboards import services
from app.leaderboards.actors import update_leaderboards
from app.leaderboards.models import Board, Member, Standing
from app.security import Person
from app.timetable import timetable
from jobs import Entry, engine_of, enqueue
from tests.app.activities.conftest import Program
from tests.app.conftest import Browser, Clock, errors_of, text_of

RunJobs = Callable[[], None]
Log = Callable[..., int]
Join = Callable[[int, str], None]
Account = Callable[[str], int]
WorkOut = Callable[[], dict[str, int]]
Count = Callable[[int], int]
NOON = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)
ADDRESS = "/api/v1/leaderboards"


@pytest.fixture(autouse=True)
def _standing(frozen_clock: Clock) -> None:
    """It is Friday, the 20th of November 2026, noon in UTC."""


def days_ago(days: int) -> datetime:
    return NOON - timedelta(days=days)


@pytest.fixture
def work_out(app: Flask) -> WorkOut:
    """Works the leaderboards out; how many people each has."""

    def work() -> dict[str, int]:
        with app.app_context():
            return services.update_leaderboards()

    return work


@pytest.fixture
def standings(app: Flask) -> Callable[[int], int]:
    """How many lines somebody has in the database, shown or not."""

    def count(user_id: int) -> int:
        with app.app_context():
            return len(reading().scalars(select(Standing.period).where(Standing.user_id == user_id)).all())

    return count


@pytest.fixture
def four(
    ada_id: int, cleo_id: int, account: Account, join: Join, log: Log, run_jobs: RunJobs, work_out: WorkOut
) -> dict[str, int]:
    """Ada, Ben, Cleo and Dora take part; this week Ben and Cleo did the same, Ada more, Dora less. Eve does not."""
    people = {"Ada": ada_id, "Ben": account("Ben"), "Cleo": cleo_id, "Dora": account("Dora"), "Eve": account("Eve")}
    minutes = {"Ada": 60, "Ben": 30, "Cleo": 30, "Dora": 10, "Eve": 600}
    for name, user_id in people.items():
        log(user_id, duration=timedelta(minutes=minutes[name]), started_at=days_ago(0))
        if name != "Eve":
            join(user_id, f"{name}!")
    run_jobs()
    work_out()
    return people


def told(program: Program, **asked: Any) -> dict[str, Any]:
    answer = program("GET", ADDRESS, query_string=asked)
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json, dict)
    return answer.json


def lines(program: Program, **asked: Any) -> list[tuple[int, str, float]]:
    return [(one["rank"], one["display_name"], one["value"]) for one in told(program, **asked)["places"]]


def person(user_id: int, *, guest: bool = False) -> Person:
    return Person(
        id=user_id, name="", email=None, zone="UTC", is_admin=False, is_guest=guest, theme="", live_updates=True
    )


# -- who stands where ---------------------------------------------------------------------------------------------


def test_equal_numbers_share_a_place_and_those_after_it_stay_empty(api: Program, four: dict[str, int]) -> None:
    assert lines(api) == [(1, "Ada!", 630.0), (2, "Ben!", 315.0), (2, "Cleo!", 315.0), (4, "Dora!", 105.0)]
    assert lines(api, by="minutes") == [(1, "Ada!", 60), (2, "Ben!", 30), (2, "Cleo!", 30), (4, "Dora!", 10)]
    assert lines(api, by="days") == [(1, "Ada!", 1), (1, "Ben!", 1), (1, "Cleo!", 1), (1, "Dora!", 1)]


def test_a_leaderboard_says_which_days_it_counts_and_where_you_are(api: Program, four: dict[str, int]) -> None:
    found = told(api, limit=2, period="week", by="energy")
    own = {"rank": 1, "display_name": "Ada!", "value": 630.0, "is_you": True}
    assert found == {
        "period": "week",
        "by": "energy",
        "from": "2026-11-16",
        "to": "2026-11-22",
        "calculated_at": "2026-11-20T12:00:00+00:00",
        "next_at": "2026-11-20T13:00:00+00:00",
        "people": 4,
        "places": [own, {"rank": 2, "display_name": "Ben!", "value": 315.0, "is_you": False}],
        "next": 2,
        "you": own,
    }
    rest = told(api, limit=2, next=2)
    assert [one["display_name"] for one in rest["places"]] == ["Cleo!", "Dora!"]
    assert (rest["next"], rest["you"]) == (None, own)


def test_each_period_counts_its_days_and_each_measure_its_own(
    api: Program, ada_id: int, cleo_id: int, join: Join, log: Log, run_jobs: RunJobs, work_out: WorkOut
) -> None:
    join(ada_id, "Ada")
    join(cleo_id, "Cleo")
    for days in (0, 4, 5, 19, 20, 400):  # Friday, Monday; last Sunday, the 1st; the 31st of October, last year
        log(ada_id, started_at=days_ago(days))
    log(cleo_id, kind=Kind.YOGA, duration=timedelta(minutes=100, seconds=59), started_at=days_ago(5))
    run_jobs()
    assert work_out() == {"week": 1, "month": 2, "all": 2}
    assert lines(api, by="days", period="week") == [(1, "Ada", 2)]
    assert lines(api, by="days", period="month") == [(1, "Ada", 4), (2, "Cleo", 1)]
    assert lines(api, by="days", period="all") == [(1, "Ada", 6), (2, "Cleo", 1)]
    assert lines(api, by="minutes", period="month") == [(1, "Ada", 120), (2, "Cleo", 100)]
    assert lines(api, by="energy", period="all") == [(1, "Ada", 1890.0), (2, "Cleo", 471.3)]
    assert told(api, period="all")["from"] is None


def test_a_week_is_that_of_utc_and_a_day_that_of_the_person(
    api: Program, ada_id: int, join: Join, log: Log, run_jobs: RunJobs, work_out: WorkOut, frozen_clock: Clock
) -> None:
    join(ada_id, "Ada")
    frozen_clock.now = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)  # Sunday in UTC, Monday in Berlin
    log(ada_id, started_at=frozen_clock.now)
    run_jobs()
    assert work_out()["week"] == 0
    frozen_clock.forward(timedelta(hours=1))
    assert work_out()["week"] == 1
    assert told(api)["from"] == "2026-11-23"


def test_what_is_deleted_or_not_counted_yet_counts_nothing(
    app: Flask, api: Program, ada_id: int, cleo_id: int, join: Join, log: Log, run_jobs: RunJobs, work_out: WorkOut
) -> None:
    join(ada_id, "Ada")
    join(cleo_id, "Cleo")
    deleted = log(cleo_id, started_at=days_ago(0))
    run_jobs()
    with app.app_context():
        activities.delete_activity(cleo_id, deleted)
    log(ada_id, started_at=days_ago(0))
    work_out()
    assert lines(api) == [(1, "Ada", 0.0)]
    assert lines(api, by="minutes") == [(1, "Ada", 30)]


def test_however_many_people_it_is_one_statement(inside: Flask, four: dict[str, int]) -> None:
    asked: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *found: asked.append(found[2]))
    event.listen(inside.extensions["reading_engine"], "before_cursor_execute", lambda *found: asked.append(found[2]))
    services.update_leaderboards()
    assert len([one for one in asked if "FROM activity" in one]) == 1
    assert len([one for one in asked if one.startswith("INSERT INTO leaderboard_standing")]) == 1


@pytest.mark.parametrize("asked", [{"period": "year"}, {"by": "weight"}, {"limit": "0"}, {"limit": "101"}])
def test_a_leaderboard_there_is_not_is_refused(api: Program, asked: dict[str, str]) -> None:
    answer = api("GET", ADDRESS, query_string=asked)
    assert answer.json is not None
    assert (answer.status_code, [one["field"] for one in answer.json["errors"]]) == (422, list(asked))


def test_before_the_first_update_there_is_nobody(api: Program, ada: Browser) -> None:
    found = told(api)
    assert (found["places"], found["people"], found["calculated_at"], found["you"]) == ([], 0, None, None)
    assert "Nobody stands here yet." in text_of(ada.get("/leaderboards/"))


# -- who is shown at all ------------------------------------------------------------------------------------------


def test_nobody_is_shown_who_does_not_want_to_be(api: Program, four: dict[str, int], standings: Count) -> None:
    assert [name for _, name, _ in lines(api, period="all")] == ["Ada!", "Ben!", "Cleo!", "Dora!"]
    assert (standings(four["Ada"]), standings(four["Eve"])) == (3, 0)


def test_the_name_is_the_chosen_one_and_never_the_address(api: Program, ada: Browser, four: dict[str, int]) -> None:
    page = ada.get("/leaderboards/").text
    assert ("Ben!" in page, "ben@example.org" in page, "ben@example.org" in api("GET", ADDRESS).text) == (
        *(True, False, False),
    )


def test_who_leaves_is_gone_at_once_and_whoever_joins_comes_with_the_next_update(
    api: Program, cleos_api: Program, four: dict[str, int], standings: Count, work_out: WorkOut
) -> None:
    assert cleos_api("DELETE", f"{ADDRESS}/membership").status_code == 204
    assert cleos_api("DELETE", f"{ADDRESS}/membership").status_code == 204
    assert [name for _, name, _ in lines(api)] == ["Ada!", "Ben!", "Dora!"]
    assert (standings(four["Ada"]), standings(four["Cleo"])) == (3, 0)
    assert (told(cleos_api)["you"], cleos_api("GET", f"{ADDRESS}/membership").status_code) == (None, 404)
    answer = cleos_api("PUT", f"{ADDRESS}/membership", json={"display_name": " Cleopatra "})
    assert answer.json == {"display_name": "Cleopatra", "joined_at": "2026-11-20T12:00:00+00:00"}
    assert [name for _, name, _ in lines(api)] == ["Ada!", "Ben!", "Dora!"]
    work_out()
    assert [name for _, name, _ in lines(api)] == ["Ada!", "Ben!", "Cleopatra", "Dora!"]


def test_a_changed_name_holds_at_once(api: Program, cleos_api: Program, four: dict[str, int]) -> None:
    cleos_api("PUT", f"{ADDRESS}/membership", json={"display_name": "Aaron"})
    assert lines(api)[1:3] == [(2, "Aaron", 315.0), (2, "Ben!", 315.0)]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("ada!", services.TAKEN),
        ("cleo@example.org", services.LIKE_AN_ADDRESS),
        ("", "Give 1 to 40 characters."),
        ("x" * 41, "It may have 40 characters; this has 41."),
        ("\u202eolec", "It holds characters that cannot be shown in one line."),
    ],
)
def test_names_that_cannot_be_are_refused_with_a_sentence(
    cleos_api: Program, four: dict[str, int], name: str, sentence: str
) -> None:
    answer = cleos_api("PUT", f"{ADDRESS}/membership", json={"display_name": name})
    assert answer.json is not None
    assert (answer.status_code, answer.json["errors"][0]["message"]) == (422, sentence)
    kept = cleos_api("GET", f"{ADDRESS}/membership").json
    assert kept is not None
    assert kept["display_name"] == "Cleo!"


def test_guests_and_closed_accounts_never_appear(
    app: Flask, api: Program, four: dict[str, int], work_out: WorkOut
) -> None:
    with app.app_context():
        with transaction() as session:
            session.execute(update(User).where(User.id == four["Ben"]).values(disabled_at=NOON))
            session.execute(update(User).where(User.id == four["Cleo"]).values(goes_at=NOON + timedelta(days=7)))
        with pytest.raises(NotAllowed, match="Keep your account first"):
            services.join_leaderboards(person(four["Cleo"], guest=True), display_name="Guest")
    assert [name for _, name, _ in lines(api)] == ["Ada!", "Dora!"]
    assert work_out() == {"week": 2, "month": 2, "all": 2}
    assert told(api)["people"] == 2


def test_a_guest_cannot_take_part_and_is_told_so(app: Flask, stranger: Browser) -> None:
    stranger.post("/guest")
    assert stranger.post("/leaderboards/membership", {"leaderboards-display_name": "Guest"}).status_code == 403
    assert "Guests are not on the leaderboards ." in text_of(stranger.get("/settings/"))
    assert "Guests are not on the leaderboards." in text_of(stranger.get("/leaderboards/"))
    with app.app_context():
        assert reading().scalars(select(Member)).all() == []


def test_strangers_see_none(app: Flask, stranger: Browser) -> None:
    assert stranger.get("/leaderboards/").headers["Location"] == "/sign-in?next=/leaderboards/"
    assert app.test_client().get(ADDRESS).status_code == 401


def test_who_left_while_they_were_worked_out_does_not_come_back(
    inside: Flask, four: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    calculated = services.queries.calculated

    def and_cleo_leaves(windows: Any) -> Any:
        found = calculated(windows)
        services.leave_leaderboards(four["Cleo"])
        return found

    monkeypatch.setattr(services.queries, "calculated", and_cleo_leaves)
    services.update_leaderboards()
    assert reading().scalars(select(Standing).where(Standing.user_id == four["Cleo"])).all() == []


def test_two_who_want_the_same_name_at_once_get_one_and_a_sentence(inside: Flask, four: dict[str, int]) -> None:
    came: list[str] = []

    def take(user_id: int) -> None:
        with inside.app_context():
            try:
                services.join_leaderboards(person(user_id), display_name="Champion")
                came.append("joined")
            except Invalid as refusal:
                came.append(str(refusal))
            finally:
                db.session.remove()

    threads = [threading.Thread(target=take, args=(four[name],)) for name in ("Ben", "Eve")]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(came) == [services.TAKEN, "joined"]
    assert len(reading().scalars(select(Member).where(Member.name_key == "champion")).all()) == 1


# -- the pages ----------------------------------------------------------------------------------------------------


def test_the_page_marks_ones_own_line_and_says_the_rules(ada: Browser, four: dict[str, int]) -> None:
    page = ada.get("/leaderboards/?period=month&by=minutes")
    words = text_of(page)
    assert "Place Who Minutes 1 Ada! You 60 2 Ben! 30 2 Cleo! 30 4 Dora! 10 You take part" in words
    assert page.text.count('<tr class="own">') == 1
    assert "4 people, as of Today 13:00:00 . Next at 14:00 or a little later." in words
    assert "Who has the same number shares the place" in words
    assert "which week and month it is follows UTC" in words
    marked = [part.split(">")[1].split("<")[0] for part in page.text.split('aria-current="true"')[1:]]
    assert marked == ["This month", "Minutes"]


def test_ones_own_line_is_repeated_above_when_it_is_further_down(
    ada: Browser, cleo: Browser, four: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.leaderboards.routes.SHOWN", 2)
    assert "Place Who Energy in kcal 2 Cleo! You 315.0 1 Ada! 630.0 2 Ben! 315.0 You take part" in text_of(
        cleo.get("/leaderboards/")
    )
    first = ada.get("/leaderboards/")
    assert first.text.count('<tr class="own">') == 1
    assert "/leaderboards/?period=week&amp;by=energy&amp;after=2" in first.text
    assert "4 Dora! 105.0" in text_of(ada.get("/leaderboards/?after=2"))


@pytest.mark.parametrize("asked", ["period=year", "by=weight"])
def test_a_page_there_is_not_is_not_found(ada: Browser, asked: str) -> None:
    assert ada.get(f"/leaderboards/?{asked}").status_code == 404


def test_taking_part_by_hand_from_the_settings(ada: Browser, ada_id: int) -> None:
    assert "You are on no leaderboard , unless you want to." in text_of(ada.get("/settings/"))
    answer = ada.post("/leaderboards/membership", {"leaderboards-display_name": "Lovelace"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/settings/#leaderboards")
    page = ada.get("/settings/")
    assert 'value="Lovelace"' in page.text
    assert "You take part as Lovelace." in text_of(page)
    ada.post("/leaderboards/membership/end")
    assert "You are on no leaderboard any more." in text_of(ada.get("/settings/"))


def test_taking_part_with_htmx_redraws_the_section(ada: Browser) -> None:
    answer = ada.part("/leaderboards/membership", {"leaderboards-display_name": "Lovelace"})
    assert (answer.status_code, "<html" in answer.text, 'id="leaderboards"' in answer.text) == (201, False, True)
    assert "Change the name" in text_of(answer)
    assert "Take part no more" in text_of(ada.get("/leaderboards/membership"))
    ended = ada.part("/leaderboards/membership/end")
    assert (ended.status_code, "Take part no more" in ended.text) == (201, False)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("  ", "Enter a name; any will do."), ("Ben!", services.TAKEN), ("a@b", services.LIKE_AN_ADDRESS)],
)
def test_a_wrong_name_is_said_beside_its_field(ada: Browser, four: dict[str, int], name: str, sentence: str) -> None:
    answer = ada.post("/leaderboards/membership", {"leaderboards-display_name": name})
    assert (answer.status_code, errors_of(answer)) == (422, [sentence])


# -- when they are worked out -------------------------------------------------------------------------------------


def test_they_are_worked_out_every_hour_however_often_the_scheduler_looks(
    app: Flask, inside: Flask, ada_id: int, join: Join, log: Log, run_jobs: RunJobs, frozen_clock: Clock
) -> None:
    look = {one.name: one for one in timetable(app, engine_of(app), app.extensions["config"])}[
        "look whether leaderboards are due"
    ].run

    def jobs() -> list[tuple[str, str, str]]:
        query = select(Entry.kind, Entry.queue, Entry.state).where(Entry.kind == update_leaderboards.name)
        return [tuple(row) for row in reading().execute(query)]

    join(ada_id, "Ada")
    log(ada_id)
    look()
    look()
    assert jobs() == [("leaderboards.update_leaderboards", "analytics", "ready")]
    run_jobs()
    assert reading().scalar(select(Standing.minutes).where(Standing.period == "all")) == 30
    frozen_clock.forward(timedelta(minutes=59))
    look()
    assert len(jobs()) == 1
    frozen_clock.forward(timedelta(minutes=1))
    look()
    assert len(jobs()) == 2
    run_jobs()
    frozen_clock.now = datetime(2026, 11, 22, 23, 50, tzinfo=UTC)
    look()
    run_jobs()
    frozen_clock.forward(timedelta(minutes=11))  # a new week has begun
    look()
    assert len(jobs()) == 4


def test_the_interval_can_be_set(ada: Browser, app: Flask, inside: Flask, frozen_clock: Clock) -> None:
    services.update_leaderboards()
    assert services.ask_when_due() is False
    object.__setattr__(app.extensions["config"], "leaderboards_interval_s", 60)
    frozen_clock.forward(timedelta(seconds=60))
    assert services.ask_when_due() is True


def test_twice_changes_nothing_and_interrupted_leaves_the_old_ones(
    inside: Flask, four: dict[str, int], log: Log, run_jobs: RunJobs, frozen_clock: Clock
) -> None:
    def kept() -> list[tuple[int, str, Decimal, int]]:
        query = select(Standing.user_id, Standing.period, Standing.energy_kcal, Standing.energy_rank)
        return [tuple(row) for row in reading().execute(query.order_by(Standing.user_id, Standing.period))]

    before = kept()
    assert services.update_leaderboards() == {"week": 4, "month": 4, "all": 4}
    assert kept() == before
    log(four["Dora"], duration=timedelta(hours=3), started_at=days_ago(0))
    run_jobs()

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    event.listen(db.engine, "commit", killed)
    try:
        with pytest.raises(KeyboardInterrupt):
            services.update_leaderboards()
    finally:
        event.remove(db.engine, "commit", killed)
    assert kept() == before
    with transaction():
        enqueue(update_leaderboards)
    run_jobs()
    assert kept()[-1][2:] == (Decimal("1995.0"), 1)


def test_two_at_once_do_not_stand_in_each_others_way(inside: Flask, four: dict[str, int]) -> None:
    came: list[object] = []

    def work() -> None:
        with inside.app_context():
            try:
                came.append(services.update_leaderboards())
            finally:
                db.session.remove()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert came == [{"week": 4, "month": 4, "all": 4}] * 3
    assert len(reading().scalars(select(Standing)).all()) == 12
    assert len(reading().scalars(select(Board)).all()) == 3


def test_the_command_works_them_out_now(app: Flask, four: dict[str, int]) -> None:
    result = app.test_cli_runner().invoke(args=["leaderboards", "update"])
    assert (result.exit_code, result.output) == (
        0,
        "This week: 4 people.\nThis month: 4 people.\nAll time: 4 people.\n",
    )
