"""Reminding people who have not logged, and what they say about it."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import update

from app.accounts.models import User
from app.clock import now, today
from app.db import insert_into, transaction
from app.errors import NotAllowed, NotFound
from app.events import ReminderDue, announce
from app.mail import Letter, MailRefused, send
from app.security import Person, requester
from app.stream import Kind, tell
from app.web import address_of, settings

from . import due, links, queries, wording
from .models import Reminder

log = logging.getLogger("metronome.reminders")

AT_ONCE = 100
FOR_GUESTS = "Guests get no mail. Keep your account first."
NOT_OURS = "This link is none of ours, or it is for another address than yours."
NOT_WANTED = "not wanted any more"
NO_MAIL = "mail is not set up"
REFUSED = "refused by the mail server"

Once = Callable[[str, Callable[[str], Any]], Any]
"""Does something outside under a name: once, however often it is tried."""


@dataclass(frozen=True, slots=True)
class Due:
    """Somebody who is to be reminded on this day of theirs."""

    user_id: int
    day: date
    days: int
    zone: str


# -- by people ---------------------------------------------------------------------------------------------------------


def start_reminders(person: Person, *, days: int, hour: int) -> None:
    """Have this person reminded, from that hour of their day on, when they have not logged for so many days.

    Raises:
        NotAllowed: guests get no mail
    """
    if person.is_guest or person.email is None:
        raise NotAllowed(FOR_GUESTS)
    said = {"is_on": True, "days": days, "hour": hour, "changed_at": now()}
    with transaction() as session:
        wish = insert_into(session, Reminder).values(user_id=person.id, **said)
        session.execute(wish.on_conflict_do_update(index_elements=["user_id"], set_=said))


def stop_reminders(user_id: int) -> None:
    """Remind this person no more. Doing it twice changes nothing; when they were reminded last is not forgotten."""
    with transaction() as session:
        on = update(Reminder).where(Reminder.user_id == user_id, Reminder.is_on)
        session.execute(on.values(is_on=False, changed_at=now()))


def person_behind(token: str) -> int:
    """The id of the person whose link this is. Raises NotFound."""
    user_id = links.claimed_by(token)
    user = queries.user_with(user_id) if user_id is not None else None
    if user is None or user.email is None or not links.is_genuine(token, user.id, user.email, key=_key()):
        raise NotFound(NOT_OURS)
    return user.id


def gets_reminders(user_id: int) -> bool:
    """Whether this person wants to be reminded."""
    found = queries.reminder_of(user_id)
    return found is not None and found.is_on


def has_mail() -> bool:
    """Whether there is a mail server that reminders can go through."""
    return settings().mail_url is not None


# -- by the clock ------------------------------------------------------------------------------------------------------


def send_reminders() -> int:
    """Have everybody reminded who is due at this moment; how many people. Without a mail server, nobody.

    Running it twice, or in two processes at once, changes nothing: a person is asked for once on each of their days.
    """
    if not has_mail():
        return 0
    found = people_due()
    return sum(_ask(found[start : start + AT_ONCE]) for start in range(0, len(found), AT_ONCE))


def people_due() -> list[Due]:
    """Who is due at this moment, by id. What people logged is asked for only of those whose hour has come."""
    at = now()
    candidates = [
        (user.id, wish, past)
        for reminder, user in queries.wanted()
        if due.day_due(at, wish := reminder.wish(user.zone), past := reminder.past(user.created_at))
    ]
    logged = queries.last_logged([user_id for user_id, _, _ in candidates], since=at - due.LOOK_BACK)
    return [
        Due(user_id, day, wish.days, wish.zone)
        for user_id, wish, past in candidates
        if (day := due.day_due(at, wish, replace(past, logged_at=logged.get(user_id))))
    ]


def remind(user_id: int, *, day: date, once: Once) -> dict[str, Any]:
    """Mail a reminder to the person who was due on this day, unless something has changed meanwhile.

    Raises:
        MailDelayed: try again
    """
    found = queries.one_wanted(user_id)
    why = NO_MAIL if not has_mail() else NOT_WANTED if found is None else _why_not(*found, day=day)
    if found is None or why is not None:
        return {"reminded": 0, "why": why}
    reminder, user = found
    last = queries.last_workout_day(user_id)
    days_since = None if last is None else max(0, (today(user.zone) - last).days)
    reminded = once("mail", _letter(reminder, user, days_since))
    with transaction() as session:
        session.execute(update(Reminder).where(Reminder.user_id == user_id).values(reminded_on=day))
    if not reminded:
        return {"reminded": 0, "why": REFUSED}
    words = f"Person {user_id} was reminded by mail that they have not logged"
    told: dict[str, Any] = {"type": "workout_reminder", "days_since_workout": days_since}
    tell(Kind.SYSTEM, "reminded", words, who=requester(user_id), **told)
    return {"reminded": 1, "days_since_workout": days_since}


def link_of(user: User) -> str:
    """Where this person ends their reminders without signing in."""
    return address_of(f"/reminders/unsubscribe/{links.token_of(user.id, str(user.email), key=_key())}")


def _ask(people: Sequence[Due]) -> int:
    """Write the jobs down, with the mark that each person was asked for; of two processes one gets to mark."""
    with transaction() as session:
        count = 0
        for one in people:
            free = Reminder.asked_on.is_(None) | (Reminder.asked_on < one.day)
            mark = update(Reminder).where(Reminder.user_id == one.user_id, Reminder.is_on, free)
            if session.scalar(mark.values(asked_on=one.day).returning(Reminder.user_id)) is not None:
                by, expires_at = requester(one.user_id), due.end_of(one.day, one.zone)
                announce(ReminderDue(one.user_id, one.day.isoformat()), by=by, expires_at=expires_at)
                count += 1
        return count


def _why_not(reminder: Reminder, user: User, *, day: date) -> str | None:
    logged = queries.last_logged([user.id], since=now() - due.LOOK_BACK)
    past = replace(reminder.past(user.created_at), logged_at=logged.get(user.id))
    return due.why_not(day, now(), reminder.wish(user.zone), past)


def _letter(reminder: Reminder, user: User, days_since: int | None) -> Callable[[str], int]:
    unsubscribe = link_of(user)
    text = wording.mail_text(
        name=user.name,
        days_since=days_since,
        days=reminder.days,
        log=address_of("/activities/new"),
        settings=address_of("/settings/#reminders"),
        unsubscribe=unsubscribe,
    )

    def act(key: str) -> int:
        letter = Letter(to=str(user.email), subject=wording.SUBJECT, text=text, key=key, unsubscribe=unsubscribe)
        try:
            send(letter)
        except MailRefused as refusal:
            log.warning("reminder not mailed", extra={"person": user.id, "why": str(refusal)})
            return 0
        return 1

    return act


def _key() -> str:
    return settings().secret_key
