"""The states of a job and the moves between them."""

from enum import StrEnum


class State(StrEnum):
    """Where a job stands."""

    BLOCKED = "blocked"
    SCHEDULED = "scheduled"
    READY = "ready"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    CANCELLED = "cancelled"
    DEAD = "dead"
    PARKED = "parked"


class Outcome(StrEnum):
    """How one attempt ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    GAVE_UP = "gave up"
    SNOOZED = "snoozed"
    INTERRUPTED = "interrupted"
    LOST = "lost"
    CANCELLED = "cancelled"


WAITING = (State.READY, State.SCHEDULED, State.BLOCKED)
LIVE = (*WAITING, State.RUNNING)
SETTLED = (State.SUCCEEDED, State.CANCELLED, State.DEAD, State.PARKED)
FAILED = (State.DEAD, State.PARKED)
RETRYABLE = (State.DEAD, State.PARKED, State.CANCELLED)

MOVES: dict[State, frozenset[State]] = {
    State.BLOCKED: frozenset({State.READY, State.SCHEDULED, State.CANCELLED}),
    State.SCHEDULED: frozenset({State.READY, State.CANCELLED}),
    State.READY: frozenset({State.RUNNING, State.CANCELLED}),
    State.RUNNING: frozenset(
        {State.SUCCEEDED, State.SCHEDULED, State.READY, State.CANCELLED, State.DEAD, State.PARKED}
    ),
    State.SUCCEEDED: frozenset(),
    State.CANCELLED: frozenset({State.READY, State.BLOCKED}),
    State.DEAD: frozenset({State.READY, State.BLOCKED}),
    State.PARKED: frozenset({State.READY, State.BLOCKED}),
}
