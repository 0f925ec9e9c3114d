# ruff: noqa: S608 -- the pieces put together here are constants of this file; every value is bound
"""The statements every job passes through, written out for each database.

Building the same statements from SQLAlchemy's expressions at every call cost ten times what running them does. On
PostgreSQL the finish of one batch and the claim of the next are a single statement.

A job that once lost its worker is claimed alone: should it be what kills workers, it takes no batch with it.

The fence is `lease_owner`: it names one claim of one process, and so one attempt of each of its jobs.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import ProgrammingError

from jobs.driver import Told, put, put_alone

CLAIMED = (
    "id, uid, kind, queue, args, attempt, failures, crashes, max_retries, request_id, requested_by,"
    " workflow_id, step, checkpoint"
)
CLAIMED_COUNT = 15
WAITED_ON_POSTGRESQL = "CAST(extract(epoch FROM clock_timestamp() - ready_at) AS double precision) AS waited_s"
WAITED_ON_SQLITE = "(julianday('now') - julianday(ready_at)) * 86400.0 AS waited_s"


# Of one concurrency key, no more run at a time than its kind allows, and no more start in a while; the key's kind is
# locked by whoever claims it. What has no allowance (no row, or a kind without a rate of its keys) has enough.
_KEY_IS_FREE = """(concurrency_key IS NULL OR ((
                SELECT count(*) FROM job AS other
                WHERE other.state = 'running' AND other.concurrency_key IS NOT NULL
                    AND other.concurrency_key = job.concurrency_key
            ) < {most} AND coalesce((
                SELECT held.tokens + {waited_s} * {refill} FROM job_allowance AS held
                WHERE held.key = job.concurrency_key
            ), 1) >= 1))"""
_KEY_IS_FREE_ON_POSTGRESQL = _KEY_IS_FREE.format(
    most="(CAST(%(most_per_key)s AS json) ->> kind)::integer",
    waited_s="extract(epoch FROM clock_timestamp() - held.filled_at)::double precision",
    refill="(CAST(%(refill_per_key)s AS json) ->> job.kind)::double precision",
)
MAY_START_ON_POSTGRESQL = f"""(expires_at IS NULL OR expires_at > clock_timestamp())
            AND {_KEY_IS_FREE_ON_POSTGRESQL}"""


class Taken(NamedTuple):
    """One claimed row."""

    id: int
    uid: str
    kind: str
    queue: str
    args: Mapping[str, Any]
    attempt: int
    failures: int
    crashes: int
    max_retries: int
    request_id: str | None
    requested_by: str | None
    workflow_id: int | None
    step: str | None
    checkpoint: Any
    waited_s: float


# It is planned once, with whatever there is then, and must hold for any ledger: rows that are known are looked up by
# their ids. A join would be one with all jobs wherever many wait, and a bare `state = 'running'` lets all that run be
# read for one of them.
def _on_postgresql(*, finishes: bool, claims: bool) -> str:
    if_mine = "AND (SELECT count(*) FROM mine) = cardinality(%(ids)s)" if finishes else ""
    finish = """
        mine AS (
            UPDATE job
            SET state = 'succeeded', finished_at = clock_timestamp(), lease_owner = NULL, lease_until = NULL,
                result = CAST(%(result)s AS json)
            WHERE id = ANY(%(ids)s) AND state IS NOT DISTINCT FROM 'running' AND lease_owner = %(owner)s
            RETURNING id, attempt, worker, ready_at, started_at, finished_at
        ), told AS (
            INSERT INTO job_attempt (job_id, attempt, outcome, worker, ready_at, started_at, finished_at)
            SELECT id, attempt, 'succeeded', worker, ready_at, started_at, finished_at FROM mine
        )"""
    claim = f"""
        best AS (
            SELECT id, kind, rank,
                CASE WHEN crashes = 0 AND concurrency_key IS NULL
                    THEN (%(sizes)s)[array_position(%(kinds)s, CAST(kind AS text))] ELSE 1 END AS size
            FROM job
            WHERE queue = %(queue)s AND state = 'ready' AND kind = ANY(%(kinds)s) AND {MAY_START_ON_POSTGRESQL}
                {if_mine}
            ORDER BY rank, turn, id LIMIT 1
            FOR UPDATE SKIP LOCKED
        ), mates AS (
            SELECT mate.id FROM best CROSS JOIN LATERAL (
                SELECT id FROM job
                WHERE queue = %(queue)s AND state = 'ready' AND rank = best.rank AND kind = best.kind
                    AND ((crashes = 0 AND concurrency_key IS NULL) OR id = best.id)
                    AND (expires_at IS NULL OR expires_at > clock_timestamp())
                ORDER BY turn, id LIMIT best.size
                FOR UPDATE SKIP LOCKED
            ) AS mate
        ), taken AS (
            UPDATE job
            SET state = 'running', attempt = attempt + 1, lease_owner = %(next_owner)s, worker = %(worker)s,
                lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s),
                started_at = clock_timestamp(), finished_at = NULL
            WHERE id = ANY(ARRAY(SELECT id FROM mates))
            RETURNING {CLAIMED}, {WAITED_ON_POSTGRESQL}
        )"""
    parts = ([finish] if finishes else []) + ([claim] if claims else [])
    count = "(SELECT count(*) FROM mine)" if finishes else "0"
    rows = "(SELECT * FROM taken)" if claims else f"(SELECT {', '.join(['NULL'] * CLAIMED_COUNT)} WHERE false)"
    columns = f"{CLAIMED}, waited_s" if claims else ", ".join(f"c{number}" for number in range(CLAIMED_COUNT))
    return (
        f"WITH {', '.join(parts)} SELECT {count} AS finished, got.*"
        f" FROM (VALUES (1)) AS always LEFT JOIN {rows} AS got ({columns}) ON true"
    )


PREPARED = "jobs.prepared"
UNKNOWN_STATEMENT = "26000"
FINISH_VALUES = {"result": "text", "ids": "bigint[]", "owner": "text"}
CLAIM_VALUES = {
    "queue": "text",
    "kinds": "text[]",
    "sizes": "integer[]",
    "next_owner": "text",
    "worker": "text",
    "lease_s": "double precision",
    "most_per_key": "text",
    "refill_per_key": "text",
}
PREPARE: dict[str, str] = {}
EXECUTE: dict[str, str] = {}


def plan_once(name: str, body: str, values: Mapping[str, str]) -> None:
    """Declare a statement for PostgreSQL, with its values and their types, that `run_planned` runs."""
    for number, value in enumerate(values, 1):
        body = body.replace(f"%({value})s", f"${number}")
    PREPARE[name] = f"PREPARE {name} ({', '.join(values.values())}) AS {body}"
    EXECUTE[name] = f"EXECUTE {name} ({', '.join(f'%({value})s' for value in values)})"


for _finishes, _claims in ((True, True), (True, False), (False, True)):
    _name = f"jobs_{'finish' * _finishes}{'claim' * _claims}"
    _values = {**(FINISH_VALUES if _finishes else {}), **(CLAIM_VALUES if _claims else {})}
    plan_once(_name, _on_postgresql(finishes=_finishes, claims=_claims), _values)

SQLITE_NOW = "strftime('%Y-%m-%d %H:%M:%f000', 'now')"
_KEY_IS_FREE_ON_SQLITE = _KEY_IS_FREE.format(
    most="(SELECT value FROM json_each(:most_per_key) WHERE key = job.kind)",
    waited_s="(julianday('now') - julianday(held.filled_at)) * 86400.0",
    refill="(SELECT value FROM json_each(:refill_per_key) AS refill WHERE refill.key = job.kind)",
)
MAY_START_ON_SQLITE = f"""(expires_at IS NULL OR expires_at > {SQLITE_NOW})
        AND {_KEY_IS_FREE_ON_SQLITE}"""
SQLITE_FINISH = f"""
    UPDATE job
    SET state = 'succeeded', finished_at = {SQLITE_NOW}, lease_owner = NULL, lease_until = NULL, result = :result
    WHERE id IN (SELECT value FROM json_each(:ids)) AND state = 'running' AND lease_owner = :owner"""
SQLITE_TELL = """
    INSERT INTO job_attempt (job_id, attempt, outcome, worker, ready_at, started_at, finished_at)
    SELECT id, attempt, 'succeeded', worker, ready_at, started_at, finished_at
    FROM job WHERE id IN (SELECT value FROM json_each(:ids))"""
SQLITE_BEST = f"""
    SELECT id, kind, rank, crashes, concurrency_key FROM job
    WHERE queue = :queue AND state = 'ready' AND kind IN (SELECT value FROM json_each(:kinds))
        AND {MAY_START_ON_SQLITE}
    ORDER BY rank, turn, id LIMIT 1"""
SQLITE_TAKE = f"""
    UPDATE job
    SET state = 'running', attempt = attempt + 1, lease_owner = :next_owner, worker = :worker,
        lease_until = strftime('%Y-%m-%d %H:%M:%f000', 'now', :lease_s || ' seconds'),
        started_at = {SQLITE_NOW}, finished_at = NULL
    WHERE id IN (
        SELECT id FROM job
        WHERE queue = :queue AND state = 'ready' AND rank = :rank AND kind = :kind
            AND ((crashes = 0 AND concurrency_key IS NULL) OR id = :best)
            AND (expires_at IS NULL OR expires_at > {SQLITE_NOW})
        ORDER BY turn, id LIMIT :size
    )
    RETURNING {CLAIMED}, {WAITED_ON_SQLITE}"""


COLUMNS = {
    "uid": "text",
    "queue": "text",
    "kind": "text",
    "state": "text",
    "priority": "smallint",
    "args": "json",
    "run_at": "timestamptz",
    "expires_at": "timestamptz",
    "max_retries": "integer",
    "unique_key": "text",
    "live_key": "text",
    "concurrency_key": "text",
    "subject_kind": "text",
    "subject_id": "bigint",
    "requested_by": "text",
    "request_id": "text",
    "workflow_id": "bigint",
    "step": "text",
    "pending_deps": "integer",
    "schedule_id": "bigint",
    "slot": "timestamptz",
    "retry_of": "bigint",
}
MOMENTS = ("run_at", "expires_at", "slot")
TYPED_COLUMNS = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
# Whoever asks for many jobs takes turns with the others: the first of each comes before anybody's second. What nobody
# asked for joins the next round too: were it let into the present one, a stream of it would hold up the next for ever.
POSTGRESQL_SHARE = """greatest(
            (SELECT job.turn FROM job WHERE job.queue = {queue} AND job.state = 'ready' AND job.rank = {rank}
             ORDER BY job.rank, job.turn, job.id LIMIT 1),
            (SELECT max(job.turn) FROM job WHERE job.queue = {queue} AND job.state = 'ready' AND job.turn > 0
                AND job.rank = {rank} AND job.requested_by = {requested_by}),
            0
        )"""
POSTGRESQL_INSERT = f"""
    WITH new AS (
        SELECT * FROM ROWS FROM (json_to_recordset(CAST(%(rows)s AS json)) AS ({TYPED_COLUMNS}, number bigint))
            WITH ORDINALITY AS given ({", ".join(COLUMNS)}, number, place)
    ), share AS (
        SELECT queue, priority, requested_by,
            {POSTGRESQL_SHARE.format(queue="who.queue", rank="who.priority", requested_by="who.requested_by")} AS turn
        FROM (SELECT DISTINCT queue, priority, requested_by FROM new WHERE state = 'ready') AS who
    )
    INSERT INTO job ({", ".join(COLUMNS)}, rank, turn)
    SELECT {", ".join(f"new.{name}" for name in COLUMNS)}, new.priority,
        coalesce(share.turn + coalesce(new.number, 1), 0)
    FROM new LEFT JOIN share
        ON new.state = 'ready' AND share.queue = new.queue AND share.priority = new.priority
            AND share.requested_by IS NOT DISTINCT FROM new.requested_by
    ORDER BY new.place
    ON CONFLICT DO NOTHING"""
plan_once("jobs_insert", POSTGRESQL_INSERT, {"rows": "text"})
POSTGRESQL_INSERT_ONE = f"""
    INSERT INTO job ({", ".join(COLUMNS)}, rank, turn)
    VALUES (
        {", ".join(f"%({name})s" for name in COLUMNS)}, %(priority)s,
        CASE %(state)s WHEN 'ready' THEN {
    POSTGRESQL_SHARE.format(queue="%(queue)s", rank="%(priority)s", requested_by="%(requested_by)s")
} + 1 ELSE 0 END
    )
    ON CONFLICT DO NOTHING"""
plan_once("jobs_insert_one", POSTGRESQL_INSERT_ONE, COLUMNS)
CAUSED = {
    name: COLUMNS[name]
    for name in (
        *("uid", "queue", "kind", "state", "priority", "max_retries", "subject_kind", "requested_by", "request_id"),
        "pending_deps",
    )
}
"""What is known of a job before there is the row that it is about; the rest is the row's id, or empty."""
KEYS = ("unique_key", "live_key")
EMPTY_IF_CAUSED = COLUMNS.keys() - {*CAUSED, *KEYS, "args", "subject_id"}
POSTGRESQL_SHARE_OF_CAUSED = POSTGRESQL_SHARE.format(
    queue="%(job_queue)s", rank="%(job_priority)s", requested_by="%(job_requested_by)s"
)
POSTGRESQL_INSERT_CAUSED = f"""
    WITH made AS ({{cause}}), written AS (
        INSERT INTO job ({", ".join(CAUSED)}, args, subject_id, {", ".join(KEYS)}, rank, turn)
        SELECT
            {", ".join(f"%(job_{name})s" for name in CAUSED)}, json_build_object(%(job_argument)s, made.id), made.id,
            {", ".join(f"%(job_{key})s || made.id || %(job_key_end)s" for key in KEYS)},
            %(job_priority)s, {POSTGRESQL_SHARE_OF_CAUSED} + 1
        FROM made
    )
    SELECT id FROM made"""
