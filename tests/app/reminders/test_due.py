"""Who is due, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from app.reminders import due
from app.reminders.due import Past, Wish

BERLIN, HAVANA, LORD_HOWE, KIRITIMATI = "Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "Pacific/Kiritimati"
USUAL = Wish(days=3, hour=18, zone=BERLIN)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
FRIDAY = date(2026, 11, 20)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


EVENING = at("2026-11-20T18:00+01:00")


@pytest.mark.parametrize(
    ("now", "wish", "past", "day"),
    [
        # Three days without logging, at six in the evening, to the second.
        (EVENING - SECOND, USUAL, Past(LONG_AGO, at("2026-11-17T09:00+01:00")), None),
        (EVENING, USUAL, Past(LONG_AGO, at("2026-11-17T09:00+01:00")), FRIDAY),
        (EVENING, USUAL, Past(LONG_AGO, at("2026-11-17T23:59:59+01:00")), FRIDAY),
        (EVENING, USUAL, Past(LONG_AGO, at("2026-11-18T00:00+01:00")), None),
        (EVENING, USUAL, Past(LONG_AGO, EVENING), None),
        # Until midnight, and not at night.
        (at("2026-11-20T23:59:59+01:00"), USUAL, Past(LONG_AGO, at("2026-11-17T09:00+01:00")), FRIDAY),
        (at("2026-11-21T00:00+01:00"), USUAL, Past(LONG_AGO, at("2026-11-17T09:00+01:00")), None),
        (at("2026-11-21T18:00+01:00"), USUAL, Past(LONG_AGO, at("2026-11-17T09:00+01:00")), date(2026, 11, 21)),
        # Who never logged counts from signing up.
        (EVENING, USUAL, Past(at("2026-11-17T23:00+01:00")), FRIDAY),
        (EVENING, USUAL, Past(at("2026-11-18T01:00+01:00")), None),
        # What was logged is never older than the account, whatever a row says.
        (EVENING, USUAL, Past(at("2026-11-18T01:00+01:00"), LONG_AGO), None),
        # Once a day, whatever became of it; the next day again, when nobody was reminded.
        (EVENING, USUAL, Past(LONG_AGO, asked_on=FRIDAY), None),
        (EVENING, USUAL, Past(LONG_AGO, asked_on=date(2026, 11, 19)), FRIDAY),
        # Who travelled west has the day once more, and no second reminder.
        (EVENING, USUAL, Past(LONG_AGO, asked_on=date(2026, 11, 21)), None),
        # Not again before as many days.
        (EVENING, USUAL, Past(LONG_AGO, asked_on=date(2026, 11, 18), reminded_on=date(2026, 11, 18)), None),
        (EVENING, USUAL, Past(LONG_AGO, asked_on=date(2026, 11, 17), reminded_on=date(2026, 11, 17)), FRIDAY),
        # Unless they logged: then from that day on.
        (EVENING, USUAL, Past(LONG_AGO, at("2026-11-18T19:00+01:00"), reminded_on=date(2026, 11, 17)), None),
        (EVENING, USUAL, Past(LONG_AGO, at("2026-11-17T19:00+01:00"), reminded_on=date(2026, 11, 17)), FRIDAY),
        # Fewest and most days; the first and the last hour.
        (EVENING, replace(USUAL, days=1), Past(LONG_AGO, at("2026-11-19T23:00+01:00")), FRIDAY),
        (EVENING, replace(USUAL, days=14), Past(LONG_AGO, at("2026-11-06T23:00+01:00")), FRIDAY),
        (EVENING, replace(USUAL, days=14), Past(LONG_AGO, at("2026-11-07T00:00+01:00")), None),
        (at("2026-11-20T00:00+01:00"), replace(USUAL, hour=0), Past(LONG_AGO), FRIDAY),
        (at("2026-11-19T23:59:59+01:00"), replace(USUAL, hour=0, days=1), Past(at("2026-11-19T01:00+01:00")), None),
        (at("2026-11-20T22:59+01:00"), replace(USUAL, hour=23), Past(LONG_AGO), None),
        (at("2026-11-20T23:00+01:00"), replace(USUAL, hour=23), Past(LONG_AGO), FRIDAY),
        # A day is one of the person's own: at one moment it is Friday in Berlin and Saturday on Kiritimati.
        (EVENING, replace(USUAL, zone=KIRITIMATI, hour=7), Past(LONG_AGO), date(2026, 11, 21)),
        (EVENING, replace(USUAL, zone=KIRITIMATI, hour=8), Past(LONG_AGO), None),
        # The days on which clocks are put forward and back have an evening like every other.
        (at("2026-03-29T18:00+02:00"), USUAL, Past(LONG_AGO, at("2026-03-26T18:00+01:00")), date(2026, 3, 29)),
        (at("2026-03-29T18:00+02:00") - SECOND, USUAL, Past(LONG_AGO, at("2026-03-26T18:00+01:00")), None),
        (at("2026-10-25T18:00+01:00"), USUAL, Past(LONG_AGO, at("2026-10-22T23:59+02:00")), date(2026, 10, 25)),
        (at("2026-10-25T18:00+01:00") - SECOND, USUAL, Past(LONG_AGO, at("2026-10-22T12:00+02:00")), None),
        # An hour that the clock skips is over when it has been skipped.
        (at("2026-03-29T01:59:59+01:00"), replace(USUAL, hour=2), Past(LONG_AGO), None),
        (at("2026-03-29T03:00+02:00"), replace(USUAL, hour=2), Past(LONG_AGO), date(2026, 3, 29)),
        # One that comes twice counts the first time, and once.
        (at("2026-10-25T02:00+02:00"), replace(USUAL, hour=2), Past(LONG_AGO), date(2026, 10, 25)),
        (at("2026-10-25T02:00+01:00"), replace(USUAL, hour=2), Past(LONG_AGO, asked_on=date(2026, 10, 25)), None),
        # In Havana the clock skips midnight itself.
        (at("2026-03-08T01:00-04:00"), Wish(3, 0, HAVANA), Past(LONG_AGO), date(2026, 3, 8)),
        (at("2026-03-07T23:59-05:00"), Wish(3, 0, HAVANA), Past(LONG_AGO, asked_on=date(2026, 3, 7)), None),
    ],
)
def test_who_is_due(now: datetime, wish: Wish, past: Past, day: date | None) -> None:
    assert due.day_due(now, wish, past) == day


@pytest.mark.parametrize("days", [1, 3, 14])
def test_looked_at_every_quarter_of_an_hour_nobody_is_reminded_more_often_than_they_said(days: int) -> None:
    wish, past = replace(USUAL, days=days), Past(at("2026-03-01T12:00+01:00"))
    now, came = at("2026-03-01T12:00+01:00"), list[datetime]()
    while now < at("2026-04-12T00:00+02:00"):  # the clocks are put forward in between
        if day := due.day_due(now, wish, past):
            came.append(now)
            past = replace(past, asked_on=day, reminded_on=day)
        now += timedelta(minutes=15)
    evenings = [datetime(2026, 3, 1, 17, tzinfo=UTC) + timedelta(days=days * n) for n in range(1, 41 // days + 1)]
    summer = at("2026-03-29T02:00+01:00")
    assert came == [one - timedelta(hours=1) if one > summer else one for one in evenings]


def test_knowing_of_a_later_logging_makes_nobody_due() -> None:
    past = Past(LONG_AGO, reminded_on=date(2026, 11, 10))
    days = [due.first_day(USUAL, replace(past, logged_at=EVENING - timedelta(days=n))) for n in range(400, 0, -1)]
    assert days == sorted(days)
    assert due.first_day(USUAL, past) <= days[0]


@pytest.mark.parametrize("zone", [BERLIN, KIRITIMATI, "Pacific/Pago_Pago"])
@pytest.mark.parametrize("days", [1, 14])
def test_who_did_not_log_within_what_is_looked_at_is_due_anyway(zone: str, days: int) -> None:
    wish, past = Wish(days, 0, zone), Past(LONG_AGO, EVENING - due.LOOK_BACK)
    assert due.day_due(EVENING, wish, past) == due.day_due(EVENING, wish, Past(LONG_AGO))


@pytest.mark.parametrize(
    ("past", "why"),
    [
        (Past(LONG_AGO, asked_on=FRIDAY), None),
        (Past(LONG_AGO, EVENING - timedelta(days=3), asked_on=FRIDAY), None),
        (Past(LONG_AGO, EVENING), due.LOGGED_SINCE),
        (Past(LONG_AGO, EVENING - timedelta(days=2)), due.LOGGED_SINCE),
        (Past(LONG_AGO, reminded_on=FRIDAY), due.REMINDED_ALREADY),
        (Past(LONG_AGO, reminded_on=date(2026, 11, 18)), due.NOT_DUE_ANY_MORE),
    ],
)
def test_what_has_changed_meanwhile_is_said(past: Past, why: str | None) -> None:
    assert due.why_not(FRIDAY, EVENING, USUAL, past) == why


def test_a_reminder_is_of_its_day_alone() -> None:
    last = at("2026-11-20T23:59:59+01:00")
    assert due.why_not(FRIDAY, last, USUAL, Past(LONG_AGO)) is None
    assert due.why_not(FRIDAY, last + SECOND, USUAL, Past(LONG_AGO)) == due.ITS_DAY_IS_OVER


@pytest.mark.parametrize(
    ("day", "zone", "ends"),
    [
        (FRIDAY, BERLIN, "2026-11-21T00:00+01:00"),
        (date(2026, 3, 29), BERLIN, "2026-03-30T00:00+02:00"),
        (date(2026, 10, 25), BERLIN, "2026-10-26T00:00+01:00"),
        (date(2026, 3, 7), HAVANA, "2026-03-08T01:00-04:00"),
        (date(2026, 4, 4), LORD_HOWE, "2026-04-05T00:00+11:00"),
    ],
)
def test_a_day_ends_when_the_next_begins(day: date, zone: str, ends: str) -> None:
    assert due.end_of(day, zone) == at(ends)
