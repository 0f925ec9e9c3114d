"""What the list of jobs shows, read from the ledger."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import current_app
from sqlalchemy.orm import Session

from jobs.engine import Engine
from jobs.ledger import browsing, reader
from jobs.ledger.browsing import Count
from jobs.ledger.models import Entry
from jobs.ledger.selection import Selection

from . import looks, pages
from .asking import Question
from .pages import VIEWS, View

PAGE = 25
REDRAWN_EVERY_S = 15
"""Words such as “in 28 s” grow old though nothing happens."""


@dataclass(frozen=True, slots=True)
class JobsLook:
    """One page of the list; `held` are the address's arguments under which it stays as it is while more jobs come."""

    question: Question
    entries: Sequence[Entry]
    older: Mapping[str, str] | None
    has_stopped: bool
    held: Mapping[str, str]
    newer: int
    counts: Mapping[str, str]
    kinds: Sequence[str]
    queues: Sequence[str]
    now: datetime

    @property
    def views(self) -> Sequence[tuple[View, str]]:
        """Every state with its count under this filter."""
        return [(view, self.counts.get(view.key, "")) for view in VIEWS]

    @property
    def matching(self) -> str:
        """How many jobs the question means, in words; empty when nobody counted."""
        return self.counts.get(self.question.view.key, "")

    @property
    def suggestions(self) -> Sequence[str]:
        """Words that the filter bar offers."""
        states = [f"state:{view.key}" for view in VIEWS if view.key]
        named = [f"kind:{kind}" for kind in self.kinds] + [f"queue:{queue}" for queue in self.queues]
        return [*states, *named, "since:1h", "since:24h", "since:7d", "user:", "id:", "worker:", "error:", "args."]


def requester() -> Callable[[str], str]:
    """What the ledger calls the person that a word after `user:` names; the host may know."""
    known: Callable[[str], str] = current_app.config.get("JOBS_CONSOLE_REQUESTER") or str
    return known


def selection_of(engine: Engine, question: Question, view: View | None = None) -> Selection:
    """The jobs that a question means at this moment."""
    now = reader.now(engine.host.reading())
    return question.selection(now=now, requester=requester(), view=view)


def told_by(engine: Engine, question: Question) -> object:
    """What has to change for the list to be drawn anew."""
    session = engine.host.reading()
    return question, browsing.pulse(session), int(reader.now(session).timestamp()) // REDRAWN_EVERY_S


def jobs(engine: Engine, question: Question) -> JobsLook:
    """The jobs of one page."""
    session, meant = engine.host.reading(), selection_of(engine, question)
    found = browsing.page(session, meant, below=question.below, upto=question.upto, limit=PAGE)
    first = question.upto or (browsing.place_of(meant, found.entries[0]) if found.entries else None)
    newer = browsing.newer(session, meant, question.upto) if question.upto else 0
    return _look(
        engine,
        question,
        entries=found.entries,
        older=question.args(below=found.below) if found.below else None,
        has_stopped=found.has_stopped,
        held=question.args(below=question.below) if question.below else question.args(upto=first),
        newer=newer,
        counts=_counts(engine, session, question),
    )


def nothing(engine: Engine, question: Question) -> JobsLook:
    """The page of a question that is not understood."""
    return _look(engine, question, entries=[], older=None, has_stopped=False, held=question.args(), newer=0, counts={})


def _look(engine: Engine, question: Question, **values: Any) -> JobsLook:
    now = reader.now(engine.host.reading())
    return JobsLook(question, kinds=sorted(engine.jobs), queues=engine.queues, now=now, **values)


def _counts(engine: Engine, session: Session, question: Question) -> dict[str, str]:
    """How many jobs each view holds under the filter."""
    if not question.is_filtered:
        return looks.counts_of_views(session)
    return {view.key: in_words(browsing.count(session, selection_of(engine, question, view))) for view in VIEWS}


def in_words(count: Count) -> str:
    """A number of jobs, "10 000+" when there may be more."""
    return pages.grouped(count.number) + ("+" if count.is_least else "")
