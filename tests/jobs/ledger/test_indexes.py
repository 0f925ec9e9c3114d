"""Partial indexes are still what finds the few jobs they hold, and what is due is looked up by its moment."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import ColumnElement, event, exists, select, text
from sqlalchemy.orm import Session, aliased

from jobs import Entry
from jobs.ledger import census, control, reader, retention, writer
from jobs.ledger.models import in_state
from jobs.ledger.states import LIVE, WAITING
from jobs.schedules import shelf
from tests.jobs.workshop import Workshop

twin = aliased(Entry)
QUESTIONS: dict[str, tuple[str, ColumnElement[bool]]] = {
    "twins that wait": ("uq_job_unique_key", Entry.unique_key.in_(["a", "b"]) & in_state(*WAITING)),
    "twins that live": ("uq_job_live_key", Entry.live_key.in_(["a", "b"]) & in_state(*LIVE)),
    "one twin that lives": ("uq_job_live_key", (Entry.live_key == "a") & in_state(*LIVE)),
    "jobs about a subject": ("ix_job_subject", (Entry.subject_kind == "run") & (Entry.subject_id == 1)),
    "jobs about subjects": ("ix_job_subject", (Entry.subject_kind == "run") & Entry.subject_id.in_([1, 2])),
    "whether a subject has a job that lives": ("ix_job_subject", reader.has_live("run", 1)),
    "a twin of the same key": (
        "uq_job_unique_key",
        exists().where(
            twin.unique_key == Entry.unique_key,
            twin.id != Entry.id,
            text(f"{{twin}}.state IN ({', '.join(repr(str(one)) for one in WAITING)})"),
        ),
    ),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_looks_for_keys_and_subjects_uses_their_index(shop: Workshop, question: str) -> None:
    index, where = QUESTIONS[question]
    with shop.host.transaction() as session:
        asked = str(
            select(Entry.id)
            .where(where)
            .compile(session.connection(), compile_kwargs={"literal_binds": True, "render_postcompile": True})
        )
        asked = asked.replace("{twin}", "job_1")
        is_sqlite = session.connection().dialect.name == "sqlite"
        if not is_sqlite:
            session.execute(text("SET LOCAL enable_seqscan = off"))
        driver: Any = session.connection().connection.cursor()
        driver.execute(f"EXPLAIN {'QUERY PLAN' if is_sqlite else ''} {asked}")
        plan = "\n".join(str(row[-1]) for row in driver.fetchall())
    assert index in plan


SWEEPS: dict[str, tuple[Callable[[Session], object], str, str]] = {
    "what is due": (lambda session: writer.promote_due(session, limit=10), "ix_job_due", "run_at"),
    "leases that ran out": (lambda session: writer.rescue_expired(session, limit=10), "ix_job_lease", "lease_until"),
    "what expired": (lambda session: control.expire(session, limit=10), "ix_job_expiring", "expires_at"),
    "whether something is due": (writer.has_due, "ix_job_due", "run_at"),
    "whether something expired": (control.has_late, "ix_job_expiring", "expires_at"),
    "what is old": (lambda session: retention.prune(session, older_than_s=10), "ix_job_settled", "finished_at"),
    "old results": (
        lambda session: retention.let_results_go(session, older_than_s=10, limit=9),
        "ix_job_result",
        "finished_at",
    ),
    "what failed lately": (lambda session: census.failed_within(session, 10), "ix_job_settled", "finished_at"),
    "schedules that are due": (shelf.has_work, "ix_schedule_due", "next_at"),
}


@pytest.mark.parametrize("sweep", SWEEPS)
def test_sweeps_look_up_a_moment_instead_of_comparing_row_by_row(shop: Workshop, sweep: str) -> None:
    go, index, column = SWEEPS[sweep]
    asked: list[tuple[str, Any]] = []
    with shop.host.transaction() as session:
        connection = session.connection()

        def hear(_connection: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
            asked.append((statement, values))

        event.listen(connection, "before_cursor_execute", hear)
        go(session)
        event.remove(connection, "before_cursor_execute", hear)
        statement, values = asked[0]
        driver: Any = connection.connection.cursor()
        if connection.dialect.name == "postgresql":
            driver.execute("SET LOCAL enable_seqscan = off")
            found = rf"{index}.*\n.*Index Cond: [^\n]*\b{column} (<=|<|>) "
        else:
            found = rf"INDEX {index} \(([^)]* AND )?{column}[<>]\?\)"
        driver.execute(f"EXPLAIN {'' if connection.dialect.name == 'postgresql' else 'QUERY PLAN'} {statement}", values)
        plan = "\n".join(str(row[-1]) for row in driver.fetchall())
    assert re.search(found, plan), plan


def test_jobs_without_a_key_or_a_subject_are_in_none_of_these_indexes(shop: Workshop) -> None:
    partial: dict[str, str] = {}
    for index in Entry.__table__.indexes:  # type: ignore[attr-defined]
        if index.name in {"uq_job_unique_key", "uq_job_live_key", "ix_job_subject"}:
            partial[index.name] = str(index.dialect_options["sqlite"]["where"]).partition(" AND ")[0]
    assert partial == {
        "uq_job_unique_key": "unique_key IS NOT NULL",
        "uq_job_live_key": "live_key IS NOT NULL",
        "ix_job_subject": "subject_kind IS NOT NULL",
    }
