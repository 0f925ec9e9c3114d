"""The tables of workflows: which steps wait for which, and what is counted on the way.

A node of the graph is a job (its id) or a join (its number, negative). A join is a counter that nobody sees: many
parents count on several of them instead of all on one row, and many parents reach many children through one.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from .models import Id, LedgerBase
from .moments import UtcDateTime, db_now


class FlowState(StrEnum):
    """Where a workflow stands."""

    RUNNING = "running"
    COMPENSATING = "compensating"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class OnFailure(StrEnum):
    """What becomes of a workflow in which a step failed for good."""

    STOP = "stop"
    """What has not started is cancelled."""
    GO_ON = "go_on"
    """What depends on the failed step is cancelled; the rest goes on."""
    COMPENSATE = "compensate"
    """As with `STOP`; then, for each step that succeeded, its `undo` runs, the latest first."""


OPEN = (FlowState.RUNNING, FlowState.COMPENSATING)
OPEN_SPELLED = ", ".join(f"'{state}'" for state in OPEN)
STRIDE = 16
"""How many neighbours count on the same join. They tend to finish in one transaction, the next ones in another."""


def end_of(job_id: int, ends: int) -> int:
    """The number of the join on which a job counts when it has settled, in a workflow with so many of them."""
    return 1 + job_id // STRIDE % ends


class WorkflowRow(LedgerBase):
    """One workflow. `pending` counts the steps (or, with `ends`, the joins they count on) that have not settled."""

    __tablename__ = "workflow"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str] = mapped_column(String(128))
    state: Mapped[str] = mapped_column(String(12))
    on_failure: Mapped[str] = mapped_column(String(12))
    steps: Mapped[int] = mapped_column(Integer)
    pending: Mapped[int] = mapped_column(Integer)
    ends: Mapped[int] = mapped_column(Integer, server_default="0")
    spare: Mapped[dict[str, Any]] = mapped_column(JSON)
    failed_step: Mapped[str | None] = mapped_column(String(80))
    cancel_requested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancel_requested_by: Mapped[str | None] = mapped_column(String(160))
    requested_by: Mapped[str | None] = mapped_column(String(80))
    request_id: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, server_default=db_now())
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        CheckConstraint("state IN ('running', 'compensating', 'succeeded', 'failed', 'cancelled')", name="state"),
        CheckConstraint("on_failure IN ('stop', 'go_on', 'compensate')", name="on_failure"),
        Index(
            "ix_workflow_open",
            "id",
            sqlite_where=text(f"state IN ({OPEN_SPELLED})"),
            postgresql_where=text(f"state IN ({OPEN_SPELLED})"),
        ),
        Index("ix_workflow_finished_at", "finished_at"),
        Index("ix_workflow_requested_by", "requested_by", "id"),
    )


class Join(LedgerBase):
    """A counter of a workflow: how many of its parents have not succeeded, or, for an end, have not settled."""

    __tablename__ = "workflow_join"

    workflow_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    pending: Mapped[int] = mapped_column(Integer)


class Edge(LedgerBase):
    """The child waits for the parent. `place` is where the parent stands among the child's parents."""

    __tablename__ = "workflow_edge"

    workflow_id: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    parent: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    child: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False)
    place: Mapped[int] = mapped_column(Integer)

    __table_args__ = (Index("ix_workflow_edge_child", "workflow_id", "child"),)