CAUSED_VALUES = {
    **{f"job_{name}": kind for name, kind in CAUSED.items()},
    **dict.fromkeys(("job_argument", *(f"job_{key}" for key in KEYS), "job_key_end"), "text"),
}


class Cause(NamedTuple):
    """A statement for PostgreSQL that makes one row or none and returns its `id`. Its plan is kept under `name`."""

    name: str
    statement: str
    values: Mapping[str, Any]


SQLITE_SHARE = """
    SELECT max(
        coalesce((SELECT turn FROM job WHERE queue = :queue AND state = 'ready' AND rank = :priority
                  ORDER BY rank, turn, id LIMIT 1), 0),
        coalesce((SELECT max(turn) FROM job WHERE queue = :queue AND state = 'ready' AND turn > 0
                  AND rank = :priority AND requested_by = :requested_by), 0)
    )"""
SQLITE_INSERT = f"""
    INSERT INTO job ({", ".join(COLUMNS)}, rank, turn)
    VALUES ({", ".join(f":{name}" for name in COLUMNS)}, :priority, :turn)
    ON CONFLICT DO NOTHING"""
SQLITE_INSERT_ONE = SQLITE_INSERT.replace(":turn", f"CASE :state WHEN 'ready' THEN ({SQLITE_SHARE}) + 1 ELSE 0 END")


