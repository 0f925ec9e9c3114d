"""What the engine tells those who watch it, told on: to Prometheus, and to the event log."""

from collections.abc import Sequence
from typing import Any

from flask import current_app, has_app_context
from sqlalchemy import event
from sqlalchemy.orm import Session, object_session

from app.clock import now
from app.stream import Happening, Kind, Level, Stream
from jobs import AuditRow
from jobs.metrics import NOBODY_KNOWN, Asked, PrometheusObserver

from .counters import EventCounters

AS_IT_SHOULD = {"enqueued", "succeeded", "snoozed", "interrupted", "cancelled"}


class Teller(PrometheusObserver):
    """Counts what a process does, and tells the event log of it."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self._stream = stream
        self.events = EventCounters(self.registry)

    def enqueued(self, queue: str, kind: str, count: int, asked: Asked = NOBODY_KNOWN) -> None:
        """Count and tell jobs that were written down, those of a transaction as one."""
        super().enqueued(queue, kind, count, asked)
        self._tell(kind, "enqueued", asked, count=count, queue=queue)

    def unstarted(self, queue: str, kind: str, outcome: str, count: int, asked: Asked = NOBODY_KNOWN) -> None:
        """Tell jobs that ended while they waited, those of a transaction as one."""
        self._tell(kind, outcome, asked, count=count, queue=queue)

    def ended(
        self,
        queue: str,
        kind: str,
        outcome: str,
        *,
        waits_s: Sequence[float],
        run_s: float,
        is_final: bool,
        asked: Asked = NOBODY_KNOWN,
    ) -> None:
        """Count and tell attempts, those of a batch as one."""
        super().ended(queue, kind, outcome, waits_s=waits_s, run_s=run_s, is_final=is_final, asked=asked)
        self._tell(kind, str(outcome), asked, count=len(waits_s), queue=queue, took_ms=round(run_s * 1000, 1))

    def rescued(self, queue: str, kind: str, *, is_parked: bool, asked: Asked = NOBODY_KNOWN) -> None:
        """Count and tell a lease that ran out."""
        super().rescued(queue, kind, is_parked=is_parked, asked=asked)
        self._tell(kind, "parked" if is_parked else "lost", asked, count=1, queue=queue)

    def _tell(self, kind: str, outcome: str, asked: Asked, *, count: int, **fields: Any) -> None:
        level = Level.INFO if outcome in AS_IT_SHOULD else Level.WARNING
        if level is Level.INFO and self._stream.has_enough():
            self._stream.drop("rate", 1)
            return
        words = f"{kind} {outcome}" if count == 1 else f"{count} jobs {kind} {outcome}"
        fields |= {"outcome": outcome, "count": count}
        uid, request_id, who = asked
        self._stream.put(
            Happening(now(), Kind.JOB, kind, words, level, who, request_id, job=uid or None, fields=fields)
        )


@event.listens_for(AuditRow, "after_insert")
def _tell_audited(_mapper: Any, _connection: Any, row: AuditRow) -> None:
    """Tell what an operator did, once it is committed."""
    session = object_session(row)
    if session is None or not has_app_context() or "stream" not in current_app.extensions:
        return
    stream: Stream = current_app.extensions["stream"]
    words = f"{row.by or 'Somebody'}: {row.action} {row.subject}"
    one = Happening(now(), Kind.OPERATOR, row.action, words, who=row.by)

    def committed(_session: Session) -> None:
        stream.put(one)

    event.listen(session, "after_commit", committed, once=True)
