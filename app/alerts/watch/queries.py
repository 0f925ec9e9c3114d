"""What is measured: the engine, and what was seen."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, func, or_, select

from app.alerts.models import Alert, Sighting
from app.db import reading
from jobs import FAILED, Entry, Fired, Schedule, ScheduleFire, State, engine_of
from jobs.metrics import alive, clock_of, lost

COUNT_UP_TO = 10_000
MOST_SCHEDULES = 100
FALLEN_SILENT = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Spotted:
    """Sightings of one sort, by one subject or by all."""

    subject: str
    count: int
    words: str


def is_of_interest(rules: Collection[str], *, since: datetime) -> bool:
    """Whether anything was seen since then, or an alert of these rules is still open."""
    seen = exists().where(Sighting.at > since)
    is_open = exists().where(Alert.rule.in_(rules), Alert.resolved_at.is_(None))
    return bool(reading().scalar(select(or_(seen, is_open))))


def spotted(rule: str, *, since: datetime, by_subject: bool) -> list[Spotted]:
    """What was seen since then and belongs to no alert yet; the words are those of the last."""
    query = select(Sighting.subject, Sighting.count, Sighting.words).where(
        Sighting.rule == rule, Sighting.alert_id.is_(None), Sighting.at > since
    )
    found: dict[str, Spotted] = {}
    for subject, count, words in reading().execute(query.order_by(Sighting.id)):
        key = subject if by_subject else ""
        found[key] = Spotted(key, count + (found[key].count if key in found else 0), words)
    return list(found.values())


def last_seen(rule: str, *, since: datetime) -> set[str]:
    """Whom something was seen of since then, whether it became an alert or not."""
    return set(reading().scalars(select(Sighting.subject).where(Sighting.rule == rule, Sighting.at > since).distinct()))


def oldest_waits() -> list[tuple[str, float]]:
    """By queue, for how many seconds its oldest ready job waits; queues that somebody paused are left out."""
    return [(one.name, one.oldest_ready_s) for one in engine_of().inspector.queues() if not one.lane.is_paused]


def ended_within(time: timedelta) -> tuple[int, int]:
    """How many jobs failed for good and how many succeeded lately, each counted no further than ten thousand."""
    since = clock_of(reading()) - time
    return _ended(since, *FAILED), _ended(since, State.SUCCEEDED)


def _ended(since: datetime, *states: State) -> int:
    query = select(Entry.id).where(Entry.state.in_(states), Entry.finished_at.is_not(None), Entry.finished_at > since)
    return reading().scalar(select(func.count()).select_from(query.limit(COUNT_UP_TO).subquery())) or 0


def workers() -> tuple[int, list[str]]:
    """How many workers are alive, and the names of those that fell silent lately and were not replaced."""
    lease_s = engine_of().lease_s
    living = sum(one.role == "worker" for one in alive(reading(), within_s=lease_s))
    silent = lost(reading(), silent_for_s=lease_s, within_s=FALLEN_SILENT.total_seconds())
    return living, sorted(one.name for one in silent if one.role == "worker")


def missed_schedules(time: timedelta) -> Sequence[tuple[str, int]]:
    """Schedules of which slots passed lately while no scheduler ran, or could make no job: name and number of slots."""
    query = (
        select(Schedule.name, func.count())
        .select_from(ScheduleFire)
        .join(Schedule, Schedule.id == ScheduleFire.schedule_id)
        .where(
            ScheduleFire.outcome.in_([Fired.SKIPPED_LATE, Fired.FAILED]),
            ScheduleFire.at > clock_of(reading()) - time,
        )
        .group_by(Schedule.name)
        .order_by(Schedule.name)
        .limit(MOST_SCHEDULES)
    )
    return [(str(name), int(count)) for name, count in reading().execute(query)]
