"""What can be done with alerts: raising and resolving them, and what people decide about them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.orm import Session

from app.clock import now
from app.db import insert_into, transaction
from app.errors import Conflict, Invalid, NotAllowed
from app.events import AlertRaised, announce
from app.security import Person, requester, steers_all_jobs
from app.stream import Kind, Level, tell
from app.web import settings
from jobs import engine_of

from . import queries
from .conditions import RULES, WATCHED, Rule, is_quiet, is_to_be_told
from .models import OPEN, Alert, AlertMute, AlertStep, Sighting
from .received import Received
from .wording import LONGEST_TITLE, LONGEST_WORDS, cut

MOST_SIGHTINGS = 200
"""Kept of one batch; the rest is counted with the last of its rule, whoever did it."""
LONGEST_MUTE = timedelta(days=365)
ALL_RULES: Mapping[str, Rule] = {**RULES, **WATCHED}


@dataclass(frozen=True, slots=True)
class Seen:
    """Something that may be an alert: by which rule, who did it, what, and how often."""

    rule: str
    subject: str
    words: str
    count: int
    at: datetime


# -- by the product ----------------------------------------------------------------------------------------------------


def sight(session: Session, seen: Sequence[Seen]) -> None:
    """Write down what may be an alert, in the transaction that is open. A storm becomes a few rows."""
    rows = [asdict(one) for one in seen[:MOST_SIGHTINGS]]
    for one in seen[MOST_SIGHTINGS:]:
        last = next((row for row in reversed(rows) if row["rule"] == one.rule), None)
        if last is None:
            rows.append(asdict(one))
        else:
            last["count"] += one.count
    if rows:
        session.execute(
            insert(Sighting), [{**row, "words": row["words"][:300], "subject": row["subject"][:80]} for row in rows]
        )


def raise_alert(
    rule: str,
    title: str,
    words: str,
    *,
    about: str = "",
    times: int = 1,
    severity: str | None = None,
    labels: Mapping[str, Any] | None = None,
) -> int:
    """Raise an alert, or count it where it is open already; its id. People are told unless they just were.

    `about` tells alerts of one rule apart. One that resolved by itself a moment ago is open again instead of a new one.
    """
    known, at = ALL_RULES[rule], now()
    fingerprint = fingerprint_of(rule, about)
    values = {
        "rule": rule,
        "type": known.type,
        "severity": severity or str(known.severity),
        "title": cut(title, LONGEST_TITLE),
        "words": cut(words, LONGEST_WORDS),
        "labels": dict(labels or {}),
        "last_at": at,
    }
    with transaction() as session:
        alert_id = _counted(session, fingerprint, values, times) or _opened_again(session, fingerprint, values, times)
        if alert_id is None:
            alert_id = _added(session, fingerprint, values, times)
        _ask_to_tell(session, alert_id)
    current_app.extensions["alerts_raised"](known.type)
    return alert_id


def goes_on(rule: str, words: str, *, about: str = "") -> bool:
    """Note on the open alert of that rule that it is still so, and how it is now; whether there is one.

    It is counted once however often somebody looks. People are told by `tell_again`.
    """
    with transaction() as session:
        still = update(Alert).where(Alert.fingerprint == fingerprint_of(rule, about), Alert.resolved_at.is_(None))
        noted = still.values(last_at=now(), words=cut(words, LONGEST_WORDS)).returning(Alert.id)
        return session.scalar(noted) is not None


def resolve_by_itself(rule: str, *, about: str = "", words: str = "It is over by itself.") -> bool:
    """Resolve the open alert of that rule, if there is one; whether there was."""
    with transaction() as session:
        return _resolved(session, Alert.fingerprint == fingerprint_of(rule, about), by=None, words=words) is not None


def take_over(received: Sequence[Received]) -> int:
    """Make the alerts of another system ours: those that fire are raised, those that are resolved resolve; how many."""
    for one in received:
        if one.is_firing:
            labels = {"name": one.name, **one.labels}
            about = one.fingerprint
            raise_alert("prometheus", one.title, one.words, about=about, severity=one.severity, labels=labels)
        else:
            resolve_by_itself("prometheus", about=one.fingerprint, words="Prometheus says it is over.")
    return len(received)


def tell_again() -> int:
    """Have people told of open alerts they were not told of yet, or long ago; how many. For quiet hours that end."""
    at, cool_down = now(), timedelta(seconds=settings().alert_cool_down_s)
    with transaction() as session:
        waiting = select(Alert.id).where(Alert.resolved_at.is_(None), Alert.acknowledged_at.is_(None))
        # What goes on is seen by `last_at`; what happened once is told once.
        due = waiting.where(
            Alert.asked_at.is_(None) | (Alert.asked_at <= at - cool_down) & (Alert.last_at > Alert.asked_at)
        )
        return sum(_ask_to_tell(session, alert_id) for alert_id in session.scalars(due.limit(100)).all())


def forget_old(*, days: int) -> int:
    """Remove alerts that were resolved longer ago, sightings, and mutes that are over; how many alerts."""
    at = now()
    with transaction() as session:
        session.execute(delete(Sighting).where(Sighting.at < at - timedelta(hours=1)))
        session.execute(delete(AlertMute).where(AlertMute.until < at))
        gone = session.execute(delete(Alert).where(Alert.resolved_at < at - timedelta(days=days)).returning(Alert.id))
        return len(gone.all())


def fingerprint_of(rule: str, about: str = "") -> str:
    """What alerts that are alike have in common."""
    return f"{rule}:{about}"[:120] if about else rule


# -- by people ---------------------------------------------------------------------------------------------------------


def acknowledge(person: Person, alert_id: int, *, reason: str | None = None) -> None:
    """Say that somebody looks after it: people are told no more of it.

    Raises:
        NotFound, NotAllowed
        Conflict: it is resolved, or acknowledged already
    """
    _check_may_act(person)
    found, who = queries.alert(alert_id), requester(person.id)
    with transaction() as session:
        open_ones = update(Alert).where(
            Alert.id == alert_id, Alert.resolved_at.is_(None), Alert.acknowledged_at.is_(None)
        )
        done = session.execute(open_ones.values(acknowledged_at=now(), acknowledged_by=who).returning(Alert.id))
        if done.first() is None:
            raise Conflict("It is resolved, or somebody looks after it already.")
        _step(session, alert_id, "Acknowledged", by=who)
        _audit(who, "acknowledge", found, before=found.state, after="acknowledged", reason=reason)


def resolve(person: Person, alert_id: int, *, reason: str | None = None) -> None:
    """Say that it is over.

    Raises:
        NotFound, NotAllowed
        Conflict: it is resolved already
    """
    _check_may_act(person)
    found, who = queries.alert(alert_id), requester(person.id)
    with transaction() as session:
        if _resolved(session, Alert.id == alert_id, by=who, words="Resolved") is None:
            raise Conflict("It is resolved already.")
        _audit(who, "resolve", found, before=found.state, after="resolved", reason=reason)


def mute(person: Person, alert_id: int, *, hours: int | None = None, reason: str | None = None) -> None:
    """Have nobody told of this alert and those alike, for so many hours or for good.

    Raises:
        NotFound, NotAllowed, Invalid
    """
    _check_may_act(person)
    if hours is not None and not 1 <= hours <= LONGEST_MUTE // timedelta(hours=1):
        raise Invalid({"hours": f"Give a whole number from 1 to {LONGEST_MUTE // timedelta(hours=1)}."})
    found, who, at = queries.alert(alert_id), requester(person.id), now()
    until = at + timedelta(hours=hours) if hours else None
    before = queries.mute_of(found.fingerprint)
    with transaction() as session:
        note = insert_into(session, AlertMute).values(fingerprint=found.fingerprint, until=until, by=who, at=at)
        newest = {name: getattr(note.excluded, name) for name in ("until", "by", "at")}
        session.execute(note.on_conflict_do_update(index_elements=["fingerprint"], set_=newest))
        _step(session, alert_id, f"Muted for {hours} h" if hours else "Muted", by=who)
        after = until.isoformat() if until else "for good"
        _audit(who, "mute", found, before=_mute_in_words(before), after=after, reason=reason)


def unmute(person: Person, alert_id: int, *, reason: str | None = None) -> None:
    """Have people told again.

    Raises:
        NotFound, NotAllowed
        Conflict: it is not muted
    """
    _check_may_act(person)
    found, who = queries.alert(alert_id), requester(person.id)
    before = queries.mute_of(found.fingerprint)
    with transaction() as session:
        gone = session.execute(
            delete(AlertMute).where(AlertMute.fingerprint == found.fingerprint).returning(AlertMute.fingerprint)
        )
        if gone.first() is None:
            raise Conflict("It is not muted.")
        _step(session, alert_id, "Told again", by=who)
        _audit(who, "unmute", found, before=_mute_in_words(before), after="not muted", reason=reason)


def try_out(person: Person) -> int:
    """Raise an alert that means nothing, to see that it arrives; its id. Raises NotAllowed."""
    _check_may_act(person)
    words = f"{person.name} ({requester(person.id)}) tried out whether alerts arrive. Nothing is wrong."
    with transaction() as session:
        alert_id = raise_alert("test", "This is a test", words, about=f"{now().timestamp():.6f}")
        session.flush()
        engine_of().audit.note(by=requester(person.id), action="try out", subject=f"alert {alert_id}", details={})
    return alert_id


# -- inside ------------------------------------------------------------------------------------------------------------


def _counted(session: Session, fingerprint: str, values: Mapping[str, Any], times: int) -> int | None:
    one_more = update(Alert).where(Alert.fingerprint == fingerprint, Alert.resolved_at.is_(None))
    return session.scalar(one_more.values(**values, times=Alert.times + times).returning(Alert.id))


def _opened_again(session: Session, fingerprint: str, values: Mapping[str, Any], times: int) -> int | None:
    """One that wavers is one alert: within the cool-down the last one goes on, unless a person resolved it."""
    since = now() - timedelta(seconds=settings().alert_cool_down_s)
    last = select(Alert.id).where(Alert.fingerprint == fingerprint).order_by(Alert.id.desc()).limit(1).scalar_subquery()
    again = update(Alert).where(Alert.id == last, Alert.resolved_at > since, Alert.resolved_by.is_(None))
    opened = {"resolved_at": None, "acknowledged_at": None, "acknowledged_by": None}
    alert_id = session.scalar(again.values(**values, **opened, times=Alert.times + times).returning(Alert.id))
    if alert_id is not None:
        _step(session, alert_id, "Raised again")
    return alert_id


def _added(session: Session, fingerprint: str, values: Mapping[str, Any], times: int) -> int:
    row = {**values, "fingerprint": fingerprint, "times": times, "raised_at": values["last_at"]}
    new = insert_into(session, Alert).values(**row)
    alone = new.on_conflict_do_nothing(index_elements=["fingerprint"], index_where=text(OPEN))
    alert_id = session.scalar(alone.returning(Alert.id))
    if alert_id is None:  # another process was a moment earlier
        return _counted(session, fingerprint, values, times) or _added(session, fingerprint, values, times)
    _step(session, alert_id, "Raised")
    level = Level.ERROR if values["severity"] == "critical" else Level.WARNING
    tell(Kind.ALERT, values["rule"], f"{values['type']}: {values['title']}", level=level, alert=alert_id)
    return int(alert_id)


def _resolved(session: Session, which: Any, *, by: str | None, words: str) -> int | None:
    done = update(Alert).where(which, Alert.resolved_at.is_(None)).values(resolved_at=now(), resolved_by=by)
    row = session.execute(done.returning(Alert.id, Alert.rule, Alert.type, Alert.title)).first()
    if row is None:
        return None
    _step(session, row.id, words, by=by)
    tell(Kind.ALERT, row.rule, f"Resolved: {row.type}: {row.title}", alert=row.id)
    return int(row.id)


def _ask_to_tell(session: Session, alert_id: int) -> bool:
    """Have a job tell people of it, if it is time to; whether it was."""
    row = session.get_one(Alert, alert_id, with_for_update=True, populate_existing=True)
    at = now()
    if not is_to_be_told(
        at=at,
        asked_at=row.asked_at,
        cool_down=timedelta(seconds=settings().alert_cool_down_s),
        is_muted=queries.mute_of(row.fingerprint, at=at) is not None,
        is_acknowledged=row.acknowledged_at is not None,
        is_quiet_now=is_quiet(at, settings().alert_quiet_hours),
        severity=row.severity,
    ):
        return False
    row.asked_at = at
    announce(AlertRaised(alert_id))
    return True


def _step(session: Session, alert_id: int, words: str, *, by: str | None = None) -> None:
    session.add(AlertStep(alert_id=alert_id, at=now(), words=cut(words, 300), by=by))


def _mute_in_words(mute: AlertMute | None) -> str:
    if mute is None:
        return "not muted"
    return mute.until.isoformat() if mute.until else "for good"


def _check_may_act(person: Person) -> None:
    if not steers_all_jobs(person):
        raise NotAllowed("Only those who run this may do that.")


def _audit(who: str, action: str, found: Alert, *, before: str, after: str, reason: str | None) -> None:
    details = {"rule": found.rule, "title": found.title, "before": before, "after": after, "reason": reason}
    engine_of().audit.note(by=who, action=f"{action} alert", subject=f"alert {found.id}", details=details)
