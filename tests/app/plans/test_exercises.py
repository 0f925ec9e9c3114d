"""The exercises: enough of them, and one for everybody."""

from __future__ import annotations

from app.plans.answers import Equipment, Goal, Level, Limit
from app.plans.exercises import LOWER, MOVES, UPPER, Pattern, best_move, move, moves_for
from tests.app.plans.people import somebody


def test_there_are_about_thirty_of_them_each_with_a_name_of_its_own_and_something_easier() -> None:
    assert len(MOVES) == 36
    assert len({one.key for one in MOVES}) == len({one.label for one in MOVES}) == len(MOVES)
    assert [one.key for one in MOVES if not one.easier or one != move(one.key)] == []
    assert sorted({one.pattern for one in MOVES}) == sorted(Pattern) == sorted((*LOWER, *UPPER))


def test_every_pattern_has_one_that_suits_everybody() -> None:
    nobody_stronger = somebody(limits=frozenset(Limit))
    assert [best_move(pattern, nobody_stronger).key for pattern in Pattern] == [
        *("sit_to_stand", "forearm_wall_press", "hip_extension", "blade_squeeze"),
        *("arm_raise", "elbow_pull_down", "side_leg_lift", "standing_march"),
    ]


def test_what_is_hard_is_not_for_who_begins() -> None:
    everything = {"equipment": frozenset(Equipment), "goal": Goal.STRENGTH}
    assert [one.key for one in moves_for(somebody(**everything)) if one.is_hard] == []
    assert len(moves_for(somebody(level=Level.ADVANCED, **everything))) == len(MOVES)


def test_what_needs_something_is_for_who_has_it() -> None:
    assert {one.needs for one in moves_for(somebody())} == {None}
    assert {one.needs for one in moves_for(somebody(equipment=frozenset({Equipment.BANDS})))} == {
        None,
        Equipment.BANDS,
    }


def test_what_strains_is_left_out() -> None:
    for limit in Limit:
        suited = moves_for(somebody(limits=frozenset({limit}), equipment=frozenset(Equipment), level=Level.ADVANCED))
        assert [one.key for one in suited if limit in one.strains] == []
        assert len(suited) < len(MOVES)
