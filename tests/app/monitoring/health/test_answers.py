"""What the health endpoint's answer means, and a day of answers as a strip."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.monitoring.health.answers import availability, quantile_ms, read_answer, spells, strip

NOW = datetime(2026, 11, 20, 12, 34, 56, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "text", "condition", "words"),
    [
        (200, "database: ok\nworkers: ok (2 alive)\n", "ok", "All is well."),
        (200, "database: ok\nworkers: degraded\n", "degraded", "workers: degraded"),
        (503, "database: down (refused)\nredis: ok\n", "down", "database: down (refused)"),
        (500, "<html>", "down", "It answers 500."),
        (None, "It does not answer: refused.", "down", "It does not answer: refused."),
        (None, "", "down", "It does not answer."),
    ],
)
def test_answer_is_read(status: int | None, text: str, condition: str, words: str) -> None:
    answer = read_answer(status, text)
    assert (answer.condition, answer.words) == (condition, words)


def test_strip_shows_the_worst_of_each_ten_minutes_of_a_day() -> None:
    looks = [
        (NOW, "ok", 3.0),
        (NOW - timedelta(minutes=4), "degraded", 9.0),
        (NOW - timedelta(minutes=5), "ok", 4.0),
        (NOW - timedelta(minutes=15), "down", 5_000.0),
        (NOW - timedelta(minutes=16), "degraded", 1.0),
        (NOW - timedelta(hours=24), "ok", 1.0),
        (NOW + timedelta(minutes=10), "down", 1.0),
    ]
    cells = strip(looks, until=NOW)
    assert len(cells) == 144
    assert [cell.begins_at.strftime("%d %H:%M") for cell in (cells[0], cells[-1])] == ["19 12:40", "20 12:30"]
    assert [(cell.condition, cell.looks, cell.slowest_ms) for cell in cells[-3:]] == [
        ("down", 2, 5_000.0),
        ("ok", 1, 4.0),
        ("degraded", 2, 9.0),
    ]
    assert {cell.condition for cell in cells[:-3]} == {"unknown"}


def test_availability_never_rounds_a_failure_away() -> None:
    assert availability(0, 0) == "—"
    assert availability(8_640, 0) == "100"
    assert availability(8_640, 9) == "99.89"
    assert availability(1_000_000, 1) == "99.99"


def test_looks_that_found_the_same_are_one_spell() -> None:
    def at(minutes: int) -> datetime:
        return NOW - timedelta(minutes=minutes)

    found = spells(
        [
            (at(1), "down", "x"),
            (at(2), "down", "x"),
            (at(3), "degraded", "x"),
            (at(4), "down", "x"),
            (at(14), "down", "x"),
        ]
    )
    assert [(one.begins_at, one.ends_at, one.condition, one.looks) for one in found] == [
        (at(2), at(1), "down", 2),
        (at(3), at(3), "degraded", 1),
        (at(4), at(4), "down", 1),
        (at(14), at(14), "down", 1),
    ]
    assert spells([]) == []


def test_quantiles() -> None:
    assert quantile_ms([], 0.5) is None
    assert [quantile_ms([4.0, 1.0, 2.0, 3.0], share) for share in (0.0, 0.5, 0.95, 1.0)] == [1.0, 3.0, 4.0, 4.0]
