"""How long to wait before the next try."""

import random

import pytest

from jobs.dispatch.backoff import backoff_s


@pytest.mark.parametrize(
    ("failures", "nominal_s"), [(1, 15), (2, 30), (3, 60), (8, 1_920), (9, 3_600), (10_000, 3_600)]
)
def test_the_pause_doubles_up_to_its_bound_and_varies_by_a_fifth(failures: int, nominal_s: float) -> None:
    chance = random.Random(7)
    pauses = [backoff_s(failures, min_backoff=15_000, max_backoff=3_600_000, chance=chance) for _ in range(500)]
    assert nominal_s * 0.8 <= min(pauses) < nominal_s * 0.82
    assert nominal_s * 1.18 < max(pauses) <= nominal_s * 1.2


def test_no_pause_can_be_asked_for() -> None:
    assert backoff_s(3, min_backoff=0, max_backoff=3_600_000, chance=random.Random(7)) == 0
