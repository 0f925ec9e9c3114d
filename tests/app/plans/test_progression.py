"""When a load grows, and by how much."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.plans.progression import next_load_kg


@pytest.mark.parametrize(
    ("load_kg", "is_lower", "at_top", "following_kg"),
    [
        ("60", False, 2, "62.5"),
        ("60", False, 1, "60"),
        ("100", True, 2, "105"),
        ("20", False, 2, "20"),
        ("140", True, 2, "145"),
        ("25", False, 2, "27.5"),
        ("200", False, 3, "205"),
    ],
)
def test_a_load_grows_by_whole_steps(load_kg: str, is_lower: bool, at_top: int, following_kg: str) -> None:
    assert next_load_kg(Decimal(load_kg), is_lower=is_lower, sessions_at_top=at_top) == Decimal(following_kg)


def test_smaller_plates_make_smaller_steps() -> None:
    step_kg = Decimal(1)
    assert next_load_kg(Decimal(20), is_lower=False, sessions_at_top=2, step_kg=step_kg) == Decimal(21)
