"""States, their words and the pace of looking."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from app.activities import standing as s
from app.activities.standing import pace_s, settled_words, standing

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("energy", "failed", "job_state", "failures", "waited_s", "expected"),
    [
        ("315.0", False, "succeeded", 0, 0, s.DONE),
        ("315.0", False, None, 0, 9_999, s.DONE),
        (None, True, "dead", 4, 0, s.FAILED),
        (None, False, "running", 0, 9_999, s.RUNNING),
        (None, False, "ready", 0, 1, s.STARTING),
        (None, False, None, 0, 1, s.STARTING),
        (None, False, "ready", 0, 11, s.WAITING),
        (None, False, "scheduled", 1, 30, s.RETRYING),
        (None, False, "scheduled", 2, 601, s.SLOW),
        (None, False, "succeeded", 0, 11, s.WAITING),
    ],
)
def test_standing_follows_row_and_job(
    energy: str | None, failed: bool, job_state: str | None, failures: int, waited_s: int, expected: s.Standing
) -> None:
    found = standing(
        None if energy is None else Decimal(energy),
        failed=failed,
        job_state=job_state,
        failures=failures,
        waiting_for=timedelta(seconds=waited_s),
    )
    assert found == expected


@pytest.mark.parametrize(
    ("waited_s", "usual_s", "expected"),
    [(0, 2, 0.5), (9, 2, 0.5), (10, 2, 2), (59, 2, 2), (60, 2, 10), (599, 2, 10), (600, 2, 60), (60, 30, 30)],
)
def test_pace_slows_down_with_the_wait(waited_s: int, usual_s: float, expected: float) -> None:
    assert pace_s(NOW - timedelta(seconds=waited_s), now=NOW, usual_s=usual_s) == expected


def test_nothing_that_waits_means_no_looking() -> None:
    assert pace_s(None, now=NOW, usual_s=2) is None


@pytest.mark.parametrize(
    ("settled", "words"),
    [
        ([], ""),
        ([("Running", Decimal("315.0"))], "Running: 315 kcal"),
        ([("Yoga", None)], "Yoga: could not calculate"),
        ([("Yoga", Decimal(2)), ("Running", Decimal(1))], "2 activities calculated"),
        ([("Yoga", None), ("Running", None)], "2 activities could not be calculated"),
        ([("Yoga", None), ("Running", Decimal(1))], "1 activity calculated, 1 could not be calculated"),
        ([("Yoga", None), ("Running", None), ("Yoga", Decimal(2))], "1 activity calculated, 2 could not be calculated"),
    ],
)
def test_settled_words_are_short(settled: list[tuple[str, Decimal | None]], words: str) -> None:
    assert settled_words(settled) == words
