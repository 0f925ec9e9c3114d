"""Today, by hand and by htmx."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app.accounts import services as accounts
from app.activities import queries, services
from app.activities.drafts import Draft
from app.activities.mets import Kind
from app.db import db
from app.queues import Queue
from app.statistics import routes as statistics
from jobs import engine_of
from jobs.testing import run_queue
from tests.app.conftest import Browser, Clock, text_of

PART = {"HX-Request": "true", "HX-Request-Type": "partial"}
FRIDAY = datetime(2026, 11, 20, 12, tzinfo=UTC)

Log = Callable[..., int]


@pytest.fixture
def log(app: Flask, ada: Browser) -> Log:
    """Logs half an hour of Ada's running at 70 kg, so many days ago."""

    def write(days_ago: int = 0, *, kind: Kind = Kind.RUNNING, hour: int = 7) -> int:
        started_at = (FRIDAY - timedelta(days=days_ago)).replace(hour=hour)
        draft = Draft(kind=kind, duration=timedelta(minutes=30), weight_kg=None, started_at=started_at)
        with app.app_context():
            accounts.record_weight(1, weight_kg=services.Decimal(70), on_day=FRIDAY.date() - timedelta(days=400))
            return services.log_activity(1, draft, zone="Europe/Berlin").id

    return write


@pytest.fixture
def run_jobs(app: Flask) -> Callable[[], None]:
    """Works off every job that is ready, as a worker does."""

    def work() -> None:
        with app.app_context():
            run_queue(engine_of(), Queue.ACTIVITIES)
            db.session.remove()

    return work


