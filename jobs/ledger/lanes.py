"""What people decided about queues and kinds: paused or not, how many at a time, how many in a while.

The slot of a limit is the running row itself, so a crash frees it with its lease. Whoever claims under a limit holds
the limit's row, so that two claims never share the last slot.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import Table, and_, func, null, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from .models import Entry, Guest, Lane, in_state
from .moments import db_now, seconds_since
from .states import State

Scope = Literal["queue", "kind"]
Key = tuple[Scope, str]

lane = cast("Table", Lane.__table__)
job = cast("Table", Entry.__table__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How many jobs may run at a time, and how many may start in so many seconds; None: any number."""

    most_running: int | None = None
    rate_count: int | None = None
    rate_period_s: float | None = None

    def __bool__(self) -> bool:
        return self.most_running is not None or self.rate_count is not None


@dataclass(frozen=True, slots=True)
class LaneLook:
    """What holds for one queue or kind at this moment."""

    limits: Limits
    is_paused: bool = False
    paused_by: str | None = None
    pause_reason: str | None = None
    paused_until: datetime | None = None


def all_of(session: Session) -> dict[Key, LaneLook]:
    """Every queue and kind that something was decided about."""
    paused = and_(lane.c.paused_at.is_not(None), or_(lane.c.paused_until.is_(None), lane.c.paused_until > db_now()))
    rows = session.connection().execute(select(lane, paused.label("is_paused")))
    return {
        (row.scope, row.name): LaneLook(
            Limits(row.most_running, row.rate_count, row.rate_period_s),
            bool(row.is_paused),
            row.paused_by,
            row.pause_reason,
            row.paused_until,
        )
        for row in rows
    }


def guests(session: Session) -> dict[str, set[str]]:
    """By queue, the kinds of which jobs have been put there though they are declared for another one."""
    found: dict[str, set[str]] = {}
    for queue, kind in session.connection().execute(select(Guest.queue, Guest.kind)):
        found.setdefault(queue, set()).add(kind)
    return found


def queues_of_guest(session: Session, kind: str) -> list[str]:
    """The queues of which workers take this kind though it is declared for another one."""
    return list(session.connection().execute(select(Guest.queue).where(Guest.kind == kind)).scalars())


def welcome(session: Session, kinds: Iterable[tuple[str, str]]) -> None:
    """Have workers of these queues take these kinds too, from the commit on: pairs of queue and kind.

    Nothing takes it back: a job that is being put there at that moment would wait for ever.
    """
    rows = [{"queue": queue, "kind": kind} for queue, kind in sorted(set(kinds))]
    if rows:
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        session.connection().execute(dialect.insert(Guest).on_conflict_do_nothing(), rows)


def pause(session: Session, key: Key, *, by: str | None, reason: str | None, until: datetime | None) -> None:
    """Let nothing more start there, for good or until then; what runs goes on."""
    _write(session, key, {"paused_at": db_now(), "paused_by": by, "pause_reason": reason, "paused_until": until})


def resume(session: Session, key: Key) -> bool:
    """Let jobs start there again; whether it was paused."""
    nothing = {"paused_at": null(), "paused_by": null(), "pause_reason": null(), "paused_until": null()}
    where = and_(lane.c.scope == key[0], lane.c.name == key[1], lane.c.paused_at.is_not(None))
    return bool(session.connection().execute(update(lane).where(where).values(**nothing)).rowcount)


def limit(session: Session, key: Key, limits: Limits) -> None:
    """Decide how many may run at a time and start in a while; this stands above what a kind's declaration says."""
    _write(
        session,
        key,
        {
            "most_running": limits.most_running,
            "rate_count": limits.rate_count,
            "rate_period_s": limits.rate_period_s,
            "tokens": null(),
            "filled_at": null(),
        },
    )


def admitted(session: Session, guards: Mapping[Key, Limits], sizes: Mapping[str, int], queue: str) -> dict[str, int]:
    """How many of each kind may be claimed now, each guard's row locked until the transaction ends."""
    rooms = {key: _room(session, key, guards[key]) for key in sorted(guards)}
    whole = rooms.get(("queue", queue))
    admitted: dict[str, int] = {}
    for kind, size in sizes.items():
        room = min((one for one in (size, whole, rooms.get(("kind", kind))) if one is not None), default=size)
        if room > 0:
            admitted[kind] = room
    return admitted


def spend(session: Session, guards: Mapping[Key, Limits], started: Iterable[str], queue: str) -> None:
    """Take what started from the allowances."""
    kinds = list(started)
    for (scope, name), limits in guards.items():
        count = len(kinds) if (scope, name) == ("queue", queue) else kinds.count(name) if scope == "kind" else 0
        if count and limits.rate_count is not None:
            session.connection().execute(
                update(lane)
                .where(lane.c.scope == scope, lane.c.name == name)
                .values(tokens=lane.c.tokens - count, filled_at=db_now())
            )


def _room(session: Session, key: Key, limits: Limits) -> int | None:
    row = _locked(session, key)
    rooms: list[int] = []
    if limits.most_running is not None:
        column = job.c.queue if key[0] == "queue" else job.c.kind
        running = select(func.count()).select_from(job).where(in_state(State.RUNNING), column == key[1])
        rooms.append(limits.most_running - session.connection().execute(running).scalar_one())
    if limits.rate_count is not None and limits.rate_period_s:
        held = (
            limits.rate_count
            if row.tokens is None
            else row.tokens + float(row.waited_s) * (limits.rate_count / limits.rate_period_s)
        )
        held = min(float(limits.rate_count), held)
        _write(session, key, {"tokens": held, "filled_at": db_now()})
        rooms.append(int(held))
    return min(rooms) if rooms else None


def _locked(session: Session, key: Key) -> Any:
    """The row, which nobody else reads for a claim until this transaction ends; made where there was none."""
    is_it = and_(lane.c.scope == key[0], lane.c.name == key[1])
    waited_s = func.coalesce(seconds_since(lane.c.filled_at), 0.0).label("waited_s")
    query = select(lane.c.tokens, waited_s).where(is_it)
    row = session.connection().execute(query.with_for_update()).first()
    if row is None:
        _write(session, key, {})
        row = session.connection().execute(query.with_for_update()).one()
    return row


def _write(session: Session, key: Key, values: Mapping[str, Any]) -> None:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    made = dialect.insert(lane).values(scope=key[0], name=key[1], **values)
    keys = ["scope", "name"]
    session.connection().execute(
        made.on_conflict_do_update(index_elements=keys, set_=dict(values))
        if values
        else made.on_conflict_do_nothing(index_elements=keys)
    )


def merged(declared: Limits, decided: LaneLook | None) -> Limits:
    """The limits that hold: each as people decided it, else as it was declared."""
    if decided is None:
        return declared
    told = decided.limits
    both = replace(declared, most_running=declared.most_running if told.most_running is None else told.most_running)
    if told.rate_count is None:
        return both
    return replace(both, rate_count=told.rate_count, rate_period_s=told.rate_period_s)


NO_GUARDS: Mapping[Key, Limits] = {}
