"""Counting the ledger at a price that does not grow with its history."""

from typing import Any

import pytest
from sqlalchemy import Connection, event, update

from jobs import Entry
from jobs.ledger import census
from jobs.ledger.control import BEFORE_ALL
from jobs.ledger.moments import db_now
from tests.jobs.workshop import QUEUE, Workshop


def test_the_oldest_is_found_at_every_rank(shop: Workshop) -> None:
    ages_s = {BEFORE_ALL: 300, 0: 200, 9: 100}
    uids = shop.submit(shop.noting(), *ages_s)
    with shop.host.transaction() as session:
        for uid, (rank, age_s) in zip(uids, ages_s.items(), strict=True):
            session.execute(update(Entry).where(Entry.uid == uid).values(rank=rank, ready_at=db_now(-age_s)))
    for uid, age_s in zip(uids, ages_s.values(), strict=True):
        with shop.host.transaction() as session:
            assert census.oldest_ready_s(session, [QUEUE])[QUEUE] == pytest.approx(age_s, abs=60)
            session.execute(update(Entry).where(Entry.uid == uid).values(state="cancelled"))


def test_looking_for_the_oldest_reads_no_more_than_what_waits(shop: Workshop) -> None:
    if shop.host.database.dialect.name != "sqlite":
        pytest.skip("what PostgreSQL plans depends on what there is")
    shop.submit(shop.noting(), *range(20))
    plans: list[str] = []

    def hear(connection: Connection, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if "ready_at" in statement:
            rows = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", values)
            plans.extend(row[3] for row in rows if row[3].startswith(("SEARCH job", "SCAN job")))

    event.listen(shop.host.database, "before_cursor_execute", hear)
    try:
        with shop.host.inside():
            census.oldest_ready_s(shop.host.reading(), [QUEUE])
    finally:
        event.remove(shop.host.database, "before_cursor_execute", hear)
    assert len(plans) == len(census.RANKS)
    assert [one for one in plans if "USING INDEX ix_job_ready (queue=? AND rank=?)" not in one] == []
