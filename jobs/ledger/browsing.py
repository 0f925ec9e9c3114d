"""Jobs of a selection, a page at a time, at a price that does not grow with the ledger.

An index gives the jobs in order; what no index tells is looked for in a bounded number of them. A page that ends
because that many were looked at says so, and the next one goes on from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from heapq import merge
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, select
from sqlalchemy.orm import Session

from . import listing
from .listing import Place, Wanted
from .models import Entry, Move, in_state
from .selection import Selection
from .states import SETTLED, State

LOOK_AT = 2_000
COUNT_AMONG = 1_000
LEAST = 100
COUNT_UP_TO = 10_000
NEWER_UP_TO = 100
FELT_UP_TO = 1_000
"""Among more that wait, one that joins them is seen when the page is drawn anew; what starts or ends is always felt."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some jobs, where the next page begins (None on the last), and whether the search stopped before its end."""

    entries: Sequence[Entry]
    below: Place | None
    has_stopped: bool


@dataclass(frozen=True, slots=True)
class Count:
    """So many jobs, or at least so many when counting stopped."""

    number: int
    is_least: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What indexes are asked for, and whether all that is asked is told by them."""

    wanted: Wanted
    streams: Sequence[Select[Entry]]
    is_exact: bool

    def window(self, look_at: int) -> int:
        """How many jobs of each stream are looked at, of so many in all."""
        return max(LEAST, look_at // max(1, len(self.streams)))


def page(
    session: Session, meant: Selection, *, below: Place | None = None, upto: Place | None = None, limit: int
) -> Page:
    """Up to `limit` jobs from below a place, or from it on downwards; the order is that of `listing.page`."""
    plan = _plan(session, meant, _beside(upto, meant) if below is None else below)
    window = plan.window(LOOK_AT)
    found: list[Sequence[Entry]] = []
    edges: list[Entry] = []
    for stream in plan.streams:
        rows = _matching(session, _among(stream, window), meant, plan.wanted, limit + 1)
        found.append(rows)
        if len(rows) <= limit and (edge := _edge(session, stream, window)) is not None:
            edges.append(edge)
    key, is_rising = _order(plan.wanted)
    entries = list(merge(*found, key=key, reverse=not is_rising))
    if not edges:
        has_more = len(entries) > limit
        return Page(entries[:limit], plan.wanted.place_of(entries[limit - 1]) if has_more else None, False)
    return _cut(entries, edges, plan.wanted, limit)


def _cut(entries: list[Entry], edges: Sequence[Entry], wanted: Wanted, limit: int) -> Page:
    """What comes behind the first place where the search stopped belongs to the next page."""
    key, is_rising = _order(wanted)
    edge = (min if is_rising else max)(edges, key=key)
    kept = [one for one in entries if (key(one) <= key(edge) if is_rising else key(one) >= key(edge))]
    if len(kept) > limit:
        return Page(kept[:limit], wanted.place_of(kept[limit - 1]), False)
    return Page(kept, wanted.place_of(edge), True)


def count(session: Session, meant: Selection) -> Count:
    """How many jobs are meant, counted to ten thousand, or among as many as a page looks at."""
    plan = _plan(session, meant, None)
    if plan.is_exact:
        found = sum(_counted(session, stream) for stream in plan.streams)
        return Count(min(found, COUNT_UP_TO), found > COUNT_UP_TO)
    total, is_least, window = 0, False, plan.window(COUNT_AMONG)
    for stream in plan.streams:
        told = select(func.count(Entry.id)).where(_among(stream, window), meant.condition())
        total += session.scalar(told) or 0
        is_least = is_least or _goes_on(session, stream, window)
    return Count(total, is_least)


def newer(session: Session, meant: Selection, than: Place) -> int:
    """How many jobs have come above a place since, counted to a hundred."""
    seen = page(session, meant, limit=NEWER_UP_TO)
    key, is_rising = _order(_wanted_of(meant))
    mark = (than.at, than.id) if than.at else than.id
    try:
        return sum(key(one) < mark if is_rising else key(one) > mark for one in seen.entries)
    except TypeError:  # a place of a list in another order
        return 0


def _counted(session: Session, stream: Select[Entry]) -> int:
    some = stream.with_only_columns(literal(1), maintain_column_froms=True).order_by(None).limit(COUNT_UP_TO + 1)
    return session.scalar(select(func.count()).select_from(some.subquery())) or 0


def _plan(session: Session, meant: Selection, below: Place | None) -> Plan:
    wanted = _wanted_of(meant)
    if meant.states and meant.kinds and not wanted.is_narrow and wanted.by_end and not _is_rare(session, meant):
        wanted = replace(wanted, states=())  # of this kind there are fewer than of these states
    if wanted.kinds and wanted.states:
        wanted = replace(wanted, kinds=())
    streams = [_by_error(meant, below)] if _has_only_error(meant) else list(listing.streams(wanted, below))
    if meant.since is not None and wanted.by_end:
        streams = [one.where(Entry.finished_at >= meant.since) for one in streams]
    told = replace(meant, since=None) if wanted.by_end else meant
    return Plan(wanted, streams, is_exact=told == _told_by(wanted, meant))


def _has_only_error(meant: Selection) -> bool:
    return meant.fingerprint is not None and meant.requested_by is None and meant.uid_start is None


def _wanted_of(meant: Selection) -> Wanted:
    """The index that is asked: of the requester, of public ids, of errors, of states, of kinds, or of all."""
    if meant.requested_by is not None or meant.uid_start is not None:
        return Wanted(requested_by=meant.requested_by, uid_start=meant.uid_start)
    if meant.fingerprint is not None:
        return Wanted()
    return Wanted(meant.states, kinds=meant.kinds)


def _told_by(wanted: Wanted, meant: Selection) -> Selection:
    """The selection that the index alone answers."""
    fingerprint = meant.fingerprint if _has_only_error(meant) else None
    by, start = wanted.requested_by, wanted.uid_start
    return Selection(wanted.states, wanted.kinds, requested_by=by, uid_start=start, fingerprint=fingerprint)


def _is_rare(session: Session, meant: Selection) -> bool:
    """Whether the states hold so few jobs, or the kinds so many, that looking through the states is the better way."""
    few = select(literal(1)).where(in_state(*meant.states), Entry.finished_at.is_not(None)).limit(LOOK_AT)
    of_states = session.scalar(select(func.count()).select_from(few.subquery())) or 0
    of_kinds = select(literal(1)).where(Entry.kind.in_(meant.kinds)).limit(LOOK_AT)
    return (
        of_states < LOOK_AT or (session.scalar(select(func.count()).select_from(of_kinds.subquery())) or 0) >= LOOK_AT
    )


def _by_error(meant: Selection, below: Place | None) -> Select[Entry]:
    query = select(Entry).where(Entry.error_fingerprint == meant.fingerprint).order_by(Entry.id.desc())
    return query if below is None else query.where(Entry.id < below.id)


def _among(stream: Select[Entry], window: int) -> ColumnElement[bool]:
    """Those of the stream's beginning, by their ids: a subquery of all columns takes longer to write than to run."""
    return Entry.id.in_(stream.with_only_columns(Entry.id).limit(window))