def insert(connection: Connection, rows: Sequence[Mapping[str, Any]], *, alone: bool = False) -> int:
    """Write jobs down with one statement, however many; a row whose key a living job holds is left out. How many.

    A row holds every name in `COLUMNS`; `MOMENTS` are aware moments or None. What is `alone` in its transaction may be
    committed when this returns.
    """
    if connection.dialect.name == "postgresql":
        if len(rows) == 1:
            one = {**rows[0], "args": json.dumps(rows[0]["args"])}
            return run_planned(connection, "jobs_insert_one", one, alone=alone).touched
        told = [{name: value for name, value in row.items() if value is not None} for row in rows]
        _number_those_of_one(told)
        return run_planned(connection, "jobs_insert", {"rows": json.dumps(told, default=_moment)}).touched
    given = [
        {
            **row,
            "args": json.dumps(row["args"]),
            **{name: None if row[name] is None else _moment(row[name]) for name in MOMENTS},
        }
        for row in rows
    ]
    if len(given) == 1:
        return put(connection, SQLITE_INSERT_ONE, given[0]).touched
    turns = _turns_on_sqlite(connection, rows)
    many = [{**row, "turn": turn} for row, turn in zip(given, turns, strict=True)]
    return connection.exec_driver_sql(SQLITE_INSERT, many).rowcount


