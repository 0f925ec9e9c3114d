"""Trying out what this installation stands on."""

import secrets

from app.errors import Conflict
from app.limits import Limit, take
from app.mail import Letter, MailDelayed, MailRefused, send
from app.security import Person, check_manages, who
from app.web import settings
from jobs import engine_of

from .queries import mail_kind

TESTS = Limit("mail-test", times=20)


def send_test_mail(person: Person) -> tuple[bool, str]:
    """Really send a mail to this person, in the configured way; whether it went, and what happened, in words.

    Raises:
        NotAllowed: they are no admin
        Conflict: they have no address
        TooMany
    """
    check_manages(person)
    if not person.email:
        raise Conflict("Your account has no e-mail address to send it to.")
    take(TESTS, str(person.id))
    name = settings().site_name
    letter = Letter(
        to=person.email,
        subject=f"{name}: a test",
        text=f"This mail was sent from the system page of {name}. Nothing is to be done.\n",
        key=f"mail-test:{person.id}:{secrets.token_hex(8)}",
    )
    went, words = _sent(letter)
    details = {"went": went, "told": words}
    engine_of().audit.note(by=who(person), action="test mail", subject="mail", details=details)
    return went, words


def _sent(letter: Letter) -> tuple[bool, str]:
    try:
        message_id = send(letter)
    except (MailRefused, MailDelayed, OSError) as error:
        return False, f"It was not sent. {error}"
    return True, f"Sent to {letter.to}. {mail_kind(settings())} Its Message-ID is {message_id}."
