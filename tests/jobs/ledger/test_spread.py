"""How times are spread."""

import pytest

from jobs.ledger.spread import BOUNDS_S, BUCKETS, added, percentile


def spread(**counts: int) -> list[int]:
    return [counts.get(f"b{place}", 0) for place in range(BUCKETS)]


def test_nothing_counted_has_no_percentile() -> None:
    assert percentile(spread(), 0.5) is None


@pytest.mark.parametrize(
    ("counts", "share", "seconds"),
    [
        ({"b5": 10}, 0.5, 0.075),
        ({"b5": 10}, 1.0, 0.1),
        ({"b0": 1, "b9": 1}, 0.5, 0.001),
        ({"b0": 99, "b12": 1}, 0.99, 0.001),
        ({f"b{len(BOUNDS_S)}": 3}, 0.5, 1800.0),
    ],
)
def test_a_percentile_lies_within_its_bucket(counts: dict[str, int], share: float, seconds: float) -> None:
    assert percentile(spread(**counts), share) == pytest.approx(seconds)


def test_spreads_are_added_bucket_by_bucket() -> None:
    assert added([spread(b0=1, b3=2), spread(b3=5), []]) == spread(b0=1, b3=7)
    assert added([]) == spread()
