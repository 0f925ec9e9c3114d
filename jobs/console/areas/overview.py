"""Is it healthy, and if not, where."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, current_app
from sqlalchemy import func, literal, select

from jobs import figures
from jobs.console.answers import wants_part
from jobs.console.shared import Told
from jobs.dispatch.outbox import JobRequest
from jobs.errors import BadArguments, UnknownJob
from jobs.ledger import census, failures, kinds, lanes, listing, reader
from jobs.ledger.failures import ErrorGroup
from jobs.ledger.listing import Wanted
from jobs.ledger.models import Entry, WorkerRow
from jobs.ledger.states import FAILED, State
from jobs.schedules import shelf
from jobs.schedules.models import Schedule

from . import charts
from .charts import Chart, Series
from .desk import Desk
from .verdict import Problem, Signs, problems

DAY_S = 86_400
SHOWN = 5
MINUTES = 90
RATE_OVER = timedelta(minutes=5)
HOUR = timedelta(hours=1)
LOST_WITHIN_S = 900
PING_EVERY_S = 10.0
TEST_JOB = "JOBS_CONSOLE_TEST_JOB"
DEPENDENCIES = "JOBS_CONSOLE_DEPENDENCIES"
PROBLEMS = "JOBS_CONSOLE_PROBLEMS"
"""What the host knows to be wrong: gives sentences, each with the address of a page that shows more, or ""."""
KEPT_S = "JOBS_CONSOLE_KEPT_S"
USUALLY_KEPT_S = 1.0
"""For how many seconds those who look again are told what somebody else was told just now."""
THAT_FAILED = Wanted(states=FAILED)


@dataclass(frozen=True, slots=True)
class Dependency:
    """Something the engine or its host needs: whether it is well, in a word, and how long it took to say so."""

    name: str
    is_ok: bool
    word: str
    took_s: float | None = None


@dataclass(frozen=True, slots=True)
class QueueLine:
    """A queue in the short table."""

    name: str
    waiting: int
    running: int
    oldest_s: float
    pace: str
    is_paused: bool


class Pulse:
    """What Redis and the database say, asked at most every ten seconds: a frozen Redis must not freeze the page."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._until = 0.0
        self._kept: Sequence[Dependency] = ()

    def dependencies(self) -> Sequence[Dependency]:
        """What the host tells of; the database and Redis are asked here where it does not tell of them."""
        if time.monotonic() >= self._until:
            told: Sequence[Dependency] = current_app.config.get(DEPENDENCIES, list)()
            known = {one.name for one in told}
            own = {"Database": self._database, "Redis": self._redis}
            self._kept = [*(ask() for name, ask in own.items() if name not in known), *told]
            self._until = time.monotonic() + PING_EVERY_S
        return self._kept

    def _database(self) -> Dependency:
        began = time.monotonic()
        self._desk.session.execute(select(literal(1)))
        return Dependency("Database", True, self._desk.session.get_bind().dialect.name, time.monotonic() - began)

    def _redis(self) -> Dependency:
        began = time.monotonic()
        if self._desk.engine.broker.is_reachable():
            return Dependency("Redis", True, "answers", time.monotonic() - began)
        return Dependency("Redis", False, "away: what is in it is not known; jobs come from the database")


@dataclass(frozen=True, slots=True)
class Glance:
    """What is cheap to know, and decides whether the page is drawn anew."""

    problems: Sequence[Problem]
    score: Mapping[str, str]
    queues: Sequence[QueueLine]
    workers: Sequence[WorkerRow]
    dependencies: Sequence[Dependency]
    newest: Sequence[str]
    version: int

    @property
    def told_by(self) -> object:
        """What has to change for the page to be drawn anew."""
        workers = [(one.name, one.busy, one.sees_redis, one.wish) for one in self.workers]
        well = [(one.name, one.is_ok, one.word) for one in self.dependencies]
        return self.problems, self.score, self.queues, workers, well, self.newest, self.version


@dataclass(slots=True)
class Seen:
    """A glance, what it tells all who look, and what is drawn with it, once somebody has it drawn."""

    glance: Glance
    told: Told
    drawn: Mapping[str, Any] | None = None


