"""Which jobs somebody means: by state, kind, queue, requester, error or id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from .models import Entry, in_state
from .states import SETTLED, State

COUNT_UP_TO = 10_000
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Selection:
    """Jobs for which all of this holds; what is empty is not asked. One that says nothing at all means none."""

    states: tuple[State, ...] = ()
    kinds: tuple[str, ...] = ()
    queue: str | None = None
    requested_by: str | None = None
    fingerprint: str | None = None
    uids: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.told())

    def told(self) -> dict[str, Any]:
        """What it says, as JSON."""
        said = {
            "states": [state.value for state in self.states],
            "kinds": list(self.kinds),
            "queue": self.queue,
            "requested_by": self.requested_by,
            "fingerprint": self.fingerprint,
            "uids": list(self.uids),
        }
        return {name: value for name, value in said.items() if value}

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> "Selection":
        """What `told` gave."""
        return cls(
            states=tuple(State(one) for one in told.get("states", ())),
            kinds=tuple(told.get("kinds", ())),
            queue=told.get("queue"),
            requested_by=told.get("requested_by"),
            fingerprint=told.get("fingerprint"),
            uids=tuple(told.get("uids", ())),
        )

    def within(self, states: Sequence[State]) -> "Selection":
        """Those of the jobs that are in one of these states."""
        return replace(self, states=tuple(one for one in states if not self.states or one in self.states))

    def condition(self) -> ColumnElement[bool]:
        """A condition on jobs."""
        asked: list[ColumnElement[bool]] = []
        if self.states:
            asked.append(in_state(*self.states))
        if self.states and all(state in SETTLED for state in self.states):
            asked.append(Entry.finished_at.is_not(None))  # what the index of settled jobs holds
        if self.kinds:
            asked.append(Entry.kind.in_(self.kinds))
        if self.queue is not None:
            asked.append(Entry.queue == self.queue)
        if self.requested_by is not None:
            asked.append(Entry.requested_by == self.requested_by)
        if self.fingerprint is not None:
            asked.append(Entry.error_fingerprint == self.fingerprint)
        if self.uids:
            asked.append(Entry.uid.in_(self.uids))
        return and_(*asked)


@dataclass(frozen=True, slots=True)
class Preview:
    """How many jobs are meant, counted to ten thousand, and some of them, the oldest first."""

    count: int
    has_more: bool
    jobs: Sequence[Entry]


def preview(session: Session, selection: Selection) -> Preview:
    """What is meant at this moment."""
    found = sorted(session.scalars(select(Entry.id).where(selection.condition()).limit(COUNT_UP_TO + 1)))
    shown = select(Entry).where(Entry.id.in_(found[:SHOWN])).order_by(Entry.id)
    return Preview(min(len(found), COUNT_UP_TO), len(found) > COUNT_UP_TO, session.scalars(shown).all())
