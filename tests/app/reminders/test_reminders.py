"""Reminders: who gets which mail, when none comes, and how they are ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, event, select, update

from app.accounts import services as accounts
from app.accounts.models import User
from app.activities import services as activities
from app.db import db, reading, transaction
from app.queues import Queue
from app.reminders import links, services
from app.reminders.actors import remind
from app.reminders.models import Reminder
from app.stream import stream_of
from app.timetable import timetable
from jobs import Entry, engine_of
from jobs.testing import run_queue
from tests.app.activities.conftest import sign_in
from tests.app.conftest import Browser, Clock, Settings, errors_of, text_of
from tests.app.workbench.conftest import make_due

from .conftest import ADDRESS, EVENING, MailServer, Program

Act = Callable[[], None]
Look = Callable[[], int]
Log = Callable[..., int]
Letters = Callable[[], list[EmailMessage]]
API = "/api/v1/reminders"
DAY = timedelta(days=1)
MOMENTUM = "Momentum comes with the next step, however short it is: ten minutes count."


def jobs(app: Flask) -> list[tuple[Any, ...]]:
    """Who was to be reminded, how that stands, and what came of it."""
    with app.app_context():
        db.session.remove()
        query = select(Entry.args, Entry.state, Entry.result).where(Entry.kind == remind.name).order_by(Entry.id)
        return [tuple(row) for row in reading().execute(query)]


def stored(app: Flask, user_id: int) -> Reminder:
    with app.app_context():
        db.session.remove()
        return reading().scalars(select(Reminder).where(Reminder.user_id == user_id)).one()


def start(program: Program, **when: int) -> None:
    assert program("PUT", API, json=when).status_code == 200


def link_for(app: Flask, user_id: int) -> str:
    with app.app_context():
        found = reading().get(User, user_id)
        assert found is not None
        return services.link_of(found).removeprefix(ADDRESS)


# -- the mail ------------------------------------------------------------------------------------------------------


def test_who_has_not_logged_for_three_days_gets_one_mail(
    app: Flask, api: Program, ada_id: int, log: Log, look: Look, run_jobs: Act, letters: Letters, frozen_clock: Clock
) -> None:
    start(api)
    log(ada_id, started_at=EVENING - timedelta(hours=10))
    frozen_clock.forward(3 * DAY - timedelta(seconds=1))
    assert look() == 0
    frozen_clock.forward(timedelta(seconds=1))
    assert look() == 1
    assert look() == 0
    run_jobs()
    (letter,) = letters()
    link = ADDRESS + link_for(app, ada_id)
    assert (letter["To"], letter["Subject"]) == ("ada@example.org", "Time to workout!")
    assert letter.get_content().replace("\r\n", "\n").rstrip("\n") == "\n".join(
        [
            "Hello Ada,",
            "",
            f"Your last workout was 3 days ago. {MOMENTUM}",
            "",
            "Log it:",
            f"{ADDRESS}/activities/new",
            "",
            "You wanted to be reminded when nothing is logged for 3 days.",
            "Change that:",
            f"{ADDRESS}/settings/#reminders",
            "No reminders any more, without signing in:",
            link,
        ]
    )
    assert letter["List-Unsubscribe"] == f"<{link}>"
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    result = {"reminded": 1, "days_since_workout": 3}
    assert jobs(app) == [({"user_id": ada_id, "day": "2127-03-08"}, "succeeded", result)]


def test_the_link_stands_in_its_header_as_it_is(
    app: Flask, api: Program, ada_id: int, mail_server: MailServer, look: Look, run_jobs: Act, frozen_clock: Clock
) -> None:
    start(api)
    frozen_clock.forward(3 * DAY)
    look()
    run_jobs()
    ((_, text),) = mail_server.letters
    assert f"\r\nList-Unsubscribe: <{ADDRESS}{link_for(app, ada_id)}>\r\n" in text


def test_who_never_logged_counts_from_signing_up_and_is_told_so(
    app: Flask, api: Program, look: Look, run_jobs: Act, letters: Letters, frozen_clock: Clock
) -> None:
    start(api, days=2)
    frozen_clock.forward(DAY)
    assert look() == 0
    frozen_clock.forward(DAY)
    assert look() == 1
    run_jobs()
    assert [one.get_content().splitlines()[2].partition(".")[0] for one in letters()] == [
        "Your first workout is still to come"
    ]
    assert jobs(app)[0][2] == {"reminded": 1, "days_since_workout": None}


def test_it_comes_again_after_as_many_days_and_says_how_many_there_are_now(
    api: Program, ada_id: int, log: Log, look: Look, run_jobs: Act, letters: Letters, frozen_clock: Clock
) -> None:
    start(api)
    log(ada_id, started_at=EVENING)
    reminded = []
    for _ in range(10):
        frozen_clock.forward(DAY)
        reminded.append(look())
        run_jobs()
    assert reminded == [0, 0, 1, 0, 0, 1, 0, 0, 1, 0]
    assert [one.get_content().splitlines()[2].partition(".")[0] for one in letters()] == [
        "Your last workout was 3 days ago",
        "Your last workout was 6 days ago",
        "Your last workout was 9 days ago",
    ]


def test_what_is_logged_late_counts_as_logging_and_the_mail_tells_of_the_workout(
    api: Program, ada_id: int, log: Log, look: Look, run_jobs: Act, letters: Letters, frozen_clock: Clock
) -> None:
    start(api, days=1)
    log(ada_id, started_at=EVENING - 8 * DAY)
    assert look() == 0
    frozen_clock.forward(DAY)
    assert look() == 1
    run_jobs()
    assert letters()[0].get_content().splitlines()[2].startswith("Your last workout was 9 days ago.")


def test_what_was_deleted_was_not_logged(
    app: Flask, api: Program, ada_id: int, log: Log, look: Look, frozen_clock: Clock
) -> None:
    start(api, days=1)
    frozen_clock.forward(DAY)
    activity_id = log(ada_id, started_at=frozen_clock.now)
    assert look() == 0
    with app.app_context():
        activities.delete_activity(ada_id, activity_id)
    assert look() == 1


def test_each_is_told_in_the_event_log(
    app: Flask, api: Program, ada_id: int, log: Log, look: Look, run_jobs: Act, frozen_clock: Clock
) -> None:
    start(api)
    log(ada_id, started_at=EVENING)
    frozen_clock.forward(3 * DAY)
    look()
    run_jobs()
    told = [one for one in stream_of(app).take(1_000) if one.action == "reminded"]
    fields = {"type": "workout_reminder", "days_since_workout": 3}
    assert [(str(one.kind), one.who, dict(one.fields)) for one in told] == [("system", f"user {ada_id}", fields)]


# -- nobody else, and no second one --------------------------------------------------------------------------------


def test_nobody_is_reminded_who_did_not_ask_for_it(
    api: Program, cleos_api: Program, look: Look, run_jobs: Act, letters: Letters, frozen_clock: Clock
) -> None:
    start(cleos_api)
    frozen_clock.forward(3 * DAY)
    assert look() == 1
    run_jobs()
    assert [one["To"] for one in letters()] == ["cleo@example.org"]


@pytest.mark.parametrize(
    "change", [{"goes_at": EVENING + 9 * DAY}, {"disabled_at": EVENING}, {"email": None, "email_key": None}]
)
def test_guests_closed_accounts_and_people_without_an_address_get_no_mail(
    app: Flask,
    ada_id: int,
    api: Program,
    cleo_id: int,
    cleos_api: Program,
    look: Look,
    frozen_clock: Clock,
    change: dict[str, Any],
) -> None:
    start(api)
    start(cleos_api)
    with app.app_context(), transaction() as session:
        session.execute(update(User).where(User.id == cleo_id).values(change))
    frozen_clock.forward(3 * DAY)
    assert look() == 1
    assert [one[0]["user_id"] for one in jobs(app)] == [ada_id]


def test_each_is_reminded_by_their_own_clock(
    app: Flask, api: Program, cleos_api: Program, cleo_id: int, ada_id: int, look: Look, frozen_clock: Clock
) -> None:
    start(api)
    start(cleos_api, hour=7)
    with app.app_context():
        accounts.change_profile(cleo_id, name="Cleo", zone="Asia/Tokyo")
    # In Tokyo everybody signed up on the 6th.
    frozen_clock.now = EVENING + 3 * DAY
    assert look() == 1
    frozen_clock.now = EVENING + 3 * DAY + timedelta(hours=4, minutes=59)
    assert look() == 0
    frozen_clock.forward(timedelta(minutes=1))
    assert look() == 1
    assert [one[0] for one in jobs(app)] == [
        {"user_id": ada_id, "day": "2127-03-08"},
        {"user_id": cleo_id, "day": "2127-03-09"},
    ]


def test_two_who_look_at_once_ask_once(app: Flask, api: Program, cleos_api: Program, frozen_clock: Clock) -> None:
    start(api)
    start(cleos_api)
    frozen_clock.forward(3 * DAY)
    came: list[int] = []
    ready = threading.Barrier(3)

    def work() -> None:
        with app.app_context():
            found = services.people_due()
            ready.wait(10)
            try:
                came.append(services._ask(found))
            finally:
                db.session.remove()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(came) == [0, 0, 2]
    assert len(jobs(app)) == 2


def test_who_logged_meanwhile_gets_none(
    app: Flask, api: Program, ada_id: int, log: Log, look: Look, run_jobs: Act, letters: Letters, frozen_clock: Clock
) -> None:
    start(api)
    frozen_clock.forward(3 * DAY)
    assert look() == 1
    log(ada_id, started_at=frozen_clock.now)
    run_jobs()
    assert [one[1:] for one in jobs(app)] == [("succeeded", {"reminded": 0, "why": "logged since"})]
    assert (letters(), stored(app, ada_id).reminded_on) == ([], None)


def test_who_wants_none_any_more_gets_none(
    app: Flask, api: Program, look: Look, run_jobs: Act, letters: Letters, frozen_clock: Clock
) -> None:
    start(api)
    frozen_clock.forward(3 * DAY)
    look()
    api("DELETE", API)
    run_jobs()
    assert ([one[1:] for one in jobs(app)], letters()) == (
        [("succeeded", {"reminded": 0, "why": "not wanted any more"})],
        [],
    )


def test_an_account_that_goes_takes_its_reminders_along(
    app: Flask, api: Program, ada_id: int, look: Look, run_jobs: Act, letters: Letters, frozen_clock: Clock
) -> None:
    start(api)
    frozen_clock.forward(3 * DAY)
    look()
    with app.app_context(), transaction() as session:
        session.execute(delete(User).where(User.id == ada_id))
    run_jobs()
    assert ([one[2]["why"] for one in jobs(app)], letters()) == (["not wanted any more"], [])
    with app.app_context():
        assert reading().scalars(select(Reminder)).all() == []


def test_ending_and_beginning_again_gives_no_second_mail_on_a_day(
    api: Program, look: Look, run_jobs: Act, frozen_clock: Clock
) -> None:
    start(api)
    frozen_clock.forward(3 * DAY)
    assert look() == 1
    run_jobs()
    api("DELETE", API)
    start(api, days=1, hour=0)
    assert look() == 0
    frozen_clock.forward(DAY)
    assert look() == 1


# -- what goes wrong -----------------------------------------------------------------------------------------------


@pytest.fixture
def due(api: Program, mail_server: MailServer, look: Look, frozen_clock: Clock) -> MailServer:
    """There is a job to remind Ada, and this is where the mail will go."""
    start(api)
    frozen_clock.forward(3 * DAY)
    assert look() == 1
    return mail_server


@pytest.mark.parametrize(("step", "arrived"), [("connect", 1), ("dot", 1), ("taken", 2)])
def test_a_conversation_that_is_cut_is_tried_again_under_the_same_message_id(
    app: Flask, due: MailServer, run_jobs: Act, letters: Letters, step: str, arrived: int
) -> None:
    due.cut_at = [step]
    run_jobs()
    assert [one[1] for one in jobs(app)] == ["scheduled"]
    with app.app_context():
        make_due()
    run_jobs()
    assert [one[1:] for one in jobs(app)] == [("succeeded", {"reminded": 1, "days_since_workout": None})]
    assert len(letters()) == arrived
    assert len({one["Message-ID"] for one in letters()}) == 1


def test_who_died_after_the_mail_sends_no_second_one(
    app: Flask, api: Program, ada_id: int, look: Look, run_jobs: Act, letters: Letters, frozen_clock: Clock
) -> None:
    start(api)
    frozen_clock.forward(3 * DAY)
    look()

    def killed(*asked: Any) -> None:
        if asked[2].startswith("UPDATE reminder"):
            raise RuntimeError("killed")

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", killed)
        run_jobs()
        event.remove(db.engine, "before_cursor_execute", killed)
    assert ([one[1] for one in jobs(app)], stored(app, ada_id).reminded_on) == (["scheduled"], None)
    assert len(letters()) == 1
    with app.app_context():
        make_due()
    run_jobs()
    assert [one[1:] for one in jobs(app)] == [("succeeded", {"reminded": 1, "days_since_workout": None})]
    assert (len(letters()), stored(app, ada_id).reminded_on) == (1, date(2127, 3, 8))


def test_what_the_mail_server_refuses_is_not_sent_every_day(
    app: Flask, api: Program, ada_id: int, mail_server: MailServer, look: Look, run_jobs: Act, frozen_clock: Clock
) -> None:
    start(api)
    mail_server.says = {"RCPT": "550 nobody here"}
    asked = []
    for _ in range(7):
        frozen_clock.forward(DAY)
        asked.append(look())
        run_jobs()
    assert asked == [0, 0, 1, 0, 0, 1, 0]
    assert [one[1:] for one in jobs(app)] == [("succeeded", {"reminded": 0, "why": "refused by the mail server"})] * 2


def test_one_that_is_late_by_a_day_is_not_sent(
    app: Flask, api: Program, look: Look, run_jobs: Act, letters: Letters, frozen_clock: Clock
) -> None:
    start(api)
    frozen_clock.forward(3 * DAY)
    look()
    with app.app_context():
        expires_at = reading().scalar(select(Entry.expires_at).where(Entry.kind == remind.name))
    assert expires_at == EVENING + 3 * DAY + timedelta(hours=6)
    frozen_clock.forward(timedelta(hours=6))
    run_jobs()
    assert ([one[2]["why"] for one in jobs(app)], letters()) == (["its day is over"], [])


def test_the_engine_itself_lets_it_expire(
    app: Flask, api: Program, ada_id: int, look: Look, letters: Letters, frozen_clock: Clock
) -> None:
    start(api)
    with app.app_context(), transaction() as session:
        session.execute(update(User).where(User.id == ada_id).values(created_at=EVENING.replace(year=2020)))
    frozen_clock.now = EVENING.replace(year=2021)
    assert look() == 1
    engine = engine_of(app)
    run_queue(engine, Queue.NOTIFICATIONS)
    assert ([one[1] for one in jobs(app)], letters()) == (["ready"], [])
    assert engine.relay.expire() == 1
    assert [one[1] for one in jobs(app)] == ["cancelled"]


class TestWithoutAMailServer:
    """Nobody is reminded, and everybody can see why."""

    @pytest.fixture
    def settings(self) -> Settings:
        return {}

    def test_no_job_is_made_and_the_page_says_so(
        self, app: Flask, api: Program, look: Look, frozen_clock: Clock
    ) -> None:
        start(api)
        frozen_clock.forward(3 * DAY)
        assert (look(), jobs(app)) == (0, [])
        told = "Reminders need a mail server, which whoever runs this place has not set up"
        assert told in text_of(sign_in(app, "ada").get("/reminders/"))
        answer = api("GET", API)
        assert answer.json is not None
        assert (answer.json["is_on"], answer.json["has_mail"]) == (True, False)

    def test_the_terminal_says_so(self, app: Flask, api: Program, frozen_clock: Clock) -> None:
        start(api)
        frozen_clock.forward(3 * DAY)
        result = app.test_cli_runner().invoke(args=["reminders", "send"])
        assert result.output == "0 people will be reminded.\nMAIL_URL is not set: nothing is sent.\n"


def test_a_job_that_finds_no_mail_server_any_more_writes_no_file(
    app: Flask, api: Program, look: Look, run_jobs: Act, frozen_clock: Clock
) -> None:
    start(api)
    frozen_clock.forward(3 * DAY)
    look()
    object.__setattr__(app.extensions["config"], "mail_url", None)
    run_jobs()
    assert [one[2] for one in jobs(app)] == [{"reminded": 0, "why": "mail is not set up"}]
    assert not (app.extensions["config"].data_dir / "outbox").exists()


# -- what people say -----------------------------------------------------------------------------------------------


def test_it_is_off_until_somebody_wants_it(api: Program, cleos_api: Program) -> None:
    off = {"is_on": False, "days": 3, "hour": 18, "reminded_on": None, "has_mail": True}
    assert api("GET", API).json == off
    assert api("PUT", API, json={"days": 7, "hour": 0}).json == {**off, "is_on": True, "days": 7, "hour": 0}
    assert api("GET", API).json == {**off, "is_on": True, "days": 7, "hour": 0}
    assert cleos_api("GET", API).json == off
    assert (api("DELETE", API).status_code, api("DELETE", API).status_code) == (204, 204)
    assert api("GET", API).json == {**off, "days": 7, "hour": 0}
    assert api("PUT", API).json == {**off, "is_on": True}


@pytest.mark.parametrize(
    "given", [{"days": 0}, {"days": 15}, {"hour": -1}, {"hour": 24}, {"days": "3"}, {"hour": 1.5}, {"minute": 1}]
)
def test_what_cannot_be_is_refused(api: Program, given: dict[str, Any]) -> None:
    answer = api("PUT", API, json=given)
    assert answer.json is not None
    assert (answer.status_code, [one["field"] for one in answer.json["errors"]]) == (422, list(given))
    told = api("GET", API).json
    assert told is not None
    assert told["is_on"] is False


def test_a_setting_by_hand(app: Flask, ada: Browser, ada_id: int, cleo_id: int) -> None:
    assert "Remind me by e-mail" in text_of(ada.get("/settings/"))
    sent = {"reminders-is_on": "y", "reminders-days": "5", "reminders-hour": "7"}
    answer = ada.post("/reminders/", sent)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/settings/#reminders")
    page = ada.get("/settings/").text
    assert '<option selected value="5">5 days</option>' in page
    assert '<option selected value="7">07:00</option>' in page
    found = stored(app, ada_id)
    assert (found.is_on, found.days, found.hour) == (True, 5, 7)
    ada.post("/reminders/", {**sent, "reminders-is_on": ""})
    assert stored(app, ada_id).is_on is False
    with app.app_context():
        assert reading().get(Reminder, cleo_id) is None


def test_with_htmx_the_section_is_redrawn(ada: Browser) -> None:
    sent = {"reminders-is_on": "y", "reminders-days": "14", "reminders-hour": "23"}
    answer = ada.part("/reminders/", sent)
    assert (answer.status_code, "<html" in answer.text, 'id="reminders"' in answer.text) == (201, False, True)
    assert '<option selected value="14">14 days</option>' in answer.text


def test_a_wrong_choice_is_said_beside_its_field(app: Flask, ada: Browser) -> None:
    answer = ada.post("/reminders/", {"reminders-is_on": "y", "reminders-days": "15", "reminders-hour": "18"})
    assert (answer.status_code, errors_of(answer)) == (422, ["Choose a number of days from the list."])
    with app.app_context():
        assert reading().scalars(select(Reminder)).all() == []


def test_a_guest_is_told_to_keep_the_account_first(app: Flask, stranger: Browser) -> None:
    stranger.post("/guest")
    assert "Guests get no mail, so nobody reminds them." in text_of(stranger.get("/settings/"))
    sent = {"reminders-is_on": "y", "reminders-days": "3", "reminders-hour": "18"}
    assert stranger.post("/reminders/", sent).status_code == 403
    with app.app_context():
        assert reading().scalars(select(Reminder)).all() == []


def test_strangers_have_none(app: Flask, stranger: Browser) -> None:
    assert stranger.get("/reminders/").headers["Location"] == "/sign-in?next=/reminders/"
    assert app.test_client().get(API).status_code == 401


# -- ending them with a link ---------------------------------------------------------------------------------------


def test_the_link_asks_first_and_one_click_ends_them_without_signing_in(
    app: Flask, api: Program, cleos_api: Program, ada_id: int, cleo_id: int, stranger: Browser
) -> None:
    start(api)
    start(cleos_api)
    link = link_for(app, ada_id)
    page = stranger.get(link)
    assert (page.status_code, page.headers["Referrer-Policy"]) == (200, "no-referrer")
    assert "No reminders any more?" in text_of(page)
    assert ("ada" in text_of(page).lower(), "ada@" in page.text) == (False, False)  # a token may well spell her name
    assert stored(app, ada_id).is_on
    answer = stranger.post(link)
    assert (answer.status_code, "You get no reminders" in text_of(answer)) == (200, True)
    assert (stored(app, ada_id).is_on, stored(app, cleo_id).is_on) == (False, True)
    assert "You get no reminders" in text_of(stranger.get(link))


def test_a_mail_program_ends_them_with_one_post_from_wherever_it_is(app: Flask, api: Program, ada_id: int) -> None:
    start(api)
    answer = app.test_client().post(
        link_for(app, ada_id),
        data={"List-Unsubscribe": "One-Click"},
        headers={"Origin": "https://mail.example", "Sec-Fetch-Site": "cross-site"},
    )
    assert (answer.status_code, stored(app, ada_id).is_on) == (200, False)


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_forged_link_ends_nothing(
    app: Flask, api: Program, ada_id: int, cleo_id: int, stranger: Browser, method: str
) -> None:
    start(api)
    own, cleos = link_for(app, ada_id), link_for(app, cleo_id)
    head, _, proof = own.rpartition("-")
    forged = [
        f"{head}-{proof[:-1]}{'0' if proof[-1] != '0' else '1'}",
        f"{head}-{cleos.rpartition('-')[2]}",
        f"{head}-{'0' * 64}",
        own[:-1],
        f"/reminders/unsubscribe/{ada_id}",
        f"/reminders/unsubscribe/{links.token_of(ada_id, 'ada@example.org', key='another key')}",
        f"/reminders/unsubscribe/{links.token_of(4_242, 'ada@example.org', key=app.config['SECRET_KEY'])}",
    ]
    ask = getattr(stranger, method)
    assert [ask(one).status_code for one in forged] == [404] * len(forged)
    assert stored(app, ada_id).is_on is True
    assert ask(own).status_code == 200


def test_a_link_is_good_for_the_address_it_was_sent_to(
    app: Flask, api: Program, ada_id: int, stranger: Browser
) -> None:
    start(api)
    link = link_for(app, ada_id)
    with app.app_context(), transaction() as session:
        session.execute(update(User).where(User.id == ada_id).values(email="augusta@example.org"))
    assert (stranger.post(link).status_code, stored(app, ada_id).is_on) == (404, True)


# -- the clock and the terminal ------------------------------------------------------------------------------------


def test_the_scheduler_looks_every_quarter_of_an_hour_or_as_it_is_set(
    app: Flask, api: Program, frozen_clock: Clock
) -> None:
    sweep = {one.name: one for one in timetable(app, engine_of(app), app.extensions["config"])}[
        "look who is to be reminded"
    ]
    assert sweep.current_pace() == (900, None)
    object.__setattr__(app.extensions["config"], "reminders_interval_s", 60)
    assert sweep.current_pace() == (60, None)
    start(api)
    frozen_clock.forward(3 * DAY)
    sweep.run()
    assert [one[1] for one in jobs(app)] == ["ready"]


def test_the_commands_show_and_send(
    app: Flask,
    api: Program,
    cleos_api: Program,
    ada_id: int,
    cleo_id: int,
    run_jobs: Act,
    letters: Letters,
    frozen_clock: Clock,
) -> None:
    start(api)
    start(cleos_api, days=1, hour=7)
    frozen_clock.forward(3 * DAY)

    def say(*words: str) -> list[str]:
        result = app.test_cli_runner().invoke(args=["reminders", *words])
        assert result.exit_code == 0, result.output
        return result.output.splitlines()

    due = [f"user {ada_id}: nothing logged for 3 days", f"user {cleo_id}: nothing logged for 1 day"]
    assert say("send", "--dry-run") == [*due, "2 people would be reminded."]
    assert jobs(app) == []
    assert say("send") == ["2 people will be reminded."]
    assert say("send") == ["0 people will be reminded."]
    run_jobs()
    assert len(letters()) == 2
    frozen_clock.forward(DAY)
    assert say("send", "--dry-run") == [due[1], "1 person would be reminded."]
    api("DELETE", API)
    assert say("list") == [f"user {cleo_id}: after 1 day, from 07:00 Europe/Berlin; last on 2127-03-08"]


def test_the_job_is_the_person_s_to_see_and_nobody_else_s(
    app: Flask, api: Program, cleos_api: Program, look: Look, run_jobs: Act, frozen_clock: Clock
) -> None:
    start(api)
    frozen_clock.forward(3 * DAY)
    look()
    with app.app_context():
        uid = reading().scalar(select(Entry.uid).where(Entry.kind == remind.name))
    assert [one("GET", f"/api/v1/jobs/{uid}").status_code for one in (api, cleos_api)] == [200, 404]
