"""One job on the web: its story, and what is done with it."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, request, url_for
from werkzeug.exceptions import Gone, NotFound

from jobs.dispatch.outbox import asked_for_at
from jobs.engine import Engine
from jobs.errors import BadArguments, NoSuchJob, UnknownJob, WrongState
from jobs.ledger import reader
from jobs.ledger.models import Entry
from jobs.redaction import put_back
from jobs.registry import HIGHEST, LOWEST

from . import answers, job_look, pages
from .areas.desk import REASON, Question
from .job_look import JobLook
from .pages import words
from .steering import Steering

LARGEST_TEXT = 200_000

ACTIONS: dict[str, dict[str, str]] = {
    "retries": {
        "noun": "retries",
        "question": "Run this job again?",
        "detail": "It goes back into its queue with all its tries.",
        "word": "Retry",
        "kind": "primary",
        "done": "The job is in its queue again.",
    },
    "starts": {
        "noun": "starts",
        "question": "Run this job now?",
        "detail": "It starts as soon as a worker is free, and not at its time.",
        "word": "Run now",
        "kind": "primary",
        "done": "The job is due now.",
    },
    "cancellations": {
        "noun": "cancellations",
        "question": "Cancel this job?",
        "detail": "It will not run; while it runs, it is asked to end. You can retry it later.",
        "word": "Cancel the job",
        "kind": "danger",
        "done": "The job is cancelled, or was asked to end.",
    },
}


def mount(bp: Blueprint, engine: Engine, steering: Steering) -> None:
    """Put the pages of a job on the blueprint."""
    of = JobPages(engine, steering)
    bp.add_url_rule("/jobs/<uid>", "job", of.job)
    bp.add_url_rule("/jobs/<uid>/record", "record", of.record)
    bp.add_url_rule("/jobs/<uid>/log", "log", of.log)
    bp.add_url_rule("/jobs/<uid>/revelations", "revelations", of.confirm_reveal)
    bp.add_url_rule("/jobs/<uid>/revelations", "reveal", of.reveal, methods=["POST"])
    bp.add_url_rule("/jobs/<uid>/copies", "copies", of.new_copy)
    bp.add_url_rule("/jobs/<uid>/copies", "create_copies", of.create_copy, methods=["POST"])
    for noun in ACTIONS:
        bp.add_url_rule(f"/jobs/<uid>/{noun}", noun, of.confirm, defaults={"noun": noun})
        bp.add_url_rule(f"/jobs/<uid>/{noun}", f"create_{noun}", of.act, methods=["POST"], defaults={"noun": noun})


class JobPages:
    """The pages of one job of one engine."""

    def __init__(self, engine: Engine, steering: Steering) -> None:
        self._engine, self._steering = engine, steering

    def job(self, uid: str) -> Response:
        """Why it is as it is."""
        return self._job(self._found(uid))

    def record(self, uid: str) -> Response:
        """What is told of the job and does not change while it runs: errors, arguments, result, moves."""
        return answers.part("_record", **_told(self._look(self._found(uid))))

    def log(self, uid: str) -> Response:
        """What its tries logged, the one that runs so far; 304 for who has that already."""
        look = self._look(self._found(uid))
        return answers.fresh("_log", told_by=look.logged, **_told(look))

    def reveal(self, uid: str) -> Response:
        """Show what is personal in it, this once, and note who wanted to see it."""
        entry = self._found(uid)
        try:
            reason = pages.reason_in(request.form)
        except ValueError as error:
            return self._confirm_reveal(entry, error=str(error))
        self._steering.reveal(entry, reason=reason)
        return answers.page("job", refused="", tag="", **_told(self._look(entry), revealed=True))

    def confirm_reveal(self, uid: str) -> Response:
        """Ask why, before what is personal is shown."""
        self._steering.needs("act")
        return self._confirm_reveal(self._found(uid))

    def _confirm_reveal(self, entry: Entry, *, error: str = "") -> Response:
        question = Question(
            title=entry.kind,
            question="Reveal what is personal?",
            url=url_for(".reveal", uid=entry.uid),
            back=url_for(".job", uid=entry.uid),
            word="Reveal it",
            sentences=("It is shown this once, and it is written down that you looked.",),
            fields=(REASON,),
            errors={"reason": error} if error else {},
        )
        return answers.page("ask", status=422 if error else 200, question=question, **words())

    def confirm(self, uid: str, noun: str) -> Response:
        """Ask before acting."""
        return self._confirm(self._found(uid), noun)

    def _confirm(self, entry: Entry, noun: str, *, error: str = "") -> Response:
        told: dict[str, Any] = {"look": self._look(entry), "action": ACTIONS[noun], "error": error, **words()}
        return answers.page("confirm", status=422 if error else 200, **told)

    def act(self, uid: str, noun: str) -> Response:
        """Do it, and show the job; 409 when its state does not allow it any more."""
        entry = self._found(uid)
        try:
            reason = pages.reason_in(request.form)
        except ValueError as error:
            return self._confirm(entry, noun, error=str(error))
        deeds: Mapping[str, Callable[[], None]] = {
            "retries": lambda: self._steering.retry(entry.uid, reason=reason),
            "starts": lambda: self._steering.run_now(entry, reason=reason),
            "cancellations": lambda: self._steering.cancel(entry.uid, reason=reason),
        }
        try:
            deeds[noun]()
        except NoSuchJob:
            abort(404)
        except WrongState as error:
            return self._job(self._found(uid), status=409, refused=str(error))
        flash(ACTIONS[noun]["done"], "success")
        return redirect(url_for(".job", uid=uid), code=303)  # type: ignore[return-value]

    # -- edit and run again -----------------------------------------------------------------------------------------

    def new_copy(self, uid: str) -> Response:
        """The form with the job's arguments."""
        self._steering.needs("manage")
        entry = self._found(uid)
        return self._copy_form(entry, text=pages.shown(entry.args), priority=str(entry.priority), errors={})

    def create_copy(self, uid: str) -> Response:
        """Make the new job and show it; 422 with what is wrong."""
        entry = self._found(uid)
        text, priority = request.form.get("args", "")[:LARGEST_TEXT], request.form.get("priority", "")
        try:
            reason = _reason(entry)
            if priority not in {str(one) for one in range(HIGHEST, LOWEST + 1)}:
                raise BadArguments(entry.kind, {"priority": f"must be {HIGHEST} to {LOWEST}"})
            made = self._steering.run_again(entry, _arguments(entry, text), priority=int(priority), reason=reason)
        except BadArguments as error:
            return self._copy_form(entry, text=text, priority=priority, errors=error.errors)
        except UnknownJob:
            errors = {"arguments": "cannot be checked: this version knows no such kind"}
            return self._copy_form(entry, text=text, priority=priority, errors=errors)
        flash("A new job was made of it.", "success")
        return redirect(url_for(".job", uid=made), code=303)  # type: ignore[return-value]

    def _copy_form(self, entry: Entry, *, text: str, priority: str, errors: Mapping[str, str]) -> Response:
        known = self._engine.jobs.get(entry.kind)
        schema = json.dumps(known.told()["arguments"], indent=2) if known else ""
        told: dict[str, Any] = {"text": text, "priority": priority, "errors": errors, "schema": schema}
        told["reason"] = request.form.get("reason", "")
        levels = range(HIGHEST, LOWEST + 1)
        return answers.page("copy", status=422 if errors else 200, entry=entry, levels=levels, **told, **words())

    # -- inside -----------------------------------------------------------------------------------------------------

    def _job(self, entry: Entry, *, status: int = 200, refused: str = "") -> Response:
        look = self._look(entry)
        told = {"refused": refused, **_told(look)}
        if status != 200:
            return answers.page("job", status=status, tag="", **told)
        event = ("job-logged" if look.logs else None) if entry.is_live else "job-settled"
        return answers.region("job", "_job", told_by=look.told_by, event=event, **told)

    def _look(self, entry: Entry) -> JobLook:
        return job_look.job(self._engine, entry)

    def _found(self, uid: str) -> Entry:
        entry = reader.by_uid(self._engine.host.reading(), uid) if pages.is_word(uid) else None
        if entry is None:
            asked_at = asked_for_at(uid)
            raise NotFound if asked_at is None else Forgotten(asked_at)
        return entry


