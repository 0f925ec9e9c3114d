"""What the page of one job shows, read from the ledger."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import current_app, url_for
from sqlalchemy import select

from jobs.engine import Engine
from jobs.ledger import reader
from jobs.ledger.flows import WorkflowRow
from jobs.ledger.models import Attempt, Effect, Entry, LogRow, Move
from jobs.ledger.progress import Progress, progress_of
from jobs.ledger.states import LIVE, RETRYABLE, SETTLED, WAITING, State
from jobs.schedules.models import Schedule

from . import pages, traces

MOST_RELATED = 10


@dataclass(frozen=True, slots=True)
class Deed:
    """Something to do with the job; `because` says why it cannot be done now, and is empty when it can."""

    word: str
    url: str
    kind: str = ""
    because: str = ""


@dataclass(frozen=True, slots=True)
class Try:
    """One try: what it came to, and for how many seconds the job waited before it, ran, and paused after it."""

    row: Attempt
    waited_s: float
    ran_s: float
    paused_s: float | None

    @property
    def bars(self) -> Sequence[tuple[str, float, float]]:
        """Waiting, running and pausing as parts of a hundred: what, from where, how long."""
        spans = [("wait", self.waited_s), ("run", self.ran_s), ("pause", self.paused_s or 0.0)]
        total = sum(span for _, span in spans) or 1.0
        bars, at = [], 0.0
        for name, span in spans:
            wide = round(100 * span / total, 2)
            bars.append((name, round(at, 2), wide))
            at += wide
        return bars

    @property
    def texts(self) -> Sequence[str | None]:
        """What it said of itself, which may name people."""
        return [self.row.error_message, self.row.traceback]

    @property
    def passages(self) -> Sequence[traces.Passage]:
        """The traceback, folded."""
        return traces.passages(self.row.traceback or "")


@dataclass(frozen=True, slots=True)
class JobLook:
    """One job with all that is told of it."""

    entry: Entry
    tries: Sequence[Try]
    logs: Sequence[LogRow]
    moves: Sequence[Move]
    effects: Sequence[Effect]
    parent: Entry | None
    children: Sequence[Entry]
    workflow: WorkflowRow | None
    schedule: Schedule | None
    progress: Progress
    story: str
    deeds: Sequence[Deed]
    curl: str
    has_personal: bool
    now: datetime

    @property
    def told_by(self) -> object:
        """What has to change for the job to be drawn anew."""
        entry, progress = self.entry, self.progress
        how_far = progress.current, progress.total, progress.note
        told = entry.state, entry.attempt, entry.failures, entry.finished_at, len(self.moves), self.story, how_far
        return told, self.logged

    @property
    def logged(self) -> object:
        """What has to change for what it logged to be drawn anew."""
        return self.runs_try, [(one.attempt, one.dropped, len(one.lines)) for one in self.logs]

    @property
    def runs_try(self) -> int | None:
        """The number of the try that runs."""
        return self.entry.attempt if self.entry.state == State.RUNNING else None

    @property
    def done(self) -> Sequence[Deed]:
        """What may be done now."""
        return [one for one in self.deeds if not one.because]

    @property
    def undone(self) -> Sequence[Deed]:
        """What may not, each with its reason."""
        return [one for one in self.deeds if one.because]


def job(engine: Engine, entry: Entry) -> JobLook:
    """Everything about this job."""
    session = engine.host.reading()
    now = reader.now(session)
    tries, logs, progress = _tries(engine, entry), reader.logs_of(session, entry.id), progress_of(entry, now)
    texts = [entry.error_message, progress.note, *(text for one in tries for text in one.texts)]
    texts += [one.lines for one in logs]
    about = [entry.args, entry.result, texts]
    related = select(Entry).limit(MOST_RELATED)
    return JobLook(
        entry=entry,
        tries=tries,
        logs=logs,
        moves=reader.moves_of(session, entry.id),
        effects=session.scalars(select(Effect).where(Effect.job_uid == entry.uid).order_by(Effect.key)).all(),
        parent=session.get(Entry, entry.retry_of) if entry.retry_of else None,
        children=session.scalars(related.where(Entry.retry_of == entry.id).order_by(Entry.id.desc())).all(),
        workflow=session.get(WorkflowRow, entry.workflow_id) if entry.workflow_id else None,
        schedule=session.get(Schedule, entry.schedule_id) if entry.schedule_id else None,
        progress=progress,
        story=" ".join(filter(None, [pages.story(entry, now=now), engine.inspector.why_waiting(entry)])),
        deeds=_deeds(engine, entry),
        curl=_curl(entry),
        has_personal=pages.shaped(about) != pages.shaped(about, revealed=True),
        now=now,
    )


def _tries(engine: Engine, entry: Entry) -> Sequence[Try]:
    session = engine.host.reading()
    rows = list(reader.attempts_of(session, entry.id))
    # Before the first try there is a next one, and no row to go with it.
    following: list[datetime | None] = [one.ready_at for one in rows[1:]] + [entry.run_at]
    return [
        Try(
            row,
            waited_s=_seconds(row.ready_at, row.started_at) or 0.0,
            ran_s=_seconds(row.started_at, row.finished_at) or 0.0,
            paused_s=_seconds(row.finished_at, then),
        )
        for row, then in zip(rows, following, strict=False)
    ]


def _seconds(since: datetime | None, until: datetime | None) -> float | None:
    """Never negative: clocks differ."""
    return max(0.0, (until - since).total_seconds()) if since and until else None


def _deeds(engine: Engine, entry: Entry) -> Sequence[Deed]:
    """What there is to do, for who may do it; the ledger decides again when it is done."""
    if not engine.host.allow("act"):
        return []
    state, uid = State(entry.state), entry.uid
    is_waiting, word = state in WAITING, pages.PILLS.get(state, pages.Pill("", "Scheduled")).word.lower()
    is_asked = entry.cancel_requested_at is not None
    deeds = [
        Deed("Retry…", url_for(".retries", uid=uid), "primary", _unless(state in RETRYABLE, f"it is {word}")),
        Deed("Run now…", url_for(".starts", uid=uid), "", _unless(state is State.SCHEDULED, f"it is {word}")),
        Deed(
            "Cancel…",
            url_for(".cancellations", uid=uid),
            "danger",
            _unless(state in LIVE, f"it is {word}") or ("it was asked to end" if is_asked else ""),
        ),
        Deed("Move…", _chosen("move", uid), "", _unless(is_waiting, "only what waits can be moved")),
        Deed("Priority…", _chosen("reprioritise", uid), "", _unless(is_waiting, "only what waits has a priority")),
    ]
    if engine.host.allow("manage"):
        is_known = entry.kind in engine.jobs
        again = url_for(".copies", uid=uid)
        deeds += [
            Deed("Edit and run again…", again, "", _unless(is_known, "this version knows no such kind")),
            Deed("Delete…", _chosen("delete", uid), "danger", _unless(state in SETTLED, "it is not over")),
        ]
    return deeds


def _unless(is_so: bool, because: str) -> str:  # noqa: FBT001 -- a sentence reads better so
    return "" if is_so else because


def _chosen(action: str, uid: str) -> str:
    return url_for(".chosen", action=action, uid=uid)


def _curl(entry: Entry) -> str:
    """The same job asked for by a program; empty where the host has no API. What is hidden stays hidden."""
    endpoint = current_app.config.get("JOBS_CONSOLE_API")
    if not endpoint:
        return ""
    body: Mapping[str, Any] = {"kind": entry.kind, "args": pages.shaped(entry.args), "priority": entry.priority}
    words = ["curl", "-X", "POST", url_for(endpoint, _external=True), "-H", "Content-Type: application/json"]
    told = [shlex.quote(word) for word in [*words, "-d", json.dumps(body, ensure_ascii=False)]]
    return " ".join([*told, "-H", '"Authorization: Bearer $TOKEN"'])
