"""Which jobs somebody means: by state, kind, queue, requester, error, worker, argument, age or id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, String, and_, func, or_, select, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.functions import FunctionElement

from .models import Entry, in_state
from .states import SETTLED, State

COUNT_UP_TO = 10_000
SHOWN = 10
AFTER_HEX = "g"
"""Sorts behind every digit of a public id."""


class argument_text(FunctionElement[str]):  # noqa: N801 -- reads as the SQL function it is
    """An argument of a job as text: `argument_text(args, "key", "deeper", …)`; numbers as JSON writes them."""

    type = String()
    inherit_cache = True
    name = "argument_text"


@compiles(argument_text, "postgresql")
def _on_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    args, *path = (compiler.process(clause, **options) for clause in element.clauses)
    return f"json_extract_path_text({args}, {', '.join(path)})"


@compiles(argument_text, "sqlite")
def _on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    args, *path = (compiler.process(clause, **options) for clause in element.clauses)
    # Keys hold no quotes: whoever asks for one is refused before.
    where = "'$'" + "".join(f" || '.\"' || {one} || '\"'" for one in path)
    return (
        f"(CASE json_type({args}, {where}) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false'"
        f" ELSE CAST(json_extract({args}, {where}) AS TEXT) END)"
    )


@dataclass(frozen=True, slots=True)
class Selection:
    """Jobs for which all of this holds; what is empty is not asked. One that says nothing at all means none."""

    states: tuple[State, ...] = ()
    kinds: tuple[str, ...] = ()
    queue: str | None = None
    requested_by: str | None = None
    fingerprint: str | None = None
    uids: tuple[str, ...] = ()
    is_retry: bool | None = None
    uid_start: str | None = None
    worker: str | None = None
    error: str | None = None
    args: tuple[tuple[str, str], ...] = ()
    since: datetime | None = None

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
            "is_retry": self.is_retry,
            "uid_start": self.uid_start,
            "worker": self.worker,
            "error": self.error,
            "args": dict(self.args),
            "since": self.since and self.since.isoformat(),
        }
        return {name: value for name, value in said.items() if value or value is False}

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
            is_retry=told.get("is_retry"),
            uid_start=told.get("uid_start"),
            worker=told.get("worker"),
            error=told.get("error"),
            args=tuple(told.get("args", {}).items()),
            since=datetime.fromisoformat(told["since"]) if told.get("since") else None,
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
        return and_(true(), *asked, *self._looked_into())

    def _looked_into(self) -> list[ColumnElement[bool]]:
        """What no index tells: every job is looked into."""
        asked: list[ColumnElement[bool]] = []
        if self.is_retry is not None:
            asked.append(Entry.failures > 0 if self.is_retry else Entry.failures == 0)
        if self.uid_start is not None:
            asked.append(and_(Entry.uid >= self.uid_start, Entry.uid < self.uid_start + AFTER_HEX))
        if self.worker is not None:
            asked.append(func.lower(Entry.worker).contains(self.worker.lower(), autoescape=True))
        if self.error is not None:
            word = self.error.lower()
            texts = (func.lower(Entry.error_class), func.lower(Entry.error_message))
            asked.append(or_(*(text.contains(word, autoescape=True) for text in texts)))
        asked += [argument_text(Entry.args, *path.split(".")) == value for path, value in self.args]
        if self.since is not None:
            asked.append(func.coalesce(Entry.finished_at, Entry.created_at) >= self.since)
        return asked


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