def _told(look: JobLook, *, revealed: bool = False) -> dict[str, Any]:
    """What the parts of a job's page need."""
    return {"look": look, "revealed": revealed, "log_tag": answers.tag_of(look.logged), **words()}


class Forgotten(Gone):
    """There was such a job, and nothing is known of it any more."""

    def __init__(self, asked_at: datetime) -> None:
        when = pages.clock(asked_at)
        super().__init__(f"The job of {when} is no longer kept. It ended long ago, or somebody deleted it.")


def _arguments(entry: Entry, text: str) -> dict[str, Any]:
    """What was typed, with what was hidden put back. Raises BadArguments."""
    try:
        typed = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BadArguments(entry.kind, {"arguments": f"are no JSON: {str(error)[:200]}"}) from None
    if not isinstance(typed, dict):
        raise BadArguments(entry.kind, {"arguments": 'must be one object: {"name": value, …}'})
    found: dict[str, Any] = put_back(typed, pages.shaped(entry.args), entry.args)
    if "\\u0000" in json.dumps(found) or not pages.is_storable(json.dumps(found, ensure_ascii=False)):
        raise BadArguments(entry.kind, {"arguments": "hold signs that cannot be stored"})
    return found


def _reason(entry: Entry) -> str | None:
    """Why, as it was typed. Raises BadArguments."""
    try:
        return pages.reason_in(request.form)
    except ValueError as error:
        raise BadArguments(entry.kind, {"reason": str(error)}) from None


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no number")
