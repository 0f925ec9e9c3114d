"""Which passwords are good enough."""

import pytest

from app.accounts.passwords import problem_of

ADA = ("ada.lovelace@example.org", "Ada Lovelace")
COMMON = "This is one of the first that somebody would try."
ABOUT = "Do not use your name, your e-mail or the product's name in it."


@pytest.mark.parametrize(
    "password",
    ["horse plane grass", "  twelve, all in", "ß𝔘ñí©ödé är gut", "🙂🙃😀😁🥨🚲🏊🧘🏃🚶🌍🌋", "x9-" * 42 + "ab"],
)
def test_long_and_uncommon_is_enough(password: str) -> None:
    assert problem_of(password, about=ADA) is None


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("short enough"[:11], "Use at least 12 characters; a few words in a row do well."),
        ("y" + "ab3-" * 32, "Use at most 128 characters."),
        ("password1234", COMMON),
        ("P4ssw0rd!!!!", COMMON),
        ("2024-welcome", COMMON),
        ("qwertyuiopas", COMMON),
        ("098765432109", COMMON),
        ("aaaaaaaaaaab", COMMON),
        ("grasgrasgras", COMMON),
        ("iloveyouforever", COMMON),
        ("my name is Lovelace", ABOUT),
        ("ada.lovelace!!", ABOUT),
        ("tick tock METRONOME", ABOUT),
    ],
)
def test_what_is_wrong_is_said(password: str, problem: str) -> None:
    assert problem_of(password, about=ADA) == problem


def test_admins_need_three_more() -> None:
    assert problem_of("horse plane 14", is_admin=False) is None
    assert problem_of("horse plane 14", is_admin=True) == "Use at least 15 characters; a few words in a row do well."
    assert problem_of("horse plane 15!", is_admin=True) is None
