# ruff: noqa: S608 -- the pieces put together here are constants of this file; every value is bound
"""Counting down in workflows, written out for each database: who waits for less, and what that makes ready.

Whoever counts shares a lock on the workflow first; whoever counts anew has it alone, and so sees every count either
done with its step or not begun. Under it rows are locked in one order, towards the end of the graph and by number, so
that nobody waits for two others in a circle.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection

from .flows import OPEN_SPELLED, STRIDE, end_of
from .hot import EXECUTE, POSTGRESQL_SHARE, SQLITE_NOW, SQLITE_SHARE, plan_once, run_planned


class Done(NamedTuple):
    """A node that has succeeded: a job's id, or the number of a join, negative."""

    workflow_id: int
    node: int


@dataclass(frozen=True, slots=True)
class Counted:
    """What came of counting: jobs that became ready, by queue; joins that are complete; workflows with nothing left."""

    ready: Counter[str]
    joins: list[Done]
    over: list[int]


ADVISORY_KEYS = 0x574F524B << 32
"""Where the locks of workflows lie among PostgreSQL's advisory locks: here, plus the id."""
_HOLD_ON_POSTGRESQL = f"""
    SELECT pg_advisory_xact_lock{{how}}({ADVISORY_KEYS} + id)
    FROM (SELECT DISTINCT id FROM unnest(CAST(%(workflows)s AS bigint[])) AS given (id) ORDER BY id) AS mine"""
SHARE_ON_POSTGRESQL = _HOLD_ON_POSTGRESQL.format(how="_shared")
ALONE_ON_POSTGRESQL = _HOLD_ON_POSTGRESQL.format(how="")

_GIVEN = """
    SELECT * FROM unnest(CAST(%(workflows)s AS bigint[]), CAST(%(nodes)s AS bigint[])) AS given (workflow_id, node)"""
_EDGES = """
    SELECT edge.workflow_id, edge.child, CAST(count(*) AS integer) AS met
    FROM done JOIN workflow_edge AS edge ON edge.workflow_id = done.workflow_id AND edge.parent = done.node
    GROUP BY edge.workflow_id, edge.child"""
_NO_EDGES = "SELECT workflow_id, node AS child, 0 AS met FROM done WHERE false"
_THESE = "SELECT CAST(NULL AS bigint) AS workflow_id, node AS child, 1 AS met FROM done"
# A plain comparison of the state would let the planner walk through all blocked jobs instead of looking up these few.
# What is joined to a row that had to be waited for is looked up again, and a UNION is then not found: MATERIALIZED.
# A moment that is asked for twice in one statement must be the same twice: hence statement_timestamp().
_ON_POSTGRESQL = f"""
    WITH done AS MATERIALIZED ({_GIVEN}), hit AS MATERIALIZED ({{hit}}), waiting AS (
        SELECT job.id, job.queue, job.rank, job.requested_by, hit.met
        FROM hit JOIN job ON job.id = hit.child
        WHERE CASE job.state WHEN 'blocked' THEN true END
        ORDER BY job.id FOR UPDATE OF job
    ), numbered AS (
        SELECT waiting.*, row_number() OVER (PARTITION BY queue, rank, requested_by ORDER BY id) AS number FROM waiting
    ), freed AS (
        UPDATE job
        SET pending_deps = greatest(job.pending_deps - numbered.met, 0), ready_at = clock_timestamp(),
            state = CASE WHEN job.pending_deps > numbered.met THEN 'blocked'
                WHEN job.run_at > statement_timestamp() THEN 'scheduled' ELSE 'ready' END,
            run_at = CASE WHEN job.pending_deps > numbered.met OR job.run_at > statement_timestamp()
                THEN job.run_at END,
            turn = CASE WHEN job.pending_deps > numbered.met THEN job.turn ELSE {
    POSTGRESQL_SHARE.format(queue="numbered.queue", rank="numbered.rank", requested_by="numbered.requested_by")
} + CASE WHEN numbered.requested_by IS NULL THEN 1 ELSE numbered.number END END
        FROM numbered
        WHERE job.id = numbered.id
        RETURNING job.queue, job.state
    ), settled AS MATERIALIZED (
        SELECT flow.id AS workflow_id, CAST(count(*) AS integer) AS met,
            CASE WHEN flow.ends > 0 THEN CAST(1 + mod(done.node / {STRIDE}, flow.ends) AS integer) END AS number
        FROM done JOIN workflow AS flow ON flow.id = done.workflow_id
        WHERE done.node > 0 AND flow.state IN ({OPEN_SPELLED})
        GROUP BY 1, 3
    ), reached AS MATERIALIZED (
        SELECT workflow_id, CAST(-child AS integer) AS number, met, false AS is_end FROM hit WHERE child < 0
        UNION ALL
        SELECT workflow_id, number, met, true FROM settled WHERE number IS NOT NULL
    ), met AS (
        UPDATE workflow_join AS gate
        SET pending = gate.pending - found.met
        FROM (
            SELECT locked.workflow_id, locked.number, reached.met, reached.is_end
            FROM reached JOIN workflow_join AS locked
                ON locked.workflow_id = reached.workflow_id AND locked.number = reached.number
            ORDER BY locked.workflow_id, locked.number FOR UPDATE OF locked
        ) AS found
        WHERE gate.workflow_id = found.workflow_id AND gate.number = found.number
        RETURNING gate.workflow_id, gate.number, gate.pending, found.is_end
    ), ended AS MATERIALIZED (
        SELECT workflow_id, met FROM settled WHERE number IS NULL
        UNION ALL
        SELECT workflow_id, CAST(count(*) AS integer) FROM met WHERE is_end AND pending = 0 GROUP BY workflow_id
    ), locked AS (
        SELECT flow.id, ended.met FROM ended JOIN workflow AS flow ON flow.id = ended.workflow_id
        ORDER BY flow.id FOR NO KEY UPDATE OF flow
    ), counted AS (
        UPDATE workflow AS flow SET pending = flow.pending - locked.met FROM locked
        WHERE flow.id = locked.id AND flow.state IN ({OPEN_SPELLED})
        RETURNING flow.id, flow.pending
    )
    SELECT queue, count(*) AS ready, NULL AS workflow_id, NULL AS number FROM freed WHERE state = 'ready' GROUP BY queue
    UNION ALL
    SELECT NULL, NULL, workflow_id, number FROM met WHERE pending = 0 AND NOT is_end
    UNION ALL
    SELECT NULL, NULL, id, NULL FROM counted WHERE pending <= 0"""