def _matching(
    session: Session, looked: ColumnElement[bool], meant: Selection, wanted: Wanted, limit: int
) -> Sequence[Entry]:
    query = select(Entry).where(looked, meant.condition()).limit(limit)
    if wanted.by_end:
        query = query.order_by(Entry.finished_at.desc(), Entry.id.desc())
    elif wanted.by_due:
        query = query.order_by(Entry.run_at, Entry.id)
    else:
        query = query.order_by(Entry.id.desc())
    return session.scalars(query).all()


def _goes_on(session: Session, stream: Select[Entry], window: int) -> bool:
    """Whether there are more than that many."""
    behind = stream.with_only_columns(literal(1), maintain_column_froms=True).offset(window).limit(1)
    return session.scalar(behind) is not None


def _edge(session: Session, stream: Select[Entry], window: int) -> Entry | None:
    """The last job that was looked at, when there are more behind it."""
    last = session.scalars(stream.offset(window - 1).limit(2)).all()
    return last[0] if len(last) == 2 else None


def _order(wanted: Wanted) -> tuple[Any, bool]:
    """What a list is in the order of, and whether it rises."""
    if wanted.by_end:
        return (lambda one: (one.finished_at, one.id)), False
    if wanted.by_due:
        return (lambda one: (one.run_at, one.id)), True
    return (lambda one: one.id), False


def _beside(upto: Place | None, meant: Selection) -> Place | None:
    """The place just above one, so that the one itself is below it."""
    if upto is None:
        return None
    return replace(upto, id=upto.id - 1 if _wanted_of(meant).by_due else upto.id + 1)


def place_of(meant: Selection, entry: Entry) -> Place:
    """Where a job stands in the list of these."""
    return _wanted_of(meant).place_of(entry)


def pulse(session: Session) -> tuple[Any, ...]:
    """What changes whenever the list of jobs does, but for time passing: a few ends of indexes."""
    return tuple(session.connection().execute(_pulse()).one())


@cache
def _pulse() -> Select[Any]:
    """Made once: pages that find nothing new ask it every few seconds, and making it took longer than asking."""
    live = [
        select(func.count()).select_from(select(literal(1)).where(in_state(state)).limit(FELT_UP_TO).subquery())
        for state in (State.READY, State.SCHEDULED, State.BLOCKED, State.RUNNING)
    ]
    ends = [
        select(func.max(Entry.finished_at)).where(in_state(state), Entry.finished_at.is_not(None)) for state in SETTLED
    ]
    started = select(func.max(Entry.started_at)).where(in_state(State.RUNNING))
    moved = select(func.max(Move.id))
    return select(
        select(func.max(Entry.id)).scalar_subquery(),
        *(one.scalar_subquery() for one in (*live, *ends, started, moved)),
    )
