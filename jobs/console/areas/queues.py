"""Queues and kinds: what waits and runs there, at which rate, and what was decided about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, abort, current_app, url_for
from sqlalchemy import func, select

from jobs import figures
from jobs.bulk.desk import BulkRequest
from jobs.errors import UnknownJob
from jobs.figures import Figures
from jobs.inspector import KindLook, QueueLook
from jobs.ledger import census
from jobs.ledger.bulk import Action
from jobs.ledger.lanes import Key, LaneLook, Limits, Scope
from jobs.ledger.models import Entry, in_state
from jobs.ledger.selection import COUNT_UP_TO, Selection
from jobs.ledger.states import WAITING, State
from jobs.redaction import without_secrets

from . import charts
from .charts import Chart, Series
from .desk import REASON, Desk, Field, Question, Wrong, asked, line, moment, whole

RATE_MINUTES = 5
RATE_OVER = timedelta(minutes=RATE_MINUTES)
HOUR = timedelta(hours=1)
DAY_HOURS = 24
SPARK_MINUTES = 30
MOST = 1_000_000
WORKER_COMMAND = "JOBS_CONSOLE_WORKER_COMMAND"
"""The host's setting that says how a worker for a queue is started, `{queue}` in the place of its name."""
SCOPES = ("queue", "kind")


@dataclass(frozen=True, slots=True)
class Line:
    """A queue or a kind in its table; rates are by the minute. Only where this build declares it is it steered."""

    name: str
    waiting: int
    running: int
    oldest_s: float
    came: float
    went: float
    failing: str
    listening: int
    spark: str
    lane: LaneLook
    is_declared: bool
    queue: str = ""
    told: KindLook | None = None


@dataclass(frozen=True, slots=True)
class Detail:
    """One queue in full."""

    line: Line
    kinds: Sequence[tuple[str, int, int]]
    priorities: Sequence[tuple[int, int]]
    chart: Chart
    today: Figures | None
    command: str