_VALUES = {"workflows": "bigint[]", "nodes": "bigint[]"}
plan_once("jobs_advance", _ON_POSTGRESQL.format(hit=_EDGES), _VALUES)
plan_once("jobs_count", _ON_POSTGRESQL.format(hit=_NO_EDGES), _VALUES)
plan_once("jobs_release", _ON_POSTGRESQL.format(hit=_THESE), _VALUES)
# Sent together, and yet two statements: the second sees what was committed while the first one waited.
EXECUTE["jobs_advance"] = f"{SHARE_ON_POSTGRESQL};{EXECUTE['jobs_advance']}"

SQLITE_HIT = """
    SELECT edge.workflow_id, edge.child, count(*) AS met
    FROM json_each(:done) AS done CROSS JOIN workflow_edge AS edge
    WHERE edge.workflow_id = json_extract(done.value, '$[0]') AND edge.parent = json_extract(done.value, '$[1]')
    GROUP BY edge.workflow_id, edge.child"""
SQLITE_WAITING = f"""
    SELECT id, queue, rank AS priority, requested_by, pending_deps, run_at > {SQLITE_NOW} AS is_early FROM job
    WHERE id IN (SELECT value FROM json_each(:ids)) AND state = 'blocked' ORDER BY id"""
SQLITE_RELEASE = f"""
    UPDATE job SET pending_deps = :pending, state = :state, ready_at = {SQLITE_NOW}, turn = :turn,
        run_at = CASE WHEN :state = 'ready' THEN NULL ELSE run_at END
    WHERE id = :id"""
SQLITE_MEET = """
    UPDATE workflow_join SET pending = pending - :met WHERE workflow_id = :workflow_id AND number = :number
    RETURNING pending"""
SQLITE_OPEN = f"""
    SELECT id, ends FROM workflow WHERE id IN (SELECT value FROM json_each(:ids)) AND state IN ({OPEN_SPELLED})"""
SQLITE_COUNT = "UPDATE workflow SET pending = pending - :met WHERE id = :id RETURNING pending"


