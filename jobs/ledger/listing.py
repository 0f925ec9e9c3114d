"""Jobs by filter, a page at a time, each page from the ends of indexes whatever the ledger has grown to."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import islice
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, exists, select, tuple_
from sqlalchemy.orm import Session

from .models import Entry, in_state
from .states import SETTLED, State

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LARGEST_ID = 2**63 - 1
AFTER_HEX = "g"
"""Sorts behind every digit of a public id."""
_PLACE = re.compile(r"(?:([0-9]{1,17})-)?([0-9]{1,19})")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ends: the id of its last job and, in lists ordered by a moment, that moment."""

    id: int
    at: datetime | None = None

    def __str__(self) -> str:
        """As it stands in an address."""
        return str(self.id) if self.at is None else f"{(self.at - EPOCH) // timedelta(microseconds=1)}-{self.id}"

    @classmethod
    def read(cls, text: str) -> "Place":
        """The place written in an address.

        Raises:
            ValueError: it is none
        """
        found = _PLACE.fullmatch(text)
        if not found or int(found[2]) > LARGEST_ID:
            raise ValueError("This is not the place of a page.")
        return cls(int(found[2]), EPOCH + timedelta(microseconds=int(found[1])) if found[1] else None)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which jobs: of any of these states and kinds (all when empty), of this queue, with or without failed tries.

    With `requested_by` only that one's, with `uid_start` only those whose public id begins so; these two are listed by
    when they were asked for, whatever their states.
    """

    states: tuple[State, ...] = ()
    kinds: tuple[str, ...] = ()
    queue: str | None = None
    is_retry: bool | None = None
    requested_by: str | None = None
    uid_start: str | None = None

    @property
    def is_narrow(self) -> bool:
        """Whether the jobs of one person or with one beginning of an id are meant, which have indexes of their own."""
        return self.requested_by is not None or self.uid_start is not None

    @property
    def by_end(self) -> bool:
        """Whether they have all ended, and are listed by when."""
        return bool(self.states) and all(state in SETTLED for state in self.states) and not self.is_narrow

    @property
    def by_due(self) -> bool:
        """Whether they are all scheduled, and are listed by when they are due."""
        return self.states == (State.SCHEDULED,) and not self.is_narrow

    def place_of(self, entry: Entry) -> Place:
        """Where a page of these ends when this job is its last."""
        return Place(entry.id, entry.finished_at if self.by_end else entry.run_at if self.by_due else None)


def page(session: Session, wanted: Wanted, *, below: Place | None = None, limit: int) -> tuple[list[Entry], bool]:
    """Up to `limit` jobs from below a place, and whether there are more.

    The newest first; settled ones by when they ended, the latest first; scheduled ones by when they are due, the
    next first.
    """
    if wanted.states and wanted.kinds and not wanted.is_narrow and not _knows_any(session, wanted.kinds):
        return [], False
    parts = [session.scalars(query.limit(limit + 1)).all() for query in streams(wanted, below)]
    found = list(islice(_in_order(parts, wanted), limit + 1))
    return found[:limit], len(found) > limit


def _knows_any(session: Session, kinds: Sequence[str]) -> bool:
    """Whether there was ever a job of these kinds: if not, no index of states ends the search for one."""
    return bool(session.scalar(select(exists().where(Entry.kind.in_(kinds)))))


def streams(wanted: Wanted, below: Place | None) -> Iterable[Select[Entry]]:
    """One query for each index that has to be read."""
    if wanted.is_narrow:
        return [_narrow(wanted, below)]
    if wanted.by_end:
        return [_by_end(state, wanted, below) for state in wanted.states]
    if wanted.by_due:
        return [_by_due(wanted, below)]
    if wanted.states:
        return [_live(state, wanted, below) for state in wanted.states]
    return [_by_id(kind, wanted, below) for kind in wanted.kinds or (None,)]


def _narrow(wanted: Wanted, below: Place | None) -> Select[Entry]:
    """Through the index of the requester or of the public ids: what else is asked is looked up in the rows.

    The states are bound values and the sum keeps the order out of the choice, so that no other index looks better.
    """
    query = _narrowed(select(Entry), wanted)
    order: ColumnElement[int] = Entry.id + 0
    if wanted.states:
        query = query.where(Entry.state.in_([str(state) for state in wanted.states]))
    if wanted.requested_by is not None:
        query, order = query.where(Entry.requested_by == wanted.requested_by), cast("ColumnElement[int]", Entry.id)
    if wanted.uid_start is not None:
        query = query.where(Entry.uid >= wanted.uid_start, Entry.uid < wanted.uid_start + AFTER_HEX)
        order = Entry.id + 0
    if below is not None:
        query = query.where(order < below.id)
    return query.order_by(order.desc())


def _by_end(state: State, wanted: Wanted, below: Place | None) -> Select[Entry]:
    query = _narrowed(select(Entry), wanted).where(in_state(state), Entry.finished_at.is_not(None))
    if below is not None and below.at is not None:
        query = query.where(tuple_(Entry.finished_at, Entry.id) < (below.at, below.id))
    return query.order_by(Entry.finished_at.desc(), Entry.id.desc())


def _by_due(wanted: Wanted, below: Place | None) -> Select[Entry]:
    query = _narrowed(select(Entry), wanted).where(in_state(State.SCHEDULED))
    if below is not None and below.at is not None:
        query = query.where(tuple_(Entry.run_at, Entry.id) > (below.at, below.id))
    return query.order_by(Entry.run_at, Entry.id)


def _live(state: State, wanted: Wanted, below: Place | None) -> Select[Entry]:
    # The sum keeps the planner from walking the whole table backwards by id until it has met enough of that state.
    query = _narrowed(select(Entry), wanted).where(in_state(state))
    if below is not None:
        query = query.where(Entry.id + 0 < below.id)
    return query.order_by((Entry.id + 0).desc())


def _by_id(kind: str | None, wanted: Wanted, below: Place | None) -> Select[Entry]:
    query = select(Entry).order_by(Entry.id.desc())
    if kind is not None:
        query = query.where(Entry.kind == kind)
    if wanted.queue is not None:
        query = query.where(Entry.queue == wanted.queue)
    return query if below is None else query.where(Entry.id < below.id)


def _narrowed(query: Select[Entry], wanted: Wanted) -> Select[Entry]:
    if wanted.kinds:
        query = query.where(Entry.kind.in_(wanted.kinds))
    if wanted.queue is not None:
        query = query.where(Entry.queue == wanted.queue)
    if wanted.is_retry is not None:
        query = query.where(Entry.failures > 0 if wanted.is_retry else Entry.failures == 0)
    return query


def _in_order(parts: Sequence[Sequence[Entry]], wanted: Wanted) -> Iterable[Entry]:
    def key(entry: Entry) -> Any:
        return (entry.finished_at, entry.id) if wanted.by_end else entry.id

    return parts[0] if len(parts) == 1 else merge(*parts, key=key, reverse=True)
