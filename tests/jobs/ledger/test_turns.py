"""Whose turn it is among jobs that were asked for together."""

from __future__ import annotations

from sqlalchemy import select

from jobs import Entry, JobRequest
from tests.jobs.workshop import Workshop


def test_what_one_asks_for_together_has_its_turns_in_that_order(shop: Workshop) -> None:
    job = shop.noting()
    requests = [
        JobRequest(job, {"number": number}, priority=number * 7 % 10, requested_by="ada") for number in range(300)
    ]
    with shop.host.transaction() as session:
        shop.engine.write_down(session, requests)
    with shop.host.inside():
        by_turn = shop.host.reading().execute(select(Entry.priority, Entry.turn).order_by(Entry.priority, Entry.id))
        found = [tuple(row) for row in by_turn]
    assert found == [(priority, turn) for priority in range(10) for turn in range(1, 31)]
