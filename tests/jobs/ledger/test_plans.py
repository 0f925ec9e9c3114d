"""What every job passes through reads the rows it is about, however many others wait or run."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import event, text

from jobs.ledger import hot, writer
from jobs.ledger.writer import Claim
from tests.jobs.workshop import Workshop

CROWD = 300


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's steps, each before those that feed it."""
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes(inner)


def rows_read(shop: Workshop, act: Callable[[list[Claim]], object]) -> dict[str, int]:
    """How many rows of the ledger are read through which index when `act` is done, and once more.

    It is planned while a crowd of jobs waits, and a crowd runs as well when it is done; it gets a claim to act upon.
    """
    shop.host.database.dispose()  # nothing is planned yet on a new connection
    shop.submit(shop.noting(), *range(2 * CROWD))
    asked: list[tuple[str, Any]] = []

    def hear(_connection: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
        asked.append((statement, values))

    with shop.host.transaction() as session:
        connection = session.connection()
        connection.execute(text("ANALYZE job"))
        claims = shop.claim()
        connection.execute(text("UPDATE job SET state = 'running' WHERE id % 2 = 0"))
        event.listen(connection.engine, "before_cursor_execute", hear)
        act(claims)
        event.remove(connection.engine, "before_cursor_execute", hear)
        plan = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {asked[-1][0]}", asked[-1][1]).scalar_one()
    read: Counter[str] = Counter()
    for one in nodes(plan[0]["Plan"]):
        if one["Node Type"] == "Seq Scan" or "Index Name" in one:
            rows = one["Actual Rows"] + one.get("Rows Removed by Filter", 0)
            read[one.get("Index Name", "no index")] += rows * one["Actual Loops"]
    return dict(+read)


@pytest.fixture
def on_postgresql(shop: Workshop) -> Workshop:
    """A workshop there."""
    if shop.host.database.dialect.name != "postgresql":
        pytest.skip("SQLite plans by rules, not by how many rows there are: see below")
    return shop


def test_a_claim_reads_the_jobs_it_takes(on_postgresql: Workshop) -> None:
    assert rows_read(on_postgresql, lambda _: on_postgresql.claim()) == {"ix_job_ready": 2, "pk_job": 1}


def test_a_finish_reads_the_jobs_it_ends(on_postgresql: Workshop) -> None:
    def finish(claims: list[Claim]) -> None:
        with on_postgresql.host.transaction() as session:
            writer.succeed(session, claims)

    assert rows_read(on_postgresql, finish) == {"pk_job": 1}


STATEMENTS = {
    "best": (hot.SQLITE_BEST, ["SEARCH job USING INDEX ix_job_ready (queue=?)"]),
    "take": (
        hot.SQLITE_TAKE,
        [
            "SEARCH job USING INTEGER PRIMARY KEY (rowid=?)",
            "SEARCH job USING INDEX ix_job_ready (queue=? AND rank=?)",
        ],
    ),
    "finish": (hot.SQLITE_FINISH, ["SEARCH job USING INTEGER PRIMARY KEY (rowid=?)"]),
    "tell": (hot.SQLITE_TELL, ["SEARCH job USING INTEGER PRIMARY KEY (rowid=?)"]),
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_on_sqlite_each_looks_up_what_it_is_about(shop: Workshop, name: str) -> None:
    if shop.host.database.dialect.name != "sqlite":
        pytest.skip("what PostgreSQL plans depends on what there is: see above")
    statement, plan = STATEMENTS[name]
    values = dict.fromkeys(re.findall(r":(\w+)", statement))
    with shop.host.transaction() as session:
        rows = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    assert [row[-1] for row in rows if "job" in row[-1].split()[:2]] == plan
