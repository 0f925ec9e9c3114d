"""Errors that are the same, together, on the web."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, abort, flash, redirect, request, url_for

from jobs.engine import Engine
from jobs.errors import NoSuchError
from jobs.ledger import census, reader, trends
from jobs.ledger.failures import ErrorGroup
from jobs.ledger.models import Mute
from jobs.ledger.trends import Trend

from . import answers, pages
from .areas.desk import REASON, Question
from .pages import words
from .steering import Steering

MOST_SHOWN = 25
MOST_READ = 100
REDRAWN_EVERY_S = 60
LONGEST_PLACE = 19
FINGERPRINT = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Failure:
    """One error with its trend and, when it is hidden, by whom."""

    group: ErrorGroup
    trend: Trend
    mute: Mute | None


@dataclass(frozen=True, slots=True)
class FailuresLook:
    """A page of what has failed, the error that was met last first; `following` is where the next page begins."""

    failures: Sequence[Failure]
    hidden: int
    shows_hidden: bool
    below_id: int | None
    following: int | None
    now: datetime

    @property
    def told_by(self) -> object:
        """What has to change for the groups to be drawn anew."""
        told = [(one.group, one.trend, one.mute is not None) for one in self.failures]
        return told, self.hidden, self.shows_hidden, self.following, int(self.now.timestamp()) // REDRAWN_EVERY_S


def failures(engine: Engine, *, shows_hidden: bool, below_id: int | None = None) -> FailuresLook:
    """The groups there are below a place, without those that are muted unless they are wanted."""
    session = engine.host.reading()
    now, muted = reader.now(session), engine.muted()
    groups = engine.inspector.errors(limit=MOST_READ, below_id=below_id)
    shown = [one for one in groups if shows_hidden or one.fingerprint not in muted]
    some = [
        Failure(one, trends.trend(session, one.fingerprint, now=now), muted.get(one.fingerprint))
        for one in shown[:MOST_SHOWN]
    ]
    hidden = sum(one.fingerprint in muted for one in groups)
    last = shown[MOST_SHOWN - 1] if len(shown) > MOST_SHOWN else groups[-1] if len(groups) == MOST_READ else None
    return FailuresLook(some, hidden, shows_hidden, below_id, last.last_id if last else None, now)


def mount(bp: Blueprint, engine: Engine, steering: Steering) -> None:
    """Put the groups on the blueprint."""
    of = FailurePages(engine, steering)
    bp.add_url_rule("/failures", "failures", of.failures)
    bp.add_url_rule("/failures/<fingerprint>/mute", "mute", of.confirm)
    bp.add_url_rule("/failures/<fingerprint>/mute", "create_mute", of.mute, methods=["POST"])
    bp.add_url_rule("/failures/<fingerprint>/unmute", "unmute", of.confirm_unmute)
    bp.add_url_rule("/failures/<fingerprint>/unmute", "delete_mute", of.unmute, methods=["POST"])


class FailurePages:
    """The errors of one engine."""

    def __init__(self, engine: Engine, steering: Steering) -> None:
        self._engine, self._steering = engine, steering

    def failures(self) -> Response:
        """What has failed, and how often."""
        session = self._engine.host.reading()
        shows_hidden, below_id = request.args.get("muted") == "1", _place(request.args.get("next", ""))
        newest, failed = census.newest_failure(session), sorted(self._engine.muted())
        minute = int(reader.now(session).timestamp()) // REDRAWN_EVERY_S
        told_by = (newest, failed, shows_hidden, below_id, minute, self._engine.host.allow("act"))
        if same := answers.unchanged(told_by):
            return same
        look = failures(self._engine, shows_hidden=shows_hidden, below_id=below_id)
        return answers.region("failures", "_failures", told_by=told_by, look=look, **words())

    def confirm(self, fingerprint: str) -> Response:
        """Ask why, before an error is hidden."""
        self._steering.needs("act")
        return self._confirm(self._group(fingerprint))

    def mute(self, fingerprint: str) -> Response:
        """Hide an error until another version runs."""
        self._steering.needs("act")
        try:
            reason = pages.reason_in(request.form)
        except ValueError as error:
            return self._confirm(self._group(fingerprint), error=str(error))
        if not FINGERPRINT.fullmatch(fingerprint):
            abort(404)
        try:
            self._steering.mute(fingerprint, reason=reason)
        except NoSuchError:
            abort(404)
        flash("The error is muted until another version runs.", "success")
        return redirect(url_for(".failures"), code=303)  # type: ignore[return-value]

    def confirm_unmute(self, fingerprint: str, *, error: str = "") -> Response:
        """Ask why, before an error is shown again."""
        self._steering.needs("act")
        if not FINGERPRINT.fullmatch(fingerprint):
            abort(404)
        question = Question(
            title="Failures",
            question="Show this error again?",
            url=url_for(".delete_mute", fingerprint=fingerprint),
            back=url_for(".failures", muted=1),
            word="Show again",
            sentences=("It stands among the others on the page of failures.",),
            fields=(REASON,),
            errors={"reason": error} if error else {},
        )
        return answers.page("ask", status=422 if error else 200, question=question, **words())

    def unmute(self, fingerprint: str) -> Response:
        """Show an error again."""
        self._steering.needs("act")
        if not FINGERPRINT.fullmatch(fingerprint):
            abort(404)
        try:
            reason = pages.reason_in(request.form)
        except ValueError as error:
            return self.confirm_unmute(fingerprint, error=str(error))
        self._steering.unmute(fingerprint, reason=reason)
        flash("The error is shown again.", "success")
        return redirect(url_for(".failures"), code=303)  # type: ignore[return-value]

    def _confirm(self, group: ErrorGroup, *, error: str = "") -> Response:
        version = self._engine.version
        return answers.page("mute", status=422 if error else 200, group=group, version=version, error=error, **words())

    def _group(self, fingerprint: str) -> ErrorGroup:
        found: Mapping[str, ErrorGroup] = {one.fingerprint: one for one in self._engine.inspector.errors(limit=1_000)}
        if fingerprint not in found:
            abort(404)
        return found[fingerprint]


def _place(text: str) -> int | None:
    """The place that stands in the address of a page; what is none is the first page."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < LONGEST_PLACE else None
