"""The list of planted defects does not rot: its texts are in the engine, and its tests exist."""

import ast
from pathlib import Path

import pytest

from tests.mutants.__main__ import main
from tests.mutants.planted import PLANTED, Planted

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("one", PLANTED, ids=lambda one: one.what)
def test_a_planted_defect_has_its_place_and_its_tests(one: Planted) -> None:
    whole = (ROOT / one.file).read_text()
    assert whole.count(one.old) == 1
    ast.parse(whole.replace(one.old, one.new))
    for test in one.tests:
        file, _, name = test.partition("::")
        assert f"def {name or 'test_'}" in (ROOT / file).read_text()


def test_there_are_twenty_defects_at_least_and_each_is_another() -> None:
    assert len({(one.file, one.old) for one in PLANTED}) == len({one.what for one in PLANTED}) == len(PLANTED)
    assert len(PLANTED) >= 20


def test_a_word_that_no_defect_has_is_an_error_and_not_a_proof_of_nothing() -> None:
    with pytest.raises(SystemExit, match=r"^no defect is called anything with 'feather'$"):
        main("feather")
