"""The processes of the engine: what each does, and what an operator may wish of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, abort, url_for
from sqlalchemy import select

from jobs.crew import GO
from jobs.dispatch.heartbeat import QUIET, STOP
from jobs.errors import NoSuchWorker
from jobs.ledger import census
from jobs.ledger.models import Entry, WorkerRow, in_state
from jobs.ledger.states import State

from .desk import REASON, Desk, Question, asked, line
from .verdict import SKEW_S

ON_A_PAGE = 50
MOST_JOBS = 5
WISHES: Mapping[str, Mapping[str, str]] = {
    QUIET: {
        "question": "Quiet this process?",
        "word": "Quiet",
        "kind": "primary",
        "told": "It finishes what it runs and takes nothing more, until it is told to go on.",
        "done": "It will take no more work, from its next beat on.",
    },
    STOP: {
        "question": "Stop this process?",
        "word": "Stop",
        "kind": "danger",
        "told": "It finishes what it runs, as far as its time to stop allows, and ends; what is left goes back. "
        "Whoever supervises it starts a fresh one.",
        "done": "It will stop, from its next beat on.",
    },
    GO: {
        "question": "Let this process go on?",
        "word": "Go on",
        "kind": "primary",
        "told": "It takes work again.",
        "done": "It will take work again, from its next beat on.",
    },
}


@dataclass(frozen=True, slots=True)
class ProcessLook:
    """One process as its row tells, and what it runs."""

    row: WorkerRow
    is_lost: bool
    silent_s: float
    is_other_version: bool
    is_off_the_clock: bool
    jobs: Sequence[tuple[str, str, datetime | None]]
    host: str
    pid: str

    @property
    def told_by(self) -> object:
        """What has to change for it to be drawn anew."""
        row = self.row
        return (
            row.name,
            self.is_lost,
            row.busy,
            row.running,
            row.wish,
            row.sees_redis,
            round(row.memory_mib or 0),
            [uid for uid, *_ in self.jobs],
        )


class Workers:
    """The pages of the processes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def index(self) -> Response:
        """Every process that is there, or fell silent lately."""
        after = asked("after", longest=160)
        found = self._found(after)
        looks, more = found[:ON_A_PAGE], found[ON_A_PAGE - 1].row.name if len(found) > ON_A_PAGE else None
        lease_s = self._desk.engine.lease_s
        has_worker = census.has_worker(self._desk.session, within_s=lease_s)
        told_by = ([one.told_by for one in looks], more, has_worker)
        return self._desk.region(
            "workers",
            "_workers",
            told_by=told_by,
            draw=lambda: {"looks": looks, "has_worker": has_worker, "more": more, "after": after, "lease_s": lease_s},
        )

    def _found(self, after: str) -> list[ProcessLook]:
        query = select(WorkerRow).where(WorkerRow.name > after).order_by(WorkerRow.name).limit(ON_A_PAGE + 1)
        rows = self._desk.session.scalars(query).all()
        now, running = self._desk.now, self._running([row.name for row in rows])
        return [self._look(row, now, running.get(row.name, ())) for row in rows]

    def _look(self, row: WorkerRow, now: datetime, jobs: Sequence[tuple[str, str, datetime | None]]) -> ProcessLook:
        silent_s = max(0.0, (now - row.seen_at).total_seconds())
        host, _, pid = row.name.split(":")[:3] if row.name.count(":") >= 2 else (row.name, "", "")
        own = self._desk.engine.version
        return ProcessLook(
            row=row,
            is_lost=silent_s > self._desk.engine.lease_s,
            silent_s=silent_s,
            is_other_version=bool(own and row.version and row.version != own),
            is_off_the_clock=abs(row.skew_s or 0.0) > SKEW_S,
            jobs=jobs,
            host=host,
            pid=pid,
        )

    def _running(self, names: Sequence[str]) -> dict[str, list[tuple[str, str, datetime | None]]]:
        """By process, some of what it runs: public id, kind, since when."""
        query = select(Entry.worker, Entry.uid, Entry.kind, Entry.started_at).where(
            in_state(State.RUNNING), Entry.worker.in_(names)
        )
        found: dict[str, list[tuple[str, str, datetime | None]]] = {}
        for worker, uid, kind, started_at in self._desk.session.execute(query.limit(ON_A_PAGE * 100)):
            some = found.setdefault(str(worker), [])
            if len(some) < MOST_JOBS:
                some.append((uid, kind, started_at))
        return found

    # -- acting -----------------------------------------------------------------------------------------------------

    def wish(self) -> Response:
        """Have a process be quiet, go on, or stop: its next beat hears of it."""
        row, wish = self._row(), asked("wish")
        if wish not in WISHES or (wish != STOP and row.role != "worker"):
            abort(404)
        words = WISHES[wish]
        question = Question(
            title=row.name,
            question=words["question"],
            url=url_for(".create_wish", name=row.name, wish=wish),
            back=url_for(".workers"),
            word=words["word"],
            kind=words["kind"],
            sentences=(words["told"],),
            fields=(REASON,),
        )

        def do() -> Response:
            reason = line("reason") or None
            try:
                self._desk.engine.crew.wish(row.name, wish, by=self._desk.who(), reason=reason)
            except NoSuchWorker:
                return self._desk.refused("This process is gone.", ".workers")
            return self._desk.done(words["done"], ".workers")

        return self._desk.answer(question, do)

    def forget(self) -> Response:
        """Take the row of a process away that fell silent. One that lives writes it anew."""
        name = self._row().name
        question = Question(
            title=name,
            question="Forget this process?",
            url=url_for(".create_forgetting", name=name),
            back=url_for(".workers"),
            word="Forget it",
            sentences=("It leaves the list; jobs that it ran go back by themselves. One that lives comes back.",),
            fields=(REASON,),
        )

        def do() -> Response:
            try:
                self._desk.engine.crew.forget(name, by=self._desk.who(), reason=line("reason") or None)
            except NoSuchWorker:
                return self._desk.refused("This process is gone.", ".workers")
            return self._desk.done("It is forgotten. Jobs that it ran go back by themselves.", ".workers")

        return self._desk.answer(question, do)

    def _row(self) -> WorkerRow:
        try:
            return self._desk.engine.crew.named(asked("name", longest=160))
        except NoSuchWorker:
            abort(404)


def mount(bp: Blueprint, desk: Desk) -> None:
    """Put the pages on the blueprint."""
    pages = Workers(desk)
    bp.add_url_rule("/workers", "workers", pages.index)
    bp.add_url_rule("/workers/wishes", "wishes", pages.wish)
    bp.add_url_rule("/workers/wishes", "create_wish", pages.wish, methods=["POST"])
    bp.add_url_rule("/workers/forgettings", "forgettings", pages.forget)
    bp.add_url_rule("/workers/forgettings", "create_forgetting", pages.forget, methods=["POST"])
