"""The peers' own table in the product's database, with the settings the product's tables have."""

import os
from typing import Any

from sqlalchemy import Column, Engine, Integer, MetaData, Numeric, String, Table, create_engine, event
from sqlalchemy.engine import make_url

metadata = MetaData()
rows = Table(
    "bench_row",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("met", Numeric(5, 2, asdecimal=False), nullable=False),
    Column("weight_kg", Numeric(6, 2, asdecimal=False), nullable=False),
    Column("duration_s", Integer, nullable=False),
    Column("started_at", String(40)),
    Column("notes", String(2000), nullable=False, default=""),
    Column("energy_kcal", Numeric(10, 1, asdecimal=False)),
)

BUSY_TIMEOUT_S = 60


def connect(url: str | None = None, *, pool_size: int = 8) -> Engine:
    """The database of BENCH_DATABASE_URL: SQLite in WAL mode with every commit on disk, PostgreSQL as it comes."""
    url = url or os.environ["BENCH_DATABASE_URL"]
    if make_url(url).get_backend_name() == "postgresql":
        return create_engine(url, pool_size=pool_size)
    engine = create_engine(url, pool_size=pool_size, connect_args={"timeout": BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")
