"""Calories, by the formula and by hand."""

from datetime import timedelta
from decimal import Decimal

import pytest

from app.activities.calories import burned
from app.activities.mets import Kind


@pytest.mark.parametrize(
    ("kind", "weight_kg", "minutes", "expected"),
    [
        (Kind.RUNNING, "70", 30, "315.0"),
        (Kind.WALKING, "70", 60, "245.0"),
        (Kind.CYCLING, "82.5", 45, "495.0"),
        (Kind.SWIMMING, "61.35", 50, "332.3"),
        (Kind.YOGA, "20", 1, "1.3"),
    ],
)
def test_burned_is_met_times_kilograms_times_hours(kind: Kind, weight_kg: str, minutes: int, expected: str) -> None:
    assert burned(kind.met, weight_kg=Decimal(weight_kg), duration=timedelta(minutes=minutes)) == Decimal(expected)


def test_burned_rounds_halves_up() -> None:
    # 9 × 25 kg × 24 s = 1.5; 9.0 × 50 × 1 s / 3600 = 0.125; 4.0 × 22.5 × 6 s / 3600 = 0.15
    assert burned(Decimal("4.0"), weight_kg=Decimal("22.5"), duration=timedelta(seconds=6)) == Decimal("0.2")


@pytest.mark.parametrize(
    ("met", "weight_kg", "seconds", "sentence"),
    [("0", "70", 60, "It has no MET."), ("9", "0", 60, "It has no weight."), ("9", "70", 0, "It has no duration.")],
)
def test_burned_says_what_is_missing(met: str, weight_kg: str, seconds: int, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        burned(Decimal(met), weight_kg=Decimal(weight_kg), duration=timedelta(seconds=seconds))
