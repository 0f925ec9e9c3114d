"""What is made again when others disturbed it, and what is not."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from jobs import retrying
from tests.jobs.workshop import Workshop

ALL = 6


@pytest.fixture
def fail(database_kind: str) -> Callable[[Any, str], None]:
    """Has PostgreSQL end a transaction with an error of this state."""
    if database_kind != "postgresql":
        pytest.skip("SQLite raises one such error, see test_broken_statements")

    def run(session: Any, sqlstate: str) -> None:
        session.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'told' USING ERRCODE = '{sqlstate}'; END $$"))

    return run


class Noting:
    """Notes a number in a transaction of its own, and is disturbed the first few times."""

    def __init__(self, shop: Workshop, fail: Callable[[Any, str], None], sqlstate: str, *, times: int) -> None:
        self.shop, self.fail, self.sqlstate, self.left = shop, fail, sqlstate, times
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        with self.shop.host.transaction() as session:
            self.shop.note(7)
            self.left -= 1
            if self.left >= 0:
                self.fail(session, self.sqlstate)
        return "noted"


@pytest.mark.parametrize("sqlstate", ["40001", "40P01", "55P03"])
@pytest.mark.parametrize("times", [0, 1, ALL - 1])
def test_what_was_disturbed_is_made_again(shop: Workshop, fail: Any, sqlstate: str, times: int) -> None:
    note = Noting(shop, fail, sqlstate, times=times)
    assert retrying(note.__call__)() == "noted"
    assert (note.calls, shop.effects()) == (times + 1, [7])


@pytest.mark.parametrize(("sqlstate", "calls"), [("40P01", ALL), ("23505", 1), ("57014", 1), ("22012", 1)])
def test_what_goes_on_is_raised_and_what_is_no_disturbance_at_once(
    shop: Workshop, fail: Any, sqlstate: str, calls: int
) -> None:
    note = Noting(shop, fail, sqlstate, times=100)
    with pytest.raises(DBAPIError) as caught:
        retrying(note.__call__)()
    assert getattr(caught.value.orig, "pgcode", None) == sqlstate
    assert (note.calls, shop.effects()) == (calls, [])


def test_within_a_transaction_only_who_began_it_begins_again(shop: Workshop, fail: Any) -> None:
    note = Noting(shop, fail, "40P01", times=1)
    begun: list[int] = []

    def around() -> str:
        begun.append(note.calls)
        with shop.host.transaction():
            shop.note(1)
            return retrying(note.__call__)()

    with pytest.raises(OperationalError) as caught:
        around()
    assert (getattr(caught.value.orig, "pgcode", None), shop.effects()) == ("40P01", [])
    note.left = 1
    assert (retrying(around)(), shop.effects()) == ("noted", [1, 7])
