"""What each page of the console shows, read from the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from jobs.engine import Engine
from jobs.ledger import census, listing, reader
from jobs.ledger.listing import Wanted
from jobs.ledger.models import Attempt, Entry, Move
from jobs.ledger.states import State

from . import pages
from .pages import VIEWS, Listing

PAGE = 25


@dataclass(frozen=True, slots=True)
class Jobs:
    """One page of the list."""

    listing: Listing
    entries: Sequence[Entry]
    older: Mapping[str, str] | None
    counts: Mapping[str, str]
    kinds: Sequence[str]
    queues: Sequence[str]
    now: datetime

    @property
    def views(self) -> Sequence[tuple[pages.View, str | None]]:
        """Every state with its count, if it is known under this filter."""
        return [(view, self.counts.get(view.key)) for view in VIEWS]

    @property
    def told_by(self) -> object:
        """What has to change for the list to be drawn anew."""
        rows = [(one.uid, one.state, one.attempt, pages.pill(one, now=self.now)) for one in self.entries]
        return rows, self.counts, self.older


def jobs(engine: Engine, wanted: Listing) -> Jobs:
    """The jobs of one page."""
    session = engine.host.reading()
    if wanted.uid:
        found = reader.by_uid(session, wanted.uid)
        entries, has_more = [found] if found and _fits(found, wanted) else [], False
    elif (query := _wanted(engine, wanted)) is not None:
        entries, has_more = listing.page(session, query, below=wanted.below, limit=PAGE)
    else:
        entries, has_more = [], False
    older = wanted.args(below=query.place_of(entries[-1])) if has_more and query else None
    return _listed(engine, wanted, entries, older, {} if wanted.is_filtered else _counts(session))


def nothing(engine: Engine, wanted: Listing) -> Jobs:
    """The page of a filter that is not understood."""
    return _listed(engine, wanted, [], None, {})


def _listed(
    engine: Engine,
    wanted: Listing,
    entries: Sequence[Entry],
    older: Mapping[str, str] | None,
    counts: Mapping[str, str],
) -> Jobs:
    return Jobs(wanted, entries, older, counts, sorted(engine.jobs), engine.queues, reader.now(engine.host.reading()))


def _wanted(engine: Engine, wanted: Listing) -> Wanted | None:
    """The listing as the ledger is asked for it; None when no job can be in it.

    A queue is asked for by the kinds that are in it, because jobs are indexed by kind.
    """
    states, is_retry = wanted.view.states, wanted.view.is_retry
    if not wanted.queue:
        return Wanted(states, kinds=(wanted.kind,) if wanted.kind else (), is_retry=is_retry)
    kinds = engine.inspector.kinds_in(wanted.queue)
    if wanted.kind:
        kinds = (wanted.kind,) if wanted.kind in kinds or wanted.kind not in engine.jobs else ()
    return Wanted(states, kinds=kinds, queue=wanted.queue, is_retry=is_retry) if kinds else None


def _fits(entry: Entry, wanted: Listing) -> bool:
    view = wanted.view
    return (
        (not view.states or State(entry.state) in view.states)
        and (view.is_retry is None or view.is_retry == bool(entry.failures))
        and wanted.kind in {"", entry.kind}
        and wanted.queue in {"", entry.queue}
    )


def _counts(session: Session) -> dict[str, str]:
    """How many jobs each view holds, in words: beyond ten thousand nobody counts."""
    by_state, again = reader.counts_by_state(session), census.retrying(session)
    counts = {view.key: sum(by_state[state] for state in view.states) for view in VIEWS if view.states}
    counts |= {"retrying": again, "scheduled": max(0, by_state[State.SCHEDULED] - again)}
    most = reader.COUNT_UP_TO
    return {key: f"{most:,}+".replace(",", "\u202f") if count > most else str(count) for key, count in counts.items()}


@dataclass(frozen=True, slots=True)
class JobLook:
    """One job with all that is told of it."""

    entry: Entry
    attempts: Sequence[Attempt]
    moves: Sequence[Move]
    story: str
    can_retry: bool
    can_cancel: bool
    now: datetime

    @property
    def told_by(self) -> object:
        """What has to change for the job to be drawn anew."""
        entry = self.entry
        return entry.state, entry.attempt, entry.failures, entry.finished_at, len(self.moves), self.story


def job(engine: Engine, entry: Entry) -> JobLook:
    """Everything about this job."""
    session = engine.host.reading()
    now = reader.now(session)
    return JobLook(
        entry=entry,
        attempts=reader.attempts_of(session, entry.id),
        moves=reader.moves_of(session, entry.id),
        story=" ".join(filter(None, [pages.story(entry, now=now), engine.inspector.why_waiting(entry)])),
        can_retry=pages.can_retry(entry),
        can_cancel=pages.can_cancel(entry),
        now=now,
    )
