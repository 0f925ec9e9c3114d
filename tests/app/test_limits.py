"""How often somebody may do something."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask

from app import create_app
from app.clock import now
from app.errors import TooMany
from app.limits import Limit, forget_empty, forgive, give_back, in_words, take
from tests.app.conftest import Clock

THREE = Limit("knock", times=3, per=timedelta(minutes=30))


def tries(whose: str, limit: Limit = THREE, most: int = 10) -> int:
    """How many tries are let through before one is refused."""
    for number in range(most):
        try:
            take(limit, whose)
        except TooMany:
            return number
    return most


def test_the_fourth_of_three_is_refused_and_told_to_wait(app: Flask, frozen_clock: Clock) -> None:
    with app.app_context():
        assert tries("ada") == 3
        with pytest.raises(TooMany, match=r"^Too many tries. Try again in 10 minutes.$") as refused:
            take(THREE, "ada")
    assert refused.value.retry_after_s == 600


def test_one_becomes_free_after_its_share_of_the_time(app: Flask, frozen_clock: Clock) -> None:
    with app.app_context():
        assert tries("ada") == 3
        frozen_clock.forward(timedelta(minutes=10))
        assert tries("ada") == 1
        frozen_clock.forward(timedelta(hours=5))
        assert tries("ada") == 3


def test_nobody_else_is_held_up(app: Flask, frozen_clock: Clock) -> None:
    with app.app_context():
        assert (tries("ada"), tries("ben"), tries("ada", Limit("other", times=3))) == (3, 3, 3)


def test_what_was_given_back_or_forgiven_can_be_had_again(app: Flask, frozen_clock: Clock) -> None:
    with app.app_context():
        tries("ada")
        give_back(THREE, "ada")
        assert tries("ada") == 1
        forgive(THREE, "ada")
        assert tries("ada") == 3


def test_two_at_once_do_not_share_the_last_place(app: Flask) -> None:
    def knock(_number: int) -> bool:
        with app.app_context():
            try:
                take(THREE, "ada")
            except TooMany:
                return False
            return True

    with ThreadPoolExecutor(6) as pool:
        let_in = list(pool.map(knock, range(12)))
    assert sum(let_in) == 3


def test_another_process_shares_the_limit(app: Flask, frozen_clock: Clock) -> None:
    with app.app_context():
        tries("ada")
    other = create_app(app.extensions["config"], with_pages=False)
    with other.app_context():
        assert tries("ada") == 0


def test_only_empty_ones_are_forgotten(app: Flask, frozen_clock: Clock) -> None:
    with app.app_context():
        tries("ada")
        assert forget_empty(now()) == 0
        frozen_clock.forward(timedelta(hours=1))
        assert forget_empty(now()) == 1
        assert tries("ada") == 3


@pytest.mark.parametrize(
    ("seconds", "words"), [(1, "1 second"), (89, "89 seconds"), (90, "2 minutes"), (600, "10 minutes")]
)
def test_a_wait_is_said_in_words(seconds: int, words: str) -> None:
    assert in_words(seconds) == words
