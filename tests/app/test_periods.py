"""Days and moments where people live."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from app import periods

TODAY = date(2026, 11, 20)


def test_weeks_begin_on_monday() -> None:
    assert periods.week_of(TODAY) == (date(2026, 11, 16), date(2026, 11, 22))
    assert periods.week_of(date(2026, 11, 16)) == (date(2026, 11, 16), date(2026, 11, 22))


@pytest.mark.parametrize(
    ("zone", "at"),
    [("UTC", datetime(2026, 7, 1, 12, tzinfo=UTC)), ("Europe/Berlin", datetime(2026, 7, 1, 10, tzinfo=UTC)),
     ("Pacific/Apia", datetime(2026, 6, 30, 23, tzinfo=UTC))],
)  # fmt: skip
def test_moment_is_the_instant_of_a_local_clock(zone: str, at: datetime) -> None:
    assert periods.moment(date(2026, 7, 1), time(12), zone=zone) == at


def test_moment_the_clock_skips_is_refused() -> None:
    with pytest.raises(ValueError, match="skips"):
        periods.moment(date(2026, 3, 29), time(2, 30), zone="Europe/Berlin")


def test_moment_that_comes_twice_is_the_first() -> None:
    first = periods.moment(date(2026, 10, 25), time(2, 30), zone="Europe/Berlin")
    assert first == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "at", "zone"), [(date.min, time(0), "Asia/Tokyo"), (date.max, time(23, 59), "America/Lima")]
)
def test_moments_at_the_end_of_time_are_refused_in_words(day: date, at: time, zone: str) -> None:
    with pytest.raises(ValueError, match="out of bounds"):
        periods.moment(day, at, zone=zone)


@pytest.mark.parametrize(
    ("ago", "long", "short"),
    [
        (0, "Today", "Today"),
        (1, "Yesterday", "Yesterday"),
        (3, "Tuesday 17 November", "Tue"),
        (17, "Tuesday 3 November", "3 Nov"),
        (400, "Thursday 16 October 2025", "16 Oct 2025"),
        (-1, "Saturday 21 November", "21 Nov"),
    ],
)
def test_days_are_named_as_people_say_them(ago: int, long: str, short: str) -> None:
    day = TODAY - timedelta(days=ago)
    assert (periods.named_day(day, today=TODAY), periods.short_day(day, today=TODAY)) == (long, short)


@pytest.mark.parametrize(
    ("ago", "count"),
    [([], 0), ([0], 1), ([1], 1), ([2], 0), ([0, 1, 2], 3), ([1, 2, 4], 2), ([0, 2], 1), ([-1, 0, 1], 2)],
)
def test_streak_counts_days_in_a_row(ago: list[int], count: int) -> None:
    assert periods.streak([TODAY - timedelta(days=days) for days in ago], today=TODAY) == count
