"""What the ledger's tables refuse by themselves."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.jobs.workshop import Workshop


@pytest.mark.parametrize("wrong", ["state = 'lost'", "priority = 10", "priority = -1"])
def test_a_row_outside_the_rules_cannot_be_stored(shop: Workshop, wrong: str) -> None:
    uid = shop.submit_one(shop.noting())
    with pytest.raises(IntegrityError), shop.host.transaction() as session:
        session.execute(text(f"UPDATE job SET {wrong}"))
    assert shop.state(uid) == "ready"


def test_an_attempt_is_recorded_once(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    shop.work()
    again = "INSERT INTO job_attempt (job_id, attempt, outcome, finished_at) SELECT id, 1, 'lost', created_at FROM job"
    with pytest.raises(IntegrityError), shop.host.transaction() as session:
        session.execute(text(again))
    assert shop.outcomes(uid) == ["succeeded"]


def test_processing_time_is_told_once_the_attempt_ended(shop: Workshop) -> None:
    uid = shop.submit_one(shop.noting())
    assert (shop.entry(uid).is_live, shop.entry(uid).processing_ms) == (True, None)
    shop.work()
    entry = shop.entry(uid)
    assert not entry.is_live
    assert entry.processing_ms is not None
    assert 0 <= entry.processing_ms < 60_000