class Shared:
    """The look of everybody who looks in the same second: five hundred open pages ask what one asks."""

    def __init__(self, take: Callable[[], Glance], draw: Callable[[], Mapping[str, Any]]) -> None:
        self._take, self._draw = take, draw
        self._taking, self._drawing = threading.Lock(), threading.Lock()
        self._kept: Seen | None = None
        self._until = 0.0

    def get(self, *, anew: bool) -> Seen:
        """What is so now; `anew` for who opens the page, and may just have acted.

        While somebody looks, all others are told what was so before: none of them waits.
        """
        kept = self._kept
        if kept and not anew and (time.monotonic() < self._until or self._taking.locked()):
            return kept
        with self._taking:
            if anew or self._kept is None or time.monotonic() >= self._until:
                glance = self._take()
                self._kept = Seen(glance, Told(repr(glance.told_by)))
                self._until = time.monotonic() + current_app.config.get(KEPT_S, USUALLY_KEPT_S)
            return self._kept

    def drawn(self, seen: Seen) -> Mapping[str, Any]:
        """What the page shows beside the glance."""
        with self._drawing:
            if seen.drawn is None:
                seen.drawn = self._draw()
            return seen.drawn


class Overview:
    """The first page."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._pulse = Pulse(desk)
        self._shared = Shared(self._glance, self._drawn)

    def show(self) -> Response:
        """Is it healthy, and if not, where."""
        is_part = wants_part()
        seen = self._shared.get(anew=not is_part)

        def draw() -> Mapping[str, Any]:
            return {"look": seen.glance, **self._shared.drawn(seen)}

        if is_part:
            return self._desk.shared("_overview", seen.told, draw=draw)
        return self._desk.region("overview", "_overview", told_by=seen.told.text, draw=draw)

    def run_test_job(self) -> Response:
        """Run the job that the host names for this, so that one sees that jobs run."""
        kind, args = current_app.config[TEST_JOB]
        try:
            job = self._desk.engine.job_named(kind)
            uid = self._desk.engine.enqueue(JobRequest(job, args, requested_by=(self._desk.who() or "")[:80] or None))
        except (UnknownJob, BadArguments) as error:
            return self._desk.refused(str(error), ".overview")
        return self._desk.done("A test job is on its way.", ".job", uid=uid)

    # -- reading ----------------------------------------------------------------------------------------------------

    def _glance(self) -> Glance:
        session, engine = self._desk.session, self._desk.engine
        live = census.live_counts(session)
        workers = census.alive(session, within_s=engine.lease_s)
        queues = self._queues(live)
        oldest_s = max((one.oldest_s for one in queues), default=0.0)
        failed = census.failed_within(session, DAY_S)
        dependencies = self._pulse.dependencies()
        mark = engine.rollups.mark()
        return Glance(
            problems=[
                *problems(self._signs(live, workers, queues, failed=failed, dependencies=dependencies)),
                *(Problem(sentence, url=url) for sentence, url in current_app.config.get(PROBLEMS, list)()),
            ],
            score=_score(live, retrying=census.retrying(session), failed=failed, workers=workers, oldest_s=oldest_s),
            queues=sorted(queues, key=lambda one: (-one.oldest_s, -one.waiting, one.name))[:SHOWN],
            workers=workers,
            dependencies=dependencies,
            newest=[one.uid for one in listing.page(session, THAT_FAILED, limit=SHOWN)[0]],
            version=mark.version if mark else 0,
        )

    def _queues(self, live: Mapping[tuple[str, State], int]) -> list[QueueLine]:
        session, engine = self._desk.session, self._desk.engine
        names = sorted({*engine.queues, *(queue for queue, _ in live)})
        oldest = census.oldest_ready_s(session, [name for name in names if live.get((name, State.READY))])
        decided = lanes.all_of(session)
        points = figures.within(engine.rollups.recent(), self._desk.now - RATE_OVER)
        rates = figures.together(points, lambda point: point.queue)
        lines: list[QueueLine] = []
        for name in names:
            look = decided.get(("queue", name))
            finished = rates[name].finished if name in rates else 0
            lines.append(
                QueueLine(
                    name,
                    live.get((name, State.READY), 0),
                    live.get((name, State.RUNNING), 0),
                    round(oldest.get(name, 0.0)),
                    f"{finished / 5:.1f}".removesuffix(".0"),
                    look is not None and look.is_paused,
                )
            )
        return lines

    def _signs(
        self,
        live: Mapping[tuple[str, State], int],
        workers: Sequence[WorkerRow],
        queues: Sequence[QueueLine],
        *,
        failed: int,
        dependencies: Sequence[Dependency],
    ) -> Signs:
        session, engine = self._desk.session, self._desk.engine
        served = {queue for one in workers if one.role == "worker" for queue in one.queues.split(",")}
        known = [*engine.jobs, *(row.name for row in kinds.all_of(session))]
        late = shelf.due_since(session)
        redis = next((one for one in dependencies if one.name == "Redis" and not one.is_ok), None)
        return Signs(
            workers=sum(one.role == "worker" for one in workers),
            schedulers=sum(one.role == "scheduler" for one in workers),
            lost=lost(self._desk),
            blind=sum(not one.sees_redis for one in workers),
            redis="the web cannot reach it" if redis and any(one.sees_redis for one in workers) else None,
            unserved=[one.name for one in queues if one.waiting and not one.is_paused and one.name not in served],
            unknown_kinds=kinds.unknown_waiting(session, known) if live else (),
            oldest_s=max((one.oldest_s for one in queues if not one.is_paused), default=0.0),
            failed_today=failed,
            schedule_late_s=(self._desk.now - late).total_seconds() if late else 0.0,
            broken_schedules=_broken_schedules(self._desk),
            versions=sorted({one.version for one in workers if one.version}),
            most_skew_s=max((abs(one.skew_s or 0.0) for one in workers), default=0.0),
        )

    def _drawn(self) -> dict[str, Any]:
        session, engine = self._desk.session, self._desk.engine
        points = engine.rollups.recent()
        now = self._desk.now
        return {
            "curve": _curve(points, now),
            "counted_to": self._desk.counted_to(),
            "by_kind": list(figures.together(figures.within(points, now - HOUR), lambda point: point.kind).values())[
                : SHOWN * 2
            ],
            "schedules": _next_schedules(self._desk),
            "failures": _groups(self._desk),
            "is_empty": session.scalar(select(Entry.id).limit(1)) is None,
            "test_job": current_app.config.get(TEST_JOB),
        }


def lost(desk: Desk) -> int:
    """How many processes fell silent lately without saying good-bye, and were not replaced."""
    return len(census.lost(desk.session, silent_for_s=desk.engine.lease_s, within_s=LOST_WITHIN_S))


def _broken_schedules(desk: Desk) -> int:
    broken = select(func.count()).select_from(Schedule).where(Schedule.problem.is_not(None))
    return desk.session.scalar(broken) or 0


def _next_schedules(desk: Desk) -> Sequence[Schedule]:
    query = select(Schedule).where(Schedule.next_at.is_not(None), Schedule.paused_at.is_(None))
    return desk.session.scalars(query.order_by(Schedule.next_at, Schedule.id).limit(SHOWN)).all()


def _groups(desk: Desk) -> Sequence[ErrorGroup]:
    return failures.groups(desk.session, limit=SHOWN)


def _score(
    live: Mapping[tuple[str, State], int],
    *,
    retrying: int,
    failed: int,
    workers: Sequence[WorkerRow],
    oldest_s: float,
) -> dict[str, str]:
    def of(state: State) -> int:
        return sum(count for (_, one), count in live.items() if one is state)

    return {
        "queued": str(of(State.READY)),
        "running": str(of(State.RUNNING)),
        "retrying": str(retrying),
        "failed": f"{reader.COUNT_UP_TO}+" if failed > reader.COUNT_UP_TO else str(failed),
        "oldest_s": str(oldest_s),
        "workers": str(sum(one.role == "worker" for one in workers)),
    }


def _curve(points: Sequence[Any], now: datetime) -> Chart:
    moments = figures.minutes_until(now, MINUTES)
    buckets = figures.by_moment(points, moments)
    done, failed = [one.succeeded for one in buckets], [one.failed for one in buckets]
    sentence = _told(done, failed)
    series = [Series("done", "Finished", done), Series("failed", "Failed", failed)]
    return charts.bars("Finished and failed by the minute", sentence, moments, series)


def _told(done: Sequence[int], failed: Sequence[int]) -> str:
    sums = [a + b for a, b in zip(done, failed, strict=True)]
    if not any(sums):
        return "Nothing ended in the last 90 minutes."
    total, lost_ = sum(done), sum(failed)
    wrong = "none failed" if not lost_ else f"{lost_} failed"
    return f"{total} finished and {wrong} in the last 90 minutes; at most {max(sums)} a minute, {sums[-2]} in the last."


def mount(bp: Blueprint, desk: Desk) -> None:
    """Put the page on the blueprint."""
    pages = Overview(desk)
    bp.add_url_rule("/", "overview", pages.show)
    bp.add_url_rule("/test-jobs", "create_test_job", pages.run_test_job, methods=["POST"])