def have_alone(connection: Connection, workflow_id: int) -> None:
    """Hold the workflow until the transaction ends, with nobody else counting in it. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(ALONE_ON_POSTGRESQL, {"workflows": [workflow_id]})


def advance(connection: Connection, done: Sequence[Done]) -> Counted:
    """Count these nodes down at whoever waits for them, in the transaction in which they succeeded, and as settled.

    Joins that are complete by that are nodes that are done in turn: give them back in.
    """
    if connection.dialect.name == "postgresql":
        return _counted(run_planned(connection, "jobs_advance", _columns(done)).rows)
    hits = connection.exec_driver_sql(SQLITE_HIT, {"done": json.dumps(done)}).all()
    ready = _release_on_sqlite(connection, {child: met for _, child, met in hits if child > 0})
    joins = _meet_on_sqlite(connection, {Done(one, child): met for one, child, met in hits if child < 0})
    return Counted(ready, joins, _settle_on_sqlite(connection, [one for one in done if one.node > 0]))


def settle(connection: Connection, settled: Sequence[Done]) -> list[int]:
    """Count jobs that have settled without success; the workflows that have nothing left."""
    if connection.dialect.name == "postgresql":
        return _counted(run_planned(connection, "jobs_count", _columns(settled)).rows).over
    return _settle_on_sqlite(connection, settled)


def release(connection: Connection, job_ids: Sequence[int]) -> Counter[str]:
    """Make blocked jobs that wait for one more ready or scheduled; how many became ready in which queue."""
    if connection.dialect.name == "postgresql":
        values = {"workflows": [0] * len(job_ids), "nodes": list(job_ids)}
        return _counted(run_planned(connection, "jobs_release", values).rows).ready
    return _release_on_sqlite(connection, dict.fromkeys(job_ids, 1))


def _columns(done: Sequence[Done]) -> dict[str, Any]:
    return {"workflows": [one.workflow_id for one in done], "nodes": [one.node for one in done]}


def _counted(rows: Iterable[Any]) -> Counted:
    counted = Counted(Counter(), [], [])
    for queue, ready, workflow_id, number in rows:
        if queue is not None:
            counted.ready[queue] += ready
        elif number is not None:
            counted.joins.append(Done(workflow_id, -number))
        else:
            counted.over.append(workflow_id)
    return counted


def _release_on_sqlite(connection: Connection, met: dict[int, int]) -> Counter[str]:
    ready: Counter[str] = Counter()
    turns: dict[tuple[Any, ...], int] = {}
    rows: list[dict[str, Any]] = []
    for one in connection.exec_driver_sql(SQLITE_WAITING, {"ids": json.dumps(list(met))}).mappings():
        pending = max(one["pending_deps"] - met[one["id"]], 0)
        state = "blocked" if pending else "scheduled" if one["is_early"] else "ready"
        turn = 0
        if state == "ready":
            ready[one["queue"]] += 1
            turn = _next_turn_on_sqlite(connection, turns, one)
        rows.append({"id": one["id"], "pending": pending, "state": state, "turn": turn})
    if rows:
        connection.exec_driver_sql(SQLITE_RELEASE, rows)
    return ready


def _next_turn_on_sqlite(connection: Connection, turns: dict[tuple[Any, ...], int], one: Any) -> int:
    who = {name: one[name] for name in ("queue", "priority", "requested_by")}
    key = tuple(who.values())
    if key not in turns:
        turns[key] = connection.exec_driver_sql(SQLITE_SHARE, who).scalar_one()
    turn = turns[key] + 1
    turns[key] += one["requested_by"] is not None
    return turn


def _meet_on_sqlite(connection: Connection, met: dict[Done, int]) -> list[Done]:
    complete: list[Done] = []
    for gate, number in met.items():
        values = {"workflow_id": gate.workflow_id, "number": -gate.node, "met": number}
        if connection.exec_driver_sql(SQLITE_MEET, values).scalar_one() == 0:
            complete.append(gate)
    return complete


def _settle_on_sqlite(connection: Connection, settled: Iterable[Done]) -> list[int]:
    by_workflow = Counter(one.workflow_id for one in settled)
    ends: dict[int, int] = dict(connection.exec_driver_sql(SQLITE_OPEN, {"ids": json.dumps(list(by_workflow))}).all())
    wide = Counter(
        Done(one.workflow_id, -end_of(one.node, ends[one.workflow_id])) for one in settled if ends.get(one.workflow_id)
    )
    complete = Counter(one.workflow_id for one in _meet_on_sqlite(connection, dict(wide)))
    over: list[int] = []
    for workflow_id, number_of_ends in ends.items():
        met = complete[workflow_id] if number_of_ends else by_workflow[workflow_id]
        if met and connection.exec_driver_sql(SQLITE_COUNT, {"met": met, "id": workflow_id}).scalar_one() <= 0:
            over.append(workflow_id)
    return over