def insert_caused(
    connection: Connection,
    cause: Cause,
    row: Mapping[str, Any],
    *,
    argument: str,
    key_end: str,
    alone: bool = False,
) -> int | None:
    """On PostgreSQL, make a row and write down the job about it with one statement; the row's id.

    The job is ready, its subject is the row and its only `argument` the row's id; of its keys `row` holds what comes
    before the id, and `key_end` is what comes after. None if no row was made: then there is no job either. What is
    `alone` in its transaction may be committed when this returns.
    """
    name = f"jobs_caused_{cause.name}"
    if name not in EXECUTE:
        body = POSTGRESQL_INSERT_CAUSED.format(cause=cause.statement)
        plan_once(name, body, {**dict.fromkeys(cause.values, "unknown"), **CAUSED_VALUES})
    own = {f"job_{column}": row[column] for column in (*CAUSED, *KEYS)}
    values = {**cause.values, **own, "job_argument": argument, "job_key_end": key_end}
    told = run_planned(connection, name, values, alone=alone)
    return told.rows[0][0] if told.rows else None


def _number_those_of_one(told: Iterable[dict[str, Any]]) -> None:
    """Say of each job that somebody asked for which one of theirs it is in its line."""
    counts: Counter[tuple[Any, ...]] = Counter()
    for row in told:
        if "requested_by" in row:
            who = (row["queue"], row["priority"], row["requested_by"], row["state"])
            counts[who] += 1
            row["number"] = counts[who]


