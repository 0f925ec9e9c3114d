"""When something is an alert, and when it is over."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.alerts.conditions import Line, Verdict, failure_percent, is_quiet, is_to_be_told, judged

LINE = Line(raised_at=300, cleared_at=150)
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NIGHT = (time(22), time(7), ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("value", "is_open", "verdict"),
    [
        (299, False, Verdict.LEAVE),
        (300, False, Verdict.RAISE),
        (299, True, Verdict.LEAVE),
        (300, True, Verdict.GOES_ON),
        (151, True, Verdict.LEAVE),
        (150, True, Verdict.RESOLVE),
        (150, False, Verdict.LEAVE),
        (None, True, Verdict.RESOLVE),
        (None, False, Verdict.LEAVE),
    ],
)
def test_a_value_between_the_lines_changes_nothing(value: float | None, is_open: bool, verdict: Verdict) -> None:
    assert judged(value, LINE, is_open=is_open) is verdict


def test_a_value_that_wavers_raises_once() -> None:
    is_open, raised = False, 0
    for value in [310, 290, 305, 200, 301, 160, 300]:
        verdict = judged(value, LINE, is_open=is_open)
        raised += verdict is Verdict.RAISE
        is_open = verdict is Verdict.RAISE or (is_open and verdict is not Verdict.RESOLVE)
    assert raised == 1


def test_a_line_must_have_a_space_below_it() -> None:
    with pytest.raises(ValueError, match="cleared below"):
        Line(raised_at=1, cleared_at=1)


def test_few_jobs_have_no_rate() -> None:
    assert failure_percent(failed=19, succeeded=0, least=20) is None
    assert failure_percent(failed=5, succeeded=15, least=20) == 25.0


@pytest.mark.parametrize(
    ("hour", "minute", "quiet"),
    [(20, 59, False), (21, 0, True), (23, 30, True), (5, 59, True), (6, 0, False), (12, 0, False)],
)
def test_quiet_hours_pass_midnight_in_their_own_zone(hour: int, minute: int, quiet: bool) -> None:
    assert is_quiet(NOON.replace(hour=hour, minute=minute), NIGHT) is quiet


def test_quiet_hours_within_a_day_and_none() -> None:
    lunch = (time(12), time(13), ZoneInfo("UTC"))
    assert [is_quiet(NOON, lunch), is_quiet(NOON + timedelta(hours=1), lunch)] == [True, False]
    assert [is_quiet(NOON, None), is_quiet(NOON, (time(3), time(3), ZoneInfo("UTC")))] == [False, False]


@pytest.mark.parametrize(
    ("changes", "is_told"),
    [
        ({}, True),
        ({"asked_at": NOON - timedelta(minutes=59)}, False),
        ({"asked_at": NOON - timedelta(hours=1)}, True),
        ({"is_muted": True}, False),
        ({"is_acknowledged": True}, False),
        ({"is_quiet_now": True}, False),
        ({"is_quiet_now": True, "severity": "critical"}, True),
        ({"is_muted": True, "severity": "critical"}, False),
    ],
)
def test_people_are_told_once_in_a_cool_down(changes: dict[str, object], is_told: bool) -> None:
    usual: dict[str, object] = {
        "at": NOON,
        "asked_at": None,
        "cool_down": timedelta(hours=1),
        "is_muted": False,
        "is_acknowledged": False,
        "is_quiet_now": False,
        "severity": "warning",
    }
    assert is_to_be_told(**usual | changes) is is_told  # type: ignore[arg-type]
