"""What every job passes through reads the rows it is about on PostgreSQL, however many others wait or run."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import event, text

from jobs.ledger import writer
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
    """A workshop there; SQLite is told of each index by its name, in tests of its own."""
    if shop.host.database.dialect.name != "postgresql":
        pytest.skip("SQLite plans by rules, not by how many rows there are")
    return shop


def test_a_claim_reads_the_jobs_it_takes(on_postgresql: Workshop) -> None:
    assert rows_read(on_postgresql, lambda _: on_postgresql.claim()) == {"ix_job_ready": 2, "pk_job": 1}


def test_a_finish_reads_the_jobs_it_ends(on_postgresql: Workshop) -> None:
    def finish(claims: list[Claim]) -> None:
        with on_postgresql.host.transaction() as session:
            writer.succeed(session, claims)

    assert rows_read(on_postgresql, finish) == {"pk_job": 1}
