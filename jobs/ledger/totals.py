"""How many jobs there ever were, counted so that a long history costs little.

A count is continued from an earlier one: what ended before the earlier one's moment is not looked at again. Forgetting
old jobs changes nothing, because the earlier count holds them; asking for a settled job again makes it start over.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, func, select
from sqlalchemy.orm import Session

from .models import Entry, Move, Tally, in_state
from .moments import UtcDateTime
from .reader import now
from .retention import STARTED
from .states import SETTLED, State

# A finish carries the moment of its statement and is seen when it commits: by then it has.
STILL_COMING = timedelta(minutes=2)
START_OVER_AFTER = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Count:
    """What had ended, for good or for now, by a moment: jobs by state, and how many of them ever started."""

    since: datetime
    until: datetime
    last_move: int
    by_name: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Totals:
    """How many jobs ever started, were completed and failed for good; a job that runs five times counts once.

    `settled` has them by the state they ended in, `count` is what the next count goes on from.
    """

    started: int
    completed: int
    failed: int
    settled: Mapping[str, int]
    count: Count


def mark(session: Session) -> str:
    """A word that changes when the totals do. Cheap: it looks only at the ends of indexes."""
    row = session.execute(
        select(
            *(_end_of(state, end) for state in SETTLED for end in (func.min, func.max)),
            select(func.max(Move.id)).scalar_subquery(),
            select(func.count()).where(in_state(State.RUNNING)).scalar_subquery(),
        )
    ).one()
    return "|".join(str(value) for value in row)


def totals(session: Session, earlier: Count | None = None) -> Totals:
    """Count what ended since the earlier count, or everything when there is none that can be continued."""
    moment = now(session)
    last_move = session.scalar(select(func.max(Move.id))) or 0
    if earlier is None or not _can_go_on(session, earlier, last_move=last_move, moment=moment):
        earlier = Count(moment, datetime.min.replace(tzinfo=moment.tzinfo), last_move, _forgotten(session))
    until = max(earlier.until, moment - STILL_COMING)
    settled = Counter(earlier.by_name) + _ended(session, earlier.until, until)
    all_ended = settled + _ended(session, until, None)
    return Totals(
        started=all_ended[STARTED] + _began_and_did_not_end(session),
        completed=all_ended[State.SUCCEEDED],
        failed=all_ended[State.DEAD] + all_ended[State.PARKED],
        settled={state: all_ended[state] for state in SETTLED},
        count=Count(earlier.since, until, last_move, dict(settled)),
    )


def _can_go_on(session: Session, earlier: Count, *, last_move: int, moment: datetime) -> bool:
    oldest = session.execute(select(*(_end_of(state, func.min) for state in SETTLED))).one()
    known = [one for one in oldest if one is not None]
    return (
        earlier.last_move == last_move
        and moment - earlier.since < START_OVER_AFTER
        and earlier.until <= moment
        and bool(known)
        and min(known) <= earlier.until
    )


def _forgotten(session: Session) -> dict[str, int]:
    return {name: count for name, count in session.execute(select(Tally.name, Tally.count))}  # noqa: C416 -- a row is no pair to mypy


def _ended(session: Session, after: datetime, until: datetime | None) -> Counter[str]:
    """What ended after one moment and not after the other."""
    when: list[ColumnElement[bool]] = [Entry.finished_at.is_not(None), Entry.finished_at > after]
    if until is not None:
        when.append(Entry.finished_at <= until)
    row = session.execute(
        select(
            *(_count(in_state(state), *when) for state in SETTLED),
            _count(in_state(State.CANCELLED), Entry.attempt > 0, *when),
        )
    ).one()
    by_state = Counter(dict(zip(map(str, SETTLED), row, strict=False)))
    started = by_state.total() - by_state[State.CANCELLED] + row[-1]
    return by_state + Counter({STARTED: started})


def _began_and_did_not_end(session: Session) -> int:
    """How many jobs run, or wait for another try."""
    tried = Entry.attempt > 0
    return sum(
        session.execute(
            select(
                _count(in_state(State.RUNNING)),
                _count(in_state(State.READY), tried),
                _count(in_state(State.SCHEDULED), tried),
            )
        ).one()
    )


def _count(*where: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.count()).where(*where).select_from(Entry).scalar_subquery()


def _end_of(state: State, end: Callable[..., Any]) -> ScalarSelect[datetime | None]:
    when = end(Entry.finished_at, type_=UtcDateTime())
    return select(when).where(in_state(state), Entry.finished_at.is_not(None)).scalar_subquery()
