"""Whose turn it is: what a job is given that comes into a line, whichever way it comes.

A line is what is ready in one queue at one rank, in the order of (turn, id). Whoever comes joins the next round, after
what they have there already; a job that nobody asked for is a party of its own. As nobody comes in before the round
after the present one, every round comes to an end, whatever arrives.
"""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from sqlalchemy import BigInteger, ColumnElement, Connection, Table, and_, func, literal, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.expression import cast as as_type
from sqlalchemy.types import Text

from .hot import POSTGRESQL_SHARE, SQLITE_SHARE
from .models import Entry

job = cast("Table", Entry.__table__)

SHARES_ON_POSTGRESQL = f"""
    SELECT {POSTGRESQL_SHARE.format(queue="who.queue", rank="who.rank", requested_by="who.requested_by")}
    FROM unnest(CAST(%(queues)s AS text[]), CAST(%(ranks)s AS integer[]), CAST(%(people)s AS text[]))
        WITH ORDINALITY AS who (queue, rank, requested_by, place)
    ORDER BY who.place"""  # noqa: S608 -- every value is bound


class Party(NamedTuple):
    """Who stands in which line."""

    queue: str
    rank: int
    requested_by: str | None


def lined_up(session: Session, *which: ColumnElement[bool], queue: Any = None, rank: Any = None) -> ColumnElement[int]:
    """Hold these jobs, and say which turn each has in the line it comes into; every other job keeps its own.

    It comes into its own queue at its own priority, unless another `queue` or `rank` is given.
    """
    line = (job.c.queue if queue is None else literal(queue), job.c.priority if rank is None else rank)
    comers = select(job.c.id, *line, job.c.requested_by).where(and_(*which)).order_by(job.c.id).with_for_update()
    rows = session.connection().execute(comers)
    return turn_among(session, {row[0]: Party(*row[1:]) for row in rows})


def turn_among(session: Session, comers: Mapping[int, Party]) -> ColumnElement[int]:
    """Which turn each of these jobs has that come in this order; every other job keeps its own."""
    if not comers:
        return job.c.turn
    connection = session.connection()
    shares = _shares(connection, list(dict.fromkeys(comers.values())))
    come: Counter[Party] = Counter()
    turns: dict[str, int] = {}
    for job_id, party in comers.items():
        come[party] += 1
        turns[str(job_id)] = shares[party] + (1 if party.requested_by is None else come[party])
    return _looked_up(connection, json.dumps(turns))


def _shares(connection: Connection, parties: list[Party]) -> dict[Party, int]:
    """Of each the turn after which they come."""
    if connection.dialect.name == "postgresql":
        queues, ranks, people = (list(one) for one in zip(*parties, strict=True))
        rows = connection.exec_driver_sql(
            SHARES_ON_POSTGRESQL, {"queues": queues, "ranks": ranks, "people": people}
        ).scalars()
        return dict(zip(parties, rows, strict=True))
    return {
        one: connection.exec_driver_sql(
            SQLITE_SHARE, {"queue": one.queue, "priority": one.rank, "requested_by": one.requested_by}
        ).scalar_one()
        for one in parties
    }


def _looked_up(connection: Connection, turns: str) -> ColumnElement[int]:
    name = as_type(job.c.id, Text)
    if connection.dialect.name == "postgresql":
        found: ColumnElement[Any] = func.jsonb_extract_path_text(func.jsonb(turns), name)
    else:
        found = func.json_extract(turns, literal('$."').concat(name).concat('"'))
    return func.coalesce(as_type(found, BigInteger), job.c.turn)
