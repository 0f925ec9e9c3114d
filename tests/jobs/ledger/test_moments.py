"""Moments in the ledger."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select
from sqlalchemy.exc import StatementError

from jobs import UtcDateTime
from jobs.ledger.moments import db_now
from tests.jobs.host import SmallHost
from tests.jobs.workshop import Workshop

tables = MetaData()
moments = Table("moment", tables, Column("id", Integer, primary_key=True), Column("at", UtcDateTime))


@pytest.fixture(autouse=True)
def _tables(host: SmallHost) -> None:
    tables.drop_all(host.database)
    tables.create_all(host.database)


def test_a_moment_comes_back_aware_and_in_utc(host: SmallHost) -> None:
    in_tokyo = datetime(2026, 3, 1, 9, 30, 0, 123456, tzinfo=timezone(timedelta(hours=9)))
    with host.transaction() as session:
        session.execute(insert(moments), [{"at": in_tokyo}, {"at": None}])
        read = session.scalars(select(moments.c.at).order_by(moments.c.id)).all()
    assert read == [in_tokyo, None]
    assert read[0] is not None
    assert read[0].tzinfo is UTC


def test_a_moment_without_a_zone_is_refused(host: SmallHost) -> None:
    with pytest.raises(StatementError, match="without a time zone"), host.transaction() as session:
        session.execute(insert(moments), [{"at": datetime(2026, 3, 1)}])  # noqa: DTZ001 -- the very mistake


@pytest.mark.parametrize("shift_s", [0, 30, -30, 0.25, 0.00001, 86_400 * 365])
def test_the_clock_is_the_databases_and_shifts_by_seconds(shop: Workshop, shift_s: float) -> None:
    with shop.host.transaction() as session:
        before = session.scalar(select(db_now()))
        shifted = session.scalar(select(db_now(shift_s)))
    assert before is not None
    assert shifted is not None
    assert 0 <= (shifted - before).total_seconds() - shift_s + 0.002 < 1


def test_written_and_computed_moments_compare(host: SmallHost) -> None:
    with host.transaction() as session:
        session.execute(insert(moments), [{"at": datetime.now(UTC) + timedelta(seconds=shift)} for shift in (-5, 5)])
        session.execute(insert(moments).values(at=db_now(-5)))
        due = session.scalars(select(moments.c.id).where(moments.c.at <= db_now()).order_by(moments.c.id)).all()
    assert len(due) == 2


def test_the_clock_goes_on_inside_a_transaction(shop: Workshop) -> None:
    with shop.host.transaction() as session:
        first = session.scalar(select(db_now()))
        while session.scalar(select(db_now())) == first:
            pass
