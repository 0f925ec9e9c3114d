"""Schedules: what runs by the clock, what became of it, and what is decided about it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, abort, request, url_for
from sqlalchemy import select

from jobs.errors import BadArguments, NameTaken, NoSuchSchedule, UnknownJob
from jobs.ledger import census
from jobs.ledger.models import Entry, WorkerRow
from jobs.schedules.models import Fired, Schedule, ScheduleFire
from jobs.schedules.rules import Upcoming, upcoming
from jobs.schedules.words import in_words

from .calendar import Calendar
from .desk import REASON, Desk, Field, Question, Wrong, by_field, line, page_number
from .schedule_form import POLICY, RULE, RULE_WORDS, asked_for, form_of, kinds_for, needed, rule_in, sentence
from .week import WORDS

ON_A_PAGE = 25
NEXT = 3
STRIP = 12
MISSED_SHOWN = 10
MISSED_WITHIN = timedelta(days=7)
SLOTS_SHOWN = 50
BACKFILL_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Line:
    """A schedule in the list. `words` and `coming` are empty when its rule is broken."""

    row: Schedule
    words: str
    coming: Sequence[Upcoming]
    last: tuple[ScheduleFire, Entry | None] | None
    strip: Sequence[tuple[str, str]]

    @property
    def told_by(self) -> object:
        """What has to change for it to be drawn anew."""
        last = self.last and (self.last[0].slot, self.last[0].outcome, self.last[1] and self.last[1].state)
        return self.row.uid, self.row.changed_at, self.row.next_at, self.row.paused_at, self.row.problem, last


@dataclass(frozen=True, slots=True)
class Sweep:
    """Something the product itself runs by the clock, as its scheduler tells."""

    name: str
    every_s: float
    last_s: float | None
    took_s: float | None
    problem: str | None

    @property
    def is_late(self) -> bool:
        """Whether it should have run again long since."""
        return self.last_s is not None and self.last_s > 3 * self.every_s + 15


class Schedules:
    """The pages of schedules."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    # -- looking ----------------------------------------------------------------------------------------------------

    def index(self) -> Response:
        """Every schedule, the newest first, and the timetable of the product itself."""
        below = page_number("below")
        rows = self._desk.engine.schedules.page(before_id=below, limit=ON_A_PAGE + 1)
        lines = self._lines(rows[:ON_A_PAGE])
        older = rows[ON_A_PAGE - 1].id if len(rows) > ON_A_PAGE else None
        sweeps, has_scheduler = self._sweeps()
        missed = self._missed()
        told_by = (
            [one.told_by for one in lines],
            has_scheduler,
            [(one.name, one.is_late, one.problem, (one.last_s or 0) // 10) for one in sweeps],
            [(one.slot, of.id) for one, of in missed],
        )
        draw = {
            "lines": lines,
            "older": older,
            "below": below,
            "sweeps": sweeps,
            "has_scheduler": has_scheduler,
            "missed": missed,
        }
        return self._desk.region("schedules", "_schedules", told_by=told_by, draw=lambda: draw)

    def show(self, uid: str) -> Response:
        """One schedule: what it does, its next slots, and what became of the last ones."""
        one = self._found(uid)
        fires = self._desk.engine.schedules.fires(uid, limit=SLOTS_SHOWN)
        entries = {entry.uid: entry for entry in self._entries([fire.job_uid for fire in fires])}
        coming = self._coming(one, 20)
        told_by = (
            one.changed_at,
            one.paused_at,
            one.next_at,
            one.problem,
            [(fire.slot, fire.outcome, getattr(entries.get(fire.job_uid or ""), "state", "")) for fire in fires],
        )
        draw = {
            "one": one,
            "words": words_of(one),
            "fate": fate,
            "coming": coming,
            "fires": [(fire, entries.get(fire.job_uid or "")) for fire in fires],
        }
        return self._desk.region("schedule", "_schedule", told_by=told_by, draw=lambda: draw)

    def explained(self) -> Response:
        """A rule in words with its next runs, while it is being typed."""
        try:
            words, coming = self._desk.engine.schedules.preview(rule_in(request.args), count=NEXT)
        except ValueError as error:
            return self._desk.part("_explained", words="", coming=(), problem=sentence(error))
        return self._desk.part("_explained", words=words, coming=coming, problem="")

    def _lines(self, rows: Sequence[Schedule]) -> list[Line]:
        ids = [row.id for row in rows]
        fires: dict[int, list[ScheduleFire]] = {}
        for row_id in ids:
            query = select(ScheduleFire).where(ScheduleFire.schedule_id == row_id)
            newest = self._desk.session.scalars(query.order_by(ScheduleFire.slot.desc()).limit(STRIP)).all()
            fires[row_id] = list(newest)
        uids = [fire.job_uid for some in fires.values() for fire in some]
        entries = {entry.uid: entry for entry in self._entries(uids)}
        return [self._line(row, fires[row.id], entries) for row in rows]

    def _line(self, row: Schedule, fires: Sequence[ScheduleFire], entries: Mapping[str, Entry]) -> Line:
        def entry_of(fire: ScheduleFire) -> Entry | None:
            return entries.get(fire.job_uid or "")

        strip = [fate(fire.outcome, entry_of(fire)) for fire in reversed(fires)]
        last = (fires[0], entry_of(fires[0])) if fires else None
        return Line(row, words_of(row), self._coming(row, NEXT), last, strip)

    def _coming(self, row: Schedule, count: int) -> list[Upcoming]:
        """Its next slots, unless there are none, or its rule cannot be followed."""
        if row.next_at is None:
            return []
        try:
            return upcoming(row.rule, self._desk.now, count, fired=row.fired)
        except ValueError:
            return []

    def _entries(self, uids: Sequence[str | None]) -> Sequence[Entry]:
        known = [uid for uid in uids if uid]
        return self._desk.session.scalars(select(Entry).where(Entry.uid.in_(known))).all() if known else ()

    def _missed(self) -> list[tuple[ScheduleFire, Schedule]]:
        """The slots of the last week that passed while no scheduler ran, the newest first."""
        query = (
            select(ScheduleFire, Schedule)
            .join(Schedule, Schedule.id == ScheduleFire.schedule_id)
            .where(ScheduleFire.at > self._desk.now - MISSED_WITHIN, ScheduleFire.outcome == Fired.SKIPPED_LATE)
            .order_by(ScheduleFire.at.desc())
            .limit(MISSED_SHOWN)
        )
        return [(fire, one) for fire, one in self._desk.session.execute(query)]

    def _sweeps(self) -> tuple[list[Sweep], bool]:
        """What the schedulers tell of the product's own timetable, and whether one of them lives."""
        rows: Sequence[WorkerRow] = [
            row
            for row in census.alive(self._desk.session, within_s=self._desk.engine.lease_s)
            if row.role == "scheduler"
        ]
        moment_s = self._desk.now.timestamp()
        found: dict[str, Sweep] = {}
        for row in rows:
            for told in row.sweeps or ():
                last_s = max(0.0, moment_s - told["at"] + (row.skew_s or 0.0)) if "at" in told else None
                sweep = Sweep(told["name"], told["every_s"], last_s, told.get("took_s"), told.get("problem"))
                held = found.get(sweep.name)
                if held is None or held.last_s is None or (last_s is not None and last_s < held.last_s):
                    found[sweep.name] = sweep
        return list(found.values()), bool(rows)

    # -- changing ---------------------------------------------------------------------------------------------------

    def create(self) -> Response:
        """Add a schedule."""
        kinds = kinds_for(self._desk)
        form = {"rule_kind": "cron", "rule_text": "0 8 * * *", "zone": "UTC", "args": "{}"}
        return self._form("New schedule", url_for(".create_schedule"), form, kinds, self._create)

    def _create(self) -> Response:
        from_form = asked_for(self._desk)
        reason = line("reason") or None
        uid = self._desk.engine.schedules.create(from_form, by=self._desk.who(), reason=reason)
        return self._desk.done("The schedule is made.", ".schedule", uid=uid)

    def edit(self, uid: str) -> Response:
        """Change a schedule."""
        one = self._found(uid)
        form = form_of(one)
        kinds = sorted({*kinds_for(self._desk), one.kind})

        def do() -> Response:
            new = asked_for(self._desk, one)
            changes = {name: getattr(new, name) for name in POLICY}
            if any(request.form.get(name, "").strip() != form[name] for name in RULE):
                changes["rule"] = new.rule
            reason = line("reason") or None
            self._desk.engine.schedules.change(uid, by=self._desk.who(), reason=reason, **changes)
            return self._desk.done("The schedule is changed.", ".schedule", uid=uid)

        return self._form(f"Change {one.name}", url_for(".update_schedule", uid=uid), form, kinds, do)

    def _form(
        self, title: str, url: str, form: Mapping[str, str], kinds: Sequence[str], do: Callable[[], Response]
    ) -> Response:
        self._desk.must("act")
        if request.method != "POST":
            return self._drawn(title, url, form, kinds, {})
        try:
            return do()
        except Wrong as wrong:
            errors = wrong.errors
        except NameTaken as error:
            errors = {"name": str(error)}
        except (UnknownJob, BadArguments) as error:
            errors = {"args" if isinstance(error, BadArguments) else "kind": str(error)}
        except ValueError as error:
            errors = by_field(error).errors
        typed = {**form, **request.form}
        errors = {"rule_text" if name in RULE_WORDS else name: told for name, told in errors.items()}
        return self._drawn(title, url, typed, kinds, errors)

    def _drawn(
        self, title: str, url: str, form: Mapping[str, str], kinds: Sequence[str], errors: Mapping[str, str]
    ) -> Response:
        # What a schedule has stays to be seen, though no kind is declared for that queue any more.
        names = sorted({*self._desk.engine.queues, form.get("queue", "")} - {""})
        queues = [("", "the kind’s own"), *((name, name) for name in names)]
        draw: dict[str, Any] = {"title": title, "url": url, "form": form, "kinds": kinds, "queues": queues}
        return self._desk.page("schedule_form", status=422 if errors else 200, errors=errors, **draw)

    def pause(self, uid: str) -> Response:
        """Let it make no more jobs until it is resumed."""
        one = self._found(uid)
        question = self._question(one, "Pause", "pause", "It makes no more jobs until somebody resumes it.", (REASON,))

        def do() -> Response:
            self._desk.engine.schedules.pause(uid, by=self._desk.who(), reason=line("reason") or None)
            return self._desk.done(f"{one.name} is paused.", ".schedule", uid=uid)

        return self._desk.answer(question, do)

    def resume(self, uid: str) -> Response:
        """Let it go on with its next slot."""
        one = self._found(uid)
        question = self._question(one, "Resume", "resumption", "It goes on with its next slot.", (REASON,))

        def do() -> Response:
            self._desk.engine.schedules.resume(uid, by=self._desk.who(), reason=line("reason") or None)
            return self._desk.done(f"{one.name} goes on.", ".schedule", uid=uid)

        return self._desk.answer(question, do)

    def run(self, uid: str) -> Response:
        """Make a job of it at once."""
        told = "It makes a job at once, beside those of its slots."
        question = self._question(self._found(uid), "Run", "run", told, (REASON,))

        def do() -> Response:
            try:
                job_uid = self._desk.engine.schedules.run_now(uid, by=self._desk.who(), reason=line("reason") or None)
            except (UnknownJob, BadArguments) as error:
                return self._desk.refused(str(error), ".schedule", uid=uid)
            return self._desk.done("A job of it is on its way.", ".job", uid=job_uid)

        return self._desk.answer(question, do)

    def delete(self, uid: str) -> Response:
        """Remove it; its jobs stay."""
        self._desk.must("manage")
        one = self._found(uid)
        question = self._question(
            one, "Delete", "deletion", "It is removed with the record of its slots. Its jobs stay.", (REASON,)
        )

        def do() -> Response:
            self._desk.engine.schedules.delete(uid, by=self._desk.who(), reason=line("reason") or None)
            return self._desk.done(f"{one.name} is deleted.", ".schedules")

        return self._desk.answer(question, do)

    def backfill(self, uid: str) -> Response:
        """Make the jobs of past slots that made none: first say which those are."""
        one = self._found(uid)
        self._desk.must("act")
        given = request.form if request.method == "POST" else request.args
        context: dict[str, Any] = {"one": one, "form": given, "errors": {}, "slots": None, "shown_slots": ()}
        if not given.get("since") and not given.get("until"):
            return self._desk.page("backfill", **context)
        try:
            since, until = (needed(given, name) for name in ("since", "until"))
            if request.method == "POST" and request.form.get("sure"):
                made = self._desk.engine.schedules.backfill(
                    uid, since=since, until=until, by=self._desk.who(), reason=line("reason") or None
                )
                return self._desk.done(f"{len(made)} jobs were made.", ".schedule", uid=uid)
            slots = self._desk.engine.schedules.to_backfill(uid, since=since, until=until)
        except (Wrong, ValueError) as error:
            wrong = error if isinstance(error, Wrong) else by_field(error)
            return self._desk.page("backfill", status=422, **{**context, "errors": wrong.errors})
        except (UnknownJob, BadArguments) as error:
            return self._desk.refused(str(error), ".schedule", uid=uid)
        return self._desk.page("backfill", **{**context, "slots": len(slots), "shown_slots": slots[:BACKFILL_SHOWN]})

    def _question(self, one: Schedule, word: str, noun: str, told: str, fields: Sequence[Field]) -> Question:
        return Question(
            title=one.name,
            question=f"{word} {one.name}?",
            url=url_for(f".create_schedule_{noun}", uid=one.uid),
            back=url_for(".schedule", uid=one.uid),
            word=word,
            kind="danger" if noun == "deletion" else "primary",
            sentences=(told,),
            fields=fields,
        )

    def _found(self, uid: str) -> Schedule:
        try:
            return self._desk.engine.schedules.get(uid if len(uid) == 32 and uid.isalnum() and uid.isascii() else "")
        except NoSuchSchedule:
            abort(404)


def words_of(one: Schedule) -> str:
    """Its rule as a sentence; nothing when it is broken."""
    try:
        return in_words(one.rule)
    except ValueError:
        return ""


def fate(outcome: str, entry: Entry | None) -> tuple[str, str]:
    """What became of a slot: the colour of it, and the word."""
    from_job = {"dead": ("bad", "failed"), "parked": ("bad", "failed"), "succeeded": ("ok", "done")}
    if outcome in (Fired.SKIPPED_LATE, Fired.SKIPPED_OVERLAP, Fired.FAILED):
        return ("warn" if outcome == Fired.SKIPPED_OVERLAP else "bad"), WORDS[outcome]
    return from_job.get(entry.state if entry else "", ("info", entry.state if entry else "ran"))


def mount(bp: Blueprint, desk: Desk) -> None:
    """Put the pages on the blueprint."""
    pages, calendar = Schedules(desk), Calendar(desk)
    bp.add_url_rule("/schedules", "schedules", pages.index)
    bp.add_url_rule("/schedules/calendar", "calendar", calendar.show)
    bp.add_url_rule("/schedules/explained", "explained", pages.explained)
    bp.add_url_rule("/schedules/new", "new_schedule", pages.create)
    bp.add_url_rule("/schedules", "create_schedule", pages.create, methods=["POST"])
    bp.add_url_rule("/schedules/<uid>", "schedule", pages.show)
    bp.add_url_rule("/schedules/<uid>/edit", "edit_schedule", pages.edit)
    bp.add_url_rule("/schedules/<uid>", "update_schedule", pages.edit, methods=["POST"])
    for path, noun, view in (
        ("pauses", "pause", pages.pause),
        ("resumptions", "resumption", pages.resume),
        ("runs", "run", pages.run),
        ("deletions", "deletion", pages.delete),
        ("backfills", "backfill", pages.backfill),
    ):
        bp.add_url_rule(f"/schedules/<uid>/{path}", f"schedule_{path}", view)
        bp.add_url_rule(f"/schedules/<uid>/{path}", f"create_schedule_{noun}", view, methods=["POST"])
