"""Looking whether something is an alert. Every look is safe twice, and in several processes at once."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import timedelta

from flask import current_app
from sqlalchemy import update

from app.alerts import queries as alerts
from app.alerts.conditions import RULES, WATCHED, Line, Rule, Verdict, failure_percent, judged
from app.alerts.models import Sighting
from app.alerts.services import fingerprint_of, goes_on, raise_alert, resolve_by_itself
from app.alerts.wording import times_in_words
from app.clock import now
from app.db import transaction
from app.web import settings

from . import queries

QUIET_AGAIN = timedelta(minutes=10)
"""After so long without another sighting an alert of one resolves by itself."""
RATE_OVER = timedelta(minutes=15)
LEAST_ENDED = 20
DEAD_OVER = timedelta(hours=1)
MISSED_OVER = timedelta(hours=1)
ANY = Line(raised_at=1, cleared_at=0)
LOOKS = Line(raised_at=2, cleared_at=0)
"""Looks in a row: between two deploys there may be no worker for a moment."""


def watch_engine() -> None:
    """Look at everything that can be measured."""
    watch_queues()
    watch_endings()
    watch_workers()
    watch_schedules()


def watch_sightings() -> None:
    """Make alerts of what was seen often enough; those of which nothing was seen for a while resolve."""
    longest = max(QUIET_AGAIN, *(rule.within for rule in RULES.values()))
    if not queries.is_of_interest(RULES, since=now() - longest):
        return
    for name, rule in RULES.items():
        since = now() - rule.within
        for one in queries.spotted(name, since=since, by_subject=rule.by_subject):
            if one.count >= rule.times or alerts.open_with(fingerprint_of(name, one.subject)):
                _raise_of(name, rule, one.subject, one.words)
        recent = queries.last_seen(name, since=now() - QUIET_AGAIN)
        for fingerprint in alerts.open_fingerprints(name):
            subject = fingerprint.partition(":")[2]
            if (subject not in recent) if subject else not recent:
                resolve_by_itself(name, about=subject, words="It was not seen again for a while.")


def watch_queues() -> None:
    """Alert on queues in which jobs wait too long."""
    most_s = float(settings().alert_queue_age_s)
    waits = dict(queries.oldest_waits())
    line = Line(raised_at=most_s, cleared_at=most_s / 2)
    for queue in {*waits, *_subjects("queue age")}:
        wait_s = waits.get(queue)
        words = f"The oldest ready job in the queue {queue} waits for {round(wait_s or 0)} s; {most_s:g} s are fine."
        _judge("queue age", wait_s, line, about=queue, words=words)


def watch_endings() -> None:
    """Alert on too many failures, in relation and in number."""
    failed, succeeded = queries.ended_within(RATE_OVER)
    percent = failure_percent(failed=failed, succeeded=succeeded, least=LEAST_ENDED)
    most = settings().alert_failure_percent
    words = f"{failed} of {failed + succeeded} jobs of the last 15 minutes failed for good; up to {most} % are fine."
    _judge("failure rate", percent, Line(raised_at=most, cleared_at=most / 2), words=words)
    dead, _ = queries.ended_within(DEAD_OVER)
    most = settings().alert_dead_jobs
    words = f"{dead} jobs failed for good in the last hour. Look at the failures, and retry what can be retried."
    _judge("dead jobs", dead, Line(raised_at=most, cleared_at=most / 2), words=words)


def watch_workers() -> None:
    """Alert on no worker at all, and on each that fell silent while others live."""
    living, silent = queries.workers()
    in_a_row: Counter[str] = current_app.extensions.setdefault("looks_in_a_row", Counter())
    in_a_row["no worker"] = 0 if living else in_a_row["no worker"] + 1
    words = "Jobs are written down and wait. Start bin/worker."
    _judge("no worker", float(in_a_row["no worker"]), LOOKS, words=words)
    words = f"Not heard of any more: {', '.join(silent)}. What it ran goes back to its queue."
    _judge("lost worker", float(len(silent)), ANY, words=words)


def watch_schedules() -> None:
    """Alert on schedules that missed a time."""
    missed = dict(queries.missed_schedules(MISSED_OVER))
    told = ", ".join(f"{name} ({times_in_words(count)})" for name, count in missed.items())
    _judge("missed schedule", float(len(missed)), ANY, words=f"In the last hour these missed a time: {told}.")


def judge(rule: str, value: float | None, line: Line, *, words: str, about: str = "") -> None:
    """Raise or resolve the alert of a rule that somebody else measures."""
    _judge(rule, value, line, words=words, about=about)


def _judge(rule: str, value: float | None, line: Line, *, words: str, about: str = "") -> None:
    is_open = alerts.open_with(fingerprint_of(rule, about)) is not None
    verdict = judged(value, line, is_open=is_open)
    if verdict is Verdict.RAISE:
        raise_alert(rule, _titled(WATCHED[rule], about), words, about=about, labels={"about": about} if about else None)
    elif verdict is Verdict.GOES_ON:
        goes_on(rule, words, about=about)
    elif verdict is Verdict.RESOLVE:
        resolve_by_itself(rule, about=about)


def _raise_of(name: str, rule: Rule, subject: str, words: str) -> None:
    """Raise the alert and take its sightings, so that each is counted once."""
    with transaction() as session:
        free = update(Sighting).where(
            Sighting.rule == name, Sighting.alert_id.is_(None), Sighting.at > now() - rule.within
        )
        if rule.by_subject:
            free = free.where(Sighting.subject == subject)
        times = sum(session.scalars(free.values(alert_id=0).returning(Sighting.count)))
        if times:
            labels: Mapping[str, str] = {"who": subject} if subject else {}
            raise_alert(name, rule.title, f"{words}.", about=subject, times=times, labels=labels)


def _subjects(rule: str) -> Collection[str]:
    return [one.partition(":")[2] for one in alerts.open_fingerprints(rule)]


def _titled(rule: Rule, about: str) -> str:
    return f"{rule.title}: {about}" if about else rule.title