class Queues:
    """The pages of queues and kinds, and what is decided about them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    # -- looking ----------------------------------------------------------------------------------------------------

    def index(self) -> Response:
        """Every queue and every kind."""
        queues, kinds = self._queues(), self._kinds()
        draw: Mapping[str, Any] = {"queues": queues, "kinds": kinds, "command": self._command}
        return self._desk.region("queues", "_queues", told_by=(queues, kinds), draw=lambda: draw)

    def show(self) -> Response:
        """One queue."""
        line_ = self._line_of("queue", asked("name"))
        detail = self._detail(line_)
        return self._desk.region(
            "queue", "_queue", told_by=detail, draw=lambda: {"look": detail, "shown_limits": limits_in_words}
        )

    def kind(self) -> Response:
        """One kind of job: what it does, what it takes, and how it is treated."""
        line_ = self._line_of("kind", asked("name"))
        assert line_.told is not None
        return self._desk.page("kind", look=line_, kind=line_.told, policy=without_secrets(dict(line_.told.policy)))

    def _queues(self) -> list[Line]:
        looks = self._desk.engine.inspector.queues()
        listening = self._listening()
        recent = self._recent(lambda point: point.queue)
        return [self._line(one, recent, listening.get(one.name, 0)) for one in looks]

    def _line(self, one: QueueLook, recent: "Recent", listening: int) -> Line:
        return Line(
            name=one.name,
            waiting=one.counts[State.READY],
            running=one.counts[State.RUNNING],
            oldest_s=round(one.oldest_ready_s),
            listening=listening,
            lane=one.lane,
            is_declared=bool(one.kinds),
            **recent.of(one.name),
        )

    def _kinds(self) -> list[Line]:
        live = self._live_kinds()
        recent = self._recent(lambda point: point.kind)
        return [
            Line(
                name=one.name,
                waiting=live.get((one.name, State.READY), 0),
                running=live.get((one.name, State.RUNNING), 0),
                oldest_s=0.0,
                listening=0,
                lane=one.lane,
                is_declared=True,
                queue=one.queue,
                told=one,
                **recent.of(one.name),
            )
            for one in self._desk.engine.inspector.kinds()
        ]

    def _live_kinds(self) -> dict[tuple[str, State], int]:
        found: dict[tuple[str, State], int] = {}
        for state in (State.READY, State.RUNNING):
            query = select(Entry.kind, func.count()).where(in_state(state)).group_by(Entry.kind)
            found |= {(kind, state): count for kind, count in self._desk.session.execute(query)}
        return found

    def _listening(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for one in census.alive(self._desk.session, within_s=self._desk.engine.lease_s):
            for queue in one.queues.split(",") if one.role == "worker" and not one.wish else ():
                counts[queue] = counts.get(queue, 0) + 1
        return counts

    def _recent(self, by: Any) -> "Recent":
        return Recent(self._desk, by)

    def _line_of(self, scope: Scope, name: str) -> Line:
        lines = self._queues() if scope == "queue" else self._kinds()
        found = next((one for one in lines if one.name == name), None)
        if found is None:
            abort(404)
        return found

    def _detail(self, line_: Line) -> Detail:
        live = census_of(self._desk, line_.name)
        by_kind: dict[str, list[int]] = {}
        for kind, state, count in live:
            by_kind.setdefault(kind, [0, 0])[state == State.RUNNING] += count
        ready = select(Entry.priority, func.count()).where(Entry.queue == line_.name, in_state(State.READY))
        priorities = [(row[0], row[1]) for row in self._desk.session.execute(ready.group_by(Entry.priority))]
        hours = figures.hours_until(self._desk.now, DAY_HOURS)
        points = self._desk.engine.rollups.history("hour", hours[0], hours[-1] + HOUR, queue=line_.name)
        buckets = figures.by_moment(points, hours)
        series = [
            Series("done", "Finished", [one.succeeded for one in buckets]),
            Series("failed", "Failed", [one.failed for one in buckets]),
        ]
        total = sum(one.succeeded + one.failed for one in buckets)
        sentence = f"{total} ended in the last 24 hours, {sum(one.failed for one in buckets)} of them failed."
        return Detail(
            line=line_,
            kinds=sorted((kind, ready_, running) for kind, (ready_, running) in by_kind.items()),
            priorities=sorted(priorities),
            chart=charts.bars("The last 24 hours, by the hour", sentence, hours, series),
            today=next(iter(figures.together(points, lambda point: point.queue).values()), None),
            command=self._command(line_.name),
        )

    def _command(self, queue: str) -> str:
        return str(current_app.config.get(WORKER_COMMAND, "bin/worker --queues {queue}")).replace("{queue}", queue)

    # -- deciding ---------------------------------------------------------------------------------------------------

    def pause(self) -> Response:
        """Let nothing more start there."""
        key = self._key()
        fields = (REASON, Field("until", "Until", "datetime-local", "In UTC. Without it, until somebody resumes."))
        question = self._question(
            key, "pauses", f"Pause the {key[0]} {key[1]}?", "Pause", "Nothing more starts; what runs goes on.", fields
        )

        def do() -> Response:
            until = moment("until")
            if until is not None and until <= self._desk.now:
                raise Wrong({"until": "It must be later than now."})
            self._desk.engine.pause(key, by=self._desk.who(), reason=line("reason") or None, until=until)
            return self._desk.done(f"The {key[0]} {key[1]} is paused.", f".{key[0]}", name=key[1])

        return self._desk.answer(question, do)

    def resume(self) -> Response:
        """Let jobs start there again."""
        key = self._key()
        question = self._question(
            key, "resumptions", f"Resume the {key[0]} {key[1]}?", "Resume", "What waits may start again.", (REASON,)
        )

        def do() -> Response:
            was_paused = self._desk.engine.resume(key, by=self._desk.who(), reason=line("reason") or None)
            said = f"The {key[0]} {key[1]} goes on." if was_paused else f"The {key[0]} {key[1]} was not paused."
            return self._desk.done(said, f".{key[0]}", name=key[1])

        return self._desk.answer(question, do)

    def limit(self) -> Response:
        """Decide how many may run at a time, and how many may start in a while."""
        key = self._key()
        held = self._line_of(*key).lane.limits
        fields = (
            Field("most_running", "At a time", "number", "How many may run at once.", _shown(held.most_running)),
            Field("rate_count", "In a while", "number", "How many may start …", _shown(held.rate_count)),
            Field("rate_period_s", "… within seconds", "number", "", _shown(held.rate_period_s)),
            REASON,
        )
        told = "What is left empty has no limit of its own; a limit stands above what a kind declares."
        question = self._question(key, "limits", f"Limits of the {key[0]} {key[1]}", "Save limits", told, fields)

        def do() -> Response:
            most, count, period_s = (whole(name, 1, MOST) for name in ("most_running", "rate_count", "rate_period_s"))
            if (count is None) != (period_s is None):
                raise Wrong({"rate_period_s" if count else "rate_count": "These two go together: give both or none."})
            limits = Limits(most, count, period_s)
            self._desk.engine.limit(key, limits, by=self._desk.who(), reason=line("reason") or None)
            return self._desk.done(f"The limits of {key[1]} hold.", f".{key[0]}", name=key[1])

        return self._desk.answer(question, do)

    def purge(self) -> Response:
        """Cancel all that waits in a queue."""
        name = self._key("queue")[1]
        selection = Selection(states=WAITING, queue=name)
        count = self._desk.engine.bulk.preview(BulkRequest(Action.CANCEL, selection)).count
        counted = f"{count}{' or more' if count >= COUNT_UP_TO else ''} {'job' if count == 1 else 'jobs'}"
        question = Question(
            title=name,
            question=f"Cancel everything that waits in {name}?",
            url=url_for(".create_purge", name=name),
            back=url_for(".queue", name=name),
            word="Cancel them all",
            kind="danger",
            sentences=(
                f"{counted} will be cancelled by an operation in the background, which can be undone.",
                "What runs goes on.",
            ),
            fields=(Field("typed", f"Type {name} to go on", is_required=True), REASON),
        )

        def do() -> Response:
            if line("typed") != name:
                raise Wrong({"typed": f"This is not {name}."})
            request = BulkRequest(Action.CANCEL, selection)
            uid = self._desk.engine.bulk.start(request, by=self._desk.who(), reason=line("reason") or None)
            return self._desk.done("They are being cancelled.", ".operation", uid=uid)

        return self._desk.answer(question, do)

    def _key(self, scope: Scope | None = None) -> Key:
        """The queue or kind that the address names. What is not there is not found."""
        said: Any = scope or asked("scope")
        if said not in SCOPES:
            abort(404)
        key: Key = (said, asked("name"))
        try:
            self._desk.engine.check_lane(key)
        except UnknownJob:
            abort(404)
        return key

    def _question(
        self, key: Key, noun: str, question: str, word: str, sentence: str, fields: Sequence[Field]
    ) -> Question:
        return Question(
            title=key[1],
            question=question,
            url=url_for(f".create_{noun[:-1]}", scope=key[0], name=key[1]),
            back=url_for(f".{key[0]}", name=key[1]),
            word=word,
            sentences=(sentence,),
            fields=fields,
        )


class Recent:
    """What happened lately, by queue or by kind."""

    def __init__(self, desk: Desk, by: Any) -> None:
        now = desk.now
        points = desk.engine.rollups.recent()
        last = [point for point in points if point.at < now.replace(second=0, microsecond=0)]
        self._rates = figures.together(figures.within(last, now - RATE_OVER - figures.MINUTE), by)
        self._hour = figures.together(figures.within(points, now - HOUR), by)
        self._moments = figures.minutes_until(now, SPARK_MINUTES)
        self._points, self._by = points, by

    def of(self, name: str) -> dict[str, Any]:
        """What a line tells of it."""
        rate, hour = self._rates.get(name), self._hour.get(name)
        buckets = figures.by_moment([one for one in self._points if self._by(one) == name], self._moments)
        share = 100 * hour.bucket.failed / hour.finished if hour and hour.finished else None
        return {
            "came": round(rate.bucket.came / RATE_MINUTES, 1) if rate else 0.0,
            "went": round(rate.finished / RATE_MINUTES, 1) if rate else 0.0,
            "failing": "—" if share is None else f"{share:.0f} %" if share >= 1 or not share else "under 1 %",
            "spark": charts.spark([one.succeeded + one.failed for one in buckets]),
        }


def census_of(desk: Desk, queue: str) -> list[tuple[str, State, int]]:
    """How many jobs wait and run in a queue, by kind."""
    found: list[tuple[str, State, int]] = []
    for state in (State.READY, State.RUNNING):
        query = select(Entry.kind, func.count()).where(Entry.queue == queue, in_state(state)).group_by(Entry.kind)
        found += [(kind, state, count) for kind, count in desk.session.execute(query)]
    return found


def limits_in_words(limits: Limits) -> str:
    """The limits as a sentence."""
    parts = [f"{limits.most_running} at a time"] if limits.most_running is not None else []
    if limits.rate_count is not None:
        parts.append(f"{limits.rate_count} in {limits.rate_period_s:g} s")
    return ", ".join(parts) or "none"


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def mount(bp: Blueprint, desk: Desk) -> None:
    """Put the pages on the blueprint."""
    pages = Queues(desk)
    bp.add_url_rule("/queues", "queues", pages.index)
    bp.add_url_rule("/queue", "queue", pages.show)
    bp.add_url_rule("/kind", "kind", pages.kind)
    for noun, view in (
        ("pause", pages.pause),
        ("resumption", pages.resume),
        ("limit", pages.limit),
        ("purge", pages.purge),
    ):
        bp.add_url_rule(f"/{noun}s", f"{noun}s", view)
        bp.add_url_rule(f"/{noun}s", f"create_{noun}", view, methods=["POST"])