def score_of(browser: Browser) -> list[str]:
    page = browser.get("/scoreboard", headers=PART).get_data(as_text=True)
    return [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<dd>(.*?)</dd>", page)]


def test_strangers_are_told_what_this_is(stranger: Browser) -> None:
    page = stranger.get("/")
    assert page.status_code == 200
    links = re.findall(r'(?:href|action)="(/sign-up|/sign-in|/guest)"', page.get_data(as_text=True))
    assert set(links) == {"/sign-up", "/sign-in", "/guest"}


def test_where_sign_up_is_closed_only_the_way_in_is_shown(
    settings: dict[str, str], request: pytest.FixtureRequest
) -> None:
    settings["SIGN_UP_OPEN"] = "false"
    page = request.getfixturevalue("stranger").get("/").get_data(as_text=True)
    main = page[page.index("<main") : page.index("</main>")]
    assert re.findall(r'(?:href|action)="(/[a-z-]+)"', main) == ["/sign-in"]


def test_today_is_the_persons_day(ada: Browser, frozen_clock: Clock) -> None:
    frozen_clock.now = FRIDAY.replace(hour=23, minute=30)
    assert "<h1>Saturday 21 November</h1>" in ada.get("/").get_data(as_text=True)


def test_a_new_account_is_told_where_to_start(ada: Browser) -> None:
    page = text_of(ada.get("/"))
    assert "Start here" in page
    assert "Log one activity" in page
    assert "Log your first activity" in page


def test_the_scoreboard_adds_up_the_day_the_week_and_the_streak(
    ada: Browser, log: Log, run_jobs: Callable[[], None], frozen_clock: Clock
) -> None:
    for days_ago in (0, 1, 2, 5):  # the last one is the Sunday before
        log(days_ago)
    log(0, kind=Kind.YOGA, hour=9)
    run_jobs()
    assert score_of(ada) == ["455 kcal", "1\u202f085 kcal", "2:00 h", "3 days"]


def test_what_is_not_known_yet_is_a_dash_and_nothing_is_nought(
    ada: Browser, log: Log, run_jobs: Callable[[], None], frozen_clock: Clock
) -> None:
    assert score_of(ada) == ["0 kcal", "0 kcal", "0:00 h", "0 days"]
    log()
    assert score_of(ada) == ["— kcal", "— kcal", "0:30 h", "1 day"]
    run_jobs()
    assert score_of(ada) == ["315 kcal", "315 kcal", "0:30 h", "1 day"]


def test_the_recent_ones_are_the_newest_six(ada: Browser, log: Log) -> None:
    made = [log(days_ago) for days_ago in range(8)]
    page = ada.get("/").get_data(as_text=True)
    assert [int(found) for found in re.findall(r'id="activity-(\d+)-row"', page)] == made[:6]


@pytest.mark.parametrize(
    ("count", "words"), [(1, "1 activity pending processing."), (2, "2 activities pending processing.")]
)
def test_what_is_pending_is_counted_in_words(ada: Browser, log: Log, count: int, words: str) -> None:
    for _ in range(count):
        log()
    assert words in text_of(ada.get("/"))


def test_the_region_settles_by_itself_and_says_so(ada: Browser, log: Log, run_jobs: Callable[[], None]) -> None:
    log()
    first = ada.get("/recent", headers=PART)
    page = first.get_data(as_text=True)
    assert page.strip().startswith('<section id="recent"')
    assert 'hx-trigger="every 500ms, ' in page
    same = ada.get("/recent", headers={**PART, "HX-PTag": first.headers["HX-PTag"]})
    assert (same.status_code, same.get_data()) == (304, b"")
    run_jobs()
    done = ada.get("/recent", headers={**PART, "HX-PTag": first.headers["HX-PTag"]})
    assert done.headers["HX-Trigger"] == '{"activity-settled": "", "announce": {"text": "Running: 315 kcal"}}'
    assert 'hx-trigger="activity-queued' in done.get_data(as_text=True)


@pytest.mark.parametrize("path", ["/recent", "/scoreboard"])
def test_parts_opened_by_hand_lead_to_the_page(ada: Browser, path: str) -> None:
    answer = ada.get(path)
    assert (answer.status_code, answer.location) == (303, "/")


@pytest.mark.parametrize("path", ["/recent", "/scoreboard"])
def test_strangers_have_no_parts(stranger: Browser, path: str) -> None:
    answer = stranger.get(path, headers=PART)
    assert (answer.status_code, answer.headers["HX-Redirect"].partition("?")[0]) == (401, "/sign-in")


def test_cleo_sees_nothing_of_ada(ada: Browser, log: Log, browser: Callable[[], Browser]) -> None:
    log()
    cleo = browser().sign_up("Cleo")
    assert 'id="activity-1-row"' in ada.get("/").get_data(as_text=True)
    assert 'id="activity-1-row"' not in cleo.get("/").get_data(as_text=True)
    assert score_of(cleo)[2] == "0:00 h"


def test_a_guest_finds_something_to_look_at(stranger: Browser) -> None:
    assert stranger.post("/guest", {"zone": "Europe/Berlin"}).status_code == 303
    page = text_of(stranger.get("/"))
    assert "Recent activities" in page
    assert (
        len(re.findall(r'id="activity-\d+-row"', stranger.get("/activities/?per_page=50").get_data(as_text=True))) == 40
    )


@pytest.fixture
def settling_late(run_jobs: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """While it lasts, all that waits gets its number just before a page asks what is still to come."""
    ask = queries.waiting_of

    def late(*given: Any, **named: Any) -> Any:
        run_jobs()
        return ask(*given, **named)

    @contextmanager
    def patched() -> Iterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(queries, "waiting_of", late)
            patch.setattr(statistics, "waiting_of", late)
            yield

    return patched


@pytest.mark.parametrize("path", ["/recent", "/activities/"])
def test_a_page_whose_last_row_settles_while_it_is_drawn_looks_again(
    ada: Browser, log: Log, settling_late: Callable[[], Any], path: str
) -> None:
    log()
    with settling_late():
        first = ada.get(path, headers=PART)
    again = ada.get(path, headers={**PART, "HX-PTag": first.headers["HX-PTag"]})
    drawn = [page.get_data(as_text=True) for page in (first, again)]
    assert [("Calculating" in one, "every " in one) for one in drawn] == [(True, True), (False, False)]
    assert json.loads(again.headers["HX-Trigger"])["announce"] == {"text": "Running: 315 kcal"}


def test_statistics_that_miss_a_number_which_just_came_look_again(
    ada: Browser, log: Log, settling_late: Callable[[], Any]
) -> None:
    log()
    with settling_late():
        first = ada.get("/statistics/", headers=PART)
    again = ada.get("/statistics/", headers={**PART, "HX-PTag": first.headers["HX-PTag"]})
    drawn = [page.get_data(as_text=True) for page in (first, again)]
    assert [("315" in one, "every " in one) for one in drawn] == [(False, True), (True, False)]
