"""Decimals go in and come out the same on both databases."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import Column, Connection, Integer, MetaData, Table, func, select
from sqlalchemy.exc import StatementError

from app.db import db
from app.exact import Exact

table = Table("exact", MetaData(), Column("id", Integer, primary_key=True), Column("value", Exact(10, 1)))


@pytest.fixture
def connection(app: Flask) -> Iterator[Connection]:
    with app.app_context(), db.engine.begin() as connection:
        table.create(connection)
        yield connection
        table.drop(connection)


@pytest.mark.parametrize("text", ["0", "0.1", "315.0", "-1.5", "999999999.9"])
def test_a_value_comes_back_to_the_last_digit(connection: Connection, text: str) -> None:
    connection.execute(table.insert().values(value=Decimal(text)))
    assert connection.execute(select(table.c.value)).scalar_one() == Decimal(text)


def test_sums_and_order_hold(connection: Connection) -> None:
    connection.execute(table.insert(), [{"value": Decimal(text)} for text in ("0.1", "0.2", "10", "9.9")])
    assert connection.execute(select(func.sum(table.c.value))).scalar_one() == Decimal("20.2")
    ordered = connection.execute(select(table.c.value).where(table.c.value > Decimal("0.1")).order_by(table.c.value))
    assert list(ordered.scalars()) == [Decimal("0.2"), Decimal("9.9"), Decimal(10)]


def test_a_value_that_would_lose_a_digit_is_refused(connection: Connection) -> None:
    with pytest.raises(StatementError, match="has more than 1 decimals"):
        connection.execute(table.insert().values(value=Decimal("0.25")))


def test_nothing_stays_nothing(connection: Connection) -> None:
    connection.execute(table.insert().values(value=None))
    assert connection.execute(select(table.c.value)).scalar_one() is None
