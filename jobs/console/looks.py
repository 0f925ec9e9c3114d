"""What the overview shows, read from the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from jobs.engine import Engine
from jobs.ledger import census, listing, reader
from jobs.ledger.listing import Wanted
from jobs.ledger.models import Entry, WorkerRow
from jobs.ledger.states import State

from . import pages
from .pages import VIEWS

NEWEST_FAILURES = 5
DAY_S = 86_400
FAILED = Wanted(states=(State.DEAD, State.PARKED))


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything at a glance."""

    problems: Sequence[str]
    counts: Mapping[str, str]
    oldest_s: float
    queues: Sequence[tuple[str, int, int, float]]
    workers: Sequence[WorkerRow]
    failures: Sequence[Entry]
    now: datetime
    is_empty: bool

    @property
    def told_by(self) -> object:
        """What has to change for the page to be drawn anew."""
        workers = [(one.name, one.running, one.sees_redis) for one in self.workers]
        return self.problems, self.counts, self.queues, workers, [one.uid for one in self.failures]


def overview(engine: Engine) -> Overview:
    """The engine at a glance. Reads only the ends of indexes."""
    session = engine.host.reading()
    live, workers = census.live_counts(session), census.alive(session, within_s=engine.lease_s)
    oldest = census.oldest_ready_s(session, sorted({queue for queue, state in live if state is State.READY}))
    roles = [one.role for one in workers]
    counts = counts_of_views(session)
    return Overview(
        problems=pages.problems(
            workers=roles.count("worker"),
            scheduler=roles.count("scheduler"),
            blind_workers=sum(not one.sees_redis for one in workers),
            failed_today=census.failed_within(session, DAY_S),
            oldest_s=max(oldest.values(), default=0.0),
        ),
        counts=counts,
        oldest_s=max(oldest.values(), default=0.0),
        queues=[
            (name, live.get((name, State.READY), 0), live.get((name, State.RUNNING), 0), round(oldest.get(name, 0.0)))
            for name in sorted({*engine.queues, *(queue for queue, _ in live)})
        ],
        workers=workers,
        failures=listing.page(session, FAILED, limit=NEWEST_FAILURES)[0],
        now=reader.now(session),
        is_empty=not any(count != "0" for count in counts.values()),
    )


def counts_of_views(session: Session) -> dict[str, str]:
    """How many jobs each view holds, in words: beyond ten thousand nobody counts."""
    by_state, again = reader.counts_by_state(session), census.retrying(session)
    counts = {view.key: sum(by_state[state] for state in view.states) for view in VIEWS if view.states}
    counts |= {"retrying": again, "scheduled": max(0, by_state[State.SCHEDULED] - again)}
    most = reader.COUNT_UP_TO
    return {key: f"{most:,}+".replace(",", "\u202f") if count > most else str(count) for key, count in counts.items()}