def _turns_on_sqlite(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    shares: dict[tuple[Any, ...], int] = {}
    turns: list[int] = []
    for row in rows:
        who = {name: row[name] for name in ("queue", "priority", "requested_by")}
        key = tuple(who.values())
        if row["state"] != "ready":
            turns.append(0)
            continue
        if key not in shares:
            shares[key] = connection.exec_driver_sql(SQLITE_SHARE, who).scalar_one()
        turns.append(shares[key] + 1)
        shares[key] += row["requested_by"] is not None
    return turns


def _moment(value: object) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"an argument of a job must be a plain value, not {type(value).__name__}")
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def finish_and_claim(
    connection: Connection, *, finish: Mapping[str, Any] | None, claim: Mapping[str, Any] | None, alone: bool = False
) -> tuple[int, list[Taken]]:
    """Finish some jobs, claim the next ones, or both: how many were finished, and what was taken, in order.

    What is `alone` in its transaction may be committed when this returns.

    `finish` holds `ids`, `owner` and `result` (JSON text or None); `claim` holds `queue`, `kinds`, `sizes`,
    `next_owner`, `worker`, `lease_s`, `most_per_key` (JSON text: by kind, how many of one key may run) and
    `refill_per_key` (likewise, how many more of one key may start with every second).
    """
    if connection.dialect.name == "postgresql":
        return _run_on_postgresql(connection, finish, claim, alone=alone)
    return _run_on_sqlite(connection, finish, claim)


def _run_on_postgresql(
    connection: Connection, finish: Mapping[str, Any] | None, claim: Mapping[str, Any] | None, *, alone: bool
) -> tuple[int, list[Taken]]:
    name = f"jobs_{'finish' * (finish is not None)}{'claim' * (claim is not None)}"
    rows = run_planned(connection, name, {**(finish or {}), **(claim or {})}, alone=alone).rows
    return rows[0][0], sorted(Taken._make(list(row)[1:]) for row in rows if row[1] is not None)


def run_planned(connection: Connection, name: str, values: Mapping[str, Any], *, alone: bool = False) -> Told:
    """Run a statement that is planned once per connection: planning it costs three times what running it does.

    The plan is made for a table of any size, though the one it is made on may be empty yet. What is `alone` in its
    transaction may be committed when this returns.
    """
    done = connection.info.setdefault(PREPARED, set())
    if name not in done:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        connection.exec_driver_sql(PREPARE[name])
        done.add(name)
    try:
        return (put_alone if alone else put)(connection, EXECUTE[name], values)
    except ProgrammingError as error:
        if getattr(error.orig, "pgcode", None) == UNKNOWN_STATEMENT:
            connection.info.pop(PREPARED, None)
        raise


def _run_on_sqlite(
    connection: Connection, finish: Mapping[str, Any] | None, claim: Mapping[str, Any] | None
) -> tuple[int, list[Taken]]:
    finished = 0
    if finish is not None:
        values = {**finish, "ids": json.dumps(finish["ids"])}
        finished = put(connection, SQLITE_FINISH, values).touched
        if finished != len(finish["ids"]):
            return finished, []
        put(connection, SQLITE_TELL, values)
    return finished, [] if claim is None else _take_on_sqlite(connection, claim)


def _take_on_sqlite(connection: Connection, claim: Mapping[str, Any]) -> list[Taken]:
    found = put(connection, SQLITE_BEST, {**claim, "kinds": json.dumps(claim["kinds"])}).rows
    if not found:
        return []
    best, kind, rank, crashes, concurrency_key = found[0]
    size = 1 if crashes or concurrency_key else dict(zip(claim["kinds"], claim["sizes"], strict=True))[kind]
    rows = put(connection, SQLITE_TAKE, {**claim, "kind": kind, "rank": rank, "best": best, "size": size}).rows
    taken: Any = map(Taken._make, rows)
    return sorted(one._replace(args=json.loads(one.args), checkpoint=_loaded(one.checkpoint)) for one in taken)


def _loaded(told: Any) -> Any:
    """SQLite keeps a number that is JSON as a number."""
    return json.loads(told) if isinstance(told, str) else told
