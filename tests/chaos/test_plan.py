"""What goes wrong when."""

from itertools import pairwise

from .plan import LASTS_S, plan


def test_a_seed_brings_the_same_faults_at_the_same_moments() -> None:
    assert plan(7, 60) == plan(7, 60)
    assert plan(7, 60) != plan(8, 60)


def test_a_longer_run_begins_like_a_shorter_one() -> None:
    begins = [one for one in plan(7, 60) if not one.is_end]
    assert [one for one in plan(7, 20) if not one.is_end] == [one for one in begins if one.at_s < 20]


def test_twenty_seeds_bring_every_fault() -> None:
    assert {one.what for seed in range(20) for one in plan(seed, 60)} == set(LASTS_S)


def test_what_lasts_ends_before_the_next_hits_the_same() -> None:
    for seed in range(20):
        found = plan(seed, 60)
        assert [one.at_s <= 60 for one in found] == [True] * len(found)
        for target in ("worker", "scheduler", "Redis", "database"):
            hits = [one for one in found if one.what.startswith(target) and LASTS_S[one.what][1]]
            assert [one.is_end for one in hits] == [False, True] * (len(hits) // 2)
            assert all(one.what == other.what for one, other in list(pairwise(hits))[::2])
