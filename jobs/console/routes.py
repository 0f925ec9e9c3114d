"""Jobs and workers on the web."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, request, url_for

from jobs.engine import Engine
from jobs.errors import NoSuchJob, WrongState
from jobs.ledger import reader
from jobs.ledger.models import Entry

from . import answers, looks, pages
from .pages import Listing

Who = Callable[[], str | None]


def mount(bp: Blueprint, engine: Engine, who: Who) -> None:
    """Put the pages on the blueprint."""
    pages_of = Console(engine, who)
    bp.add_url_rule("/jobs", "jobs", pages_of.jobs)
    bp.add_url_rule("/jobs/<uid>", "job", pages_of.job)
    bp.add_url_rule("/jobs/<uid>/record", "record", pages_of.record)
    for action in ACTIONS.values():
        bp.add_url_rule(
            f"/jobs/<uid>/{action['noun']}", action["noun"], pages_of.confirm, defaults={"noun": action["noun"]}
        )
        bp.add_url_rule(
            f"/jobs/<uid>/{action['noun']}",
            f"create_{action['noun']}",
            pages_of.act,
            methods=["POST"],
            defaults={"noun": action["noun"]},
        )


ACTIONS: dict[str, dict[str, str]] = {
    "retries": {
        "noun": "retries",
        "question": "Run this job again?",
        "detail": "It goes back into its queue with all its tries.",
        "word": "Retry",
        "kind": "primary",
        "done": "The job is in its queue again.",
    },
    "cancellations": {
        "noun": "cancellations",
        "question": "Cancel this job?",
        "detail": "It will not run. You can retry it later.",
        "word": "Cancel the job",
        "kind": "danger",
        "done": "The job is cancelled.",
    },
}


class Console:
    """The pages of one engine."""

    def __init__(self, engine: Engine, who: Who) -> None:
        self._engine = engine
        self._who = who

    def jobs(self) -> Response:
        """Find a job."""
        listing, wrong = Listing.read(request.args)
        if wrong:
            empty = looks.nothing(self._engine, listing)
            return answers.page("jobs", status=422, look=empty, wrong=wrong, tag="", **_words())
        look = looks.jobs(self._engine, listing)
        return answers.region("jobs", "_jobs", told_by=look.told_by, look=look, wrong=[], **_words())

    def job(self, uid: str) -> Response:
        """Why it is as it is."""
        return self._job(self._found(uid))

    def record(self, uid: str) -> Response:
        """What is told of the job and does not change while it runs: errors, arguments, result, moves."""
        return answers.part("_record", look=looks.job(self._engine, self._found(uid)), **_words())

    def confirm(self, uid: str, noun: str) -> Response:
        """Ask before acting."""
        return answers.page("confirm", look=looks.job(self._engine, self._found(uid)), action=ACTIONS[noun], **_words())

    def act(self, uid: str, noun: str) -> Response:
        """Do it, and show the job; 409 when its state does not allow it any more."""
        entry = self._found(uid)
        do = self._engine.retry if noun == "retries" else self._engine.cancel
        try:
            do(entry.uid, by=self._who())
        except NoSuchJob:
            abort(404)
        except WrongState as error:
            return self._job(self._found(uid), status=409, refused=str(error))
        flash(ACTIONS[noun]["done"], "success")
        return redirect(url_for(".job", uid=uid), code=303)  # type: ignore[return-value]

    def _job(self, entry: Entry, *, status: int = 200, refused: str = "") -> Response:
        look = looks.job(self._engine, entry)
        if status != 200:
            return answers.page("job", status=status, look=look, refused=refused, tag="", **_words())
        event = None if entry.is_live else "job-settled"
        return answers.region("job", "_job", told_by=look.told_by, event=event, look=look, refused="", **_words())

    def _found(self, uid: str) -> Entry:
        entry = reader.by_uid(self._engine.host.reading(), uid) if pages.is_word(uid) else None
        if entry is None:
            abort(404)
        return entry


def _words() -> dict[str, Any]:
    """How templates put things."""
    return {"pill": pages.pill, "in_words": pages.in_words, "clock": pages.clock, "shown": pages.shown}
