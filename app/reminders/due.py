"""Who is due, given now and their history. Days and hours are those of the person's own clock."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.periods import ONE_DAY, local

FEWEST_DAYS, USUAL_DAYS, MOST_DAYS = 1, 3, 14
USUAL_HOUR, LAST_HOUR = 18, 23
LOOK_BACK = timedelta(days=MOST_DAYS + 2)
"""Whoever logged longer ago is due however many days they chose, and wherever their days begin."""

ITS_DAY_IS_OVER = "its day is over"
REMINDED_ALREADY = "reminded already"
LOGGED_SINCE = "logged since"
NOT_DUE_ANY_MORE = "not due any more"


@dataclass(frozen=True, slots=True)
class Wish:
    """After how many days without logging somebody wants to be reminded, from which hour on, by which clock."""

    days: int
    hour: int
    zone: str


@dataclass(frozen=True, slots=True)
class Past:
    """When somebody signed up and last logged, when a job was last to remind them, and when they were."""

    signed_up_at: datetime
    logged_at: datetime | None = None
    asked_on: date | None = None
    reminded_on: date | None = None


def first_day(wish: Wish, past: Past) -> date:
    """The first day on which a reminder is right: so many after the last logging and after the last reminder.

    Who never logged counts from signing up. Knowing of a later logging never makes it an earlier day.
    """
    known = [local(at, wish.zone).date() for at in (past.signed_up_at, past.logged_at) if at is not None]
    return max([*known, *([past.reminded_on] if past.reminded_on else [])]) + ONE_DAY * wish.days


def day_due(now: datetime, wish: Wish, past: Past) -> date | None:
    """The day for which somebody is to be reminded at this moment; None when they are not. Once a day at most.

    From the hour they chose until midnight: who could not be reminded in the evening is not woken at night. An hour
    that the clock skips is over when it has been skipped, and one that comes twice counts the first time.
    """
    there = local(now, wish.zone)
    today = there.date()
    is_asked = past.asked_on is not None and past.asked_on >= today
    return today if there.hour >= wish.hour and not is_asked and today >= first_day(wish, past) else None


def why_not(day: date, now: datetime, wish: Wish, past: Past) -> str | None:
    """Why somebody who was due on that day is not to be reminded now after all; None when they are."""
    if local(now, wish.zone).date() != day:
        return ITS_DAY_IS_OVER
    if past.reminded_on is not None and past.reminded_on >= day:
        return REMINDED_ALREADY
    if past.logged_at is not None and local(past.logged_at, wish.zone).date() + ONE_DAY * wish.days > day:
        return LOGGED_SINCE
    return NOT_DUE_ANY_MORE if first_day(wish, past) > day else None


def end_of(day: date, zone: str) -> datetime:
    """The moment at which that day is over; where the clock skips midnight, the moment at which it does."""
    return datetime.combine(day + ONE_DAY, time(), ZoneInfo(zone)).astimezone(UTC)
