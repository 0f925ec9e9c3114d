# ruff: noqa: S608 -- the pieces put together here are constants of this file; every value is bound
"""Writing down jobs that are over already: for samples, imports and measurements."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from .states import Outcome, State

COLUMNS = {
    "uid": "text",
    "queue": "text",
    "kind": "text",
    "priority": "smallint",
    "args": "json",
    "max_retries": "integer",
    "worker": "text",
    "subject_kind": "text",
    "subject_id": "bigint",
    "ready_at": "timestamptz",
    "started_at": "timestamptz",
    "finished_at": "timestamptz",
}
TYPED_COLUMNS = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
INTO_JOB = f"INSERT INTO job (state, attempt, created_at, {', '.join(COLUMNS)})"
INTO_ATTEMPT = "INSERT INTO job_attempt (job_id, attempt, outcome, worker, ready_at, started_at, finished_at)"
TOLD = f"SELECT id, 1, '{Outcome.SUCCEEDED}', worker, ready_at, started_at, finished_at"
ON_POSTGRESQL = f"""
    WITH made AS (
        {INTO_JOB}
        SELECT '{State.SUCCEEDED}', 1, ready_at, {", ".join(COLUMNS)}
        FROM json_to_recordset(CAST(%(rows)s AS json)) AS new ({TYPED_COLUMNS})
        RETURNING id, worker, ready_at, started_at, finished_at
    )
    {INTO_ATTEMPT} {TOLD} FROM made"""
JOBS_ON_SQLITE = f"""
    {INTO_JOB} VALUES ('{State.SUCCEEDED}', 1, :ready_at, {", ".join(f":{name}" for name in COLUMNS)})"""
ATTEMPTS_ON_SQLITE = f"{INTO_ATTEMPT} {TOLD} FROM job WHERE uid IN (SELECT value FROM json_each(:uids))"


@dataclass(frozen=True, slots=True)
class SettledJob:
    """A job that succeeded at its first try."""

    kind: str
    ready_at: datetime
    started_at: datetime
    finished_at: datetime
    args: Mapping[str, Any] = field(default_factory=dict)
    subject_kind: str | None = None
    subject_id: int | None = None
    worker: str | None = None


def insert_settled(
    session: Session, settled: Sequence[SettledJob], *, uids: Sequence[str], policies: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write the jobs and their one attempt each; `policies` has, by kind, the columns that its declaration decides."""
    rows = [
        {
            **policies[one.kind],
            "uid": uid,
            "kind": one.kind,
            "args": json.dumps(dict(one.args)),
            "worker": one.worker,
            "subject_kind": one.subject_kind,
            "subject_id": one.subject_id,
            "ready_at": _moment(one.ready_at),
            "started_at": _moment(one.started_at),
            "finished_at": _moment(one.finished_at),
        }
        for one, uid in zip(settled, uids, strict=True)
    ]
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(ON_POSTGRESQL, {"rows": json.dumps(rows)})
        return
    connection.exec_driver_sql(JOBS_ON_SQLITE, rows)
    connection.exec_driver_sql(ATTEMPTS_ON_SQLITE, {"uids": json.dumps(list(uids))})


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
