"""What makes a draft acceptable."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from app.activities.drafts import Draft, problems_of
from app.activities.mets import Kind

from .conftest import MORNING, run

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"duration": timedelta(seconds=59)}, "duration_min"),
        ({"duration": timedelta(minutes=1441)}, "duration_min"),
        ({"weight_kg": Decimal("19.99")}, "weight_kg"),
        ({"weight_kg": Decimal("500.01")}, "weight_kg"),
        ({"started_at": datetime(1999, 12, 31, tzinfo=UTC)}, "started_at"),
        ({"started_at": NOW + timedelta(minutes=6)}, "started_at"),
        ({"notes": "x" * 2_001}, "notes"),
        ({"notes": "🚴" * 2_000 + "x"}, "notes"),
    ],
)
def test_what_breaks_a_rule_is_named(changes: dict[str, object], field: str) -> None:
    assert list(problems_of(run(**changes), now=NOW)) == [field]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"duration": timedelta(minutes=1)},
        {"duration": timedelta(hours=24)},
        {"weight_kg": Decimal(20)},
        {"weight_kg": None},
        {"started_at": None},
        {"started_at": NOW + timedelta(minutes=5)},
        {"notes": "🚴" * 2_000},
    ],
)
def test_what_keeps_the_rules_passes(changes: dict[str, object]) -> None:
    assert problems_of(run(**changes), now=NOW) == {}


def test_fingerprints_are_of_the_content_and_not_of_its_spelling() -> None:
    same = Draft(
        kind=Kind.RUNNING,
        duration=timedelta(seconds=1800),
        started_at=MORNING.astimezone(),
        weight_kg=Decimal("70.00"),
    )
    assert same.fingerprint() == run().fingerprint()


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": Kind.YOGA},
        {"duration": timedelta(seconds=1801)},
        {"weight_kg": Decimal("70.01")},
        {"weight_kg": None},
        {"started_at": None},
        {"notes": " "},
    ],
)
def test_fingerprints_of_different_content_differ(changes: dict[str, object]) -> None:
    assert run(**changes).fingerprint() != run().fingerprint()
