"""What people can do with their account, and what lets them in."""

import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Update, delete, select, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from app import hashing, limits
from app.clock import now
from app.db import insert_into, transaction
from app.errors import Conflict, Invalid, NotAllowed, NotFound
from app.limits import Limit
from app.security import ADMIN, OPERATOR, REMEMBERED, SCOPES, VIEWER, Person, check_manages, requester, who
from app.stream import Kind, Level, tell
from app.web import client_address, settings
from jobs import engine_of

from . import queries
from .addresses import address_key
from .models import ApiToken, SetupLink, SignInSession, User, WeightRecord
from .passwords import problem_of
from .tokens import SHOWN, is_well_formed, token_of

log = logging.getLogger("metronome.accounts")

NOT_REMEMBERED = timedelta(hours=12)
GUEST_STAYS = timedelta(days=7)
SETUP_LINK_LASTS = timedelta(minutes=30)
TOKEN_LASTS_DAYS = 365
MOST_TOKENS = 50
ROLES = ("", VIEWER, OPERATOR, ADMIN)
REFRESH_S = (3, 10, 30)
SEEN_EVERY = timedelta(minutes=1)
LARGEST_ID = 2**31 - 1

OWN_PASSWORD = Limit("own-password", times=10)

FRESH_FOR = timedelta(minutes=15)
DISABLED = "This account is closed. Ask one of the admins here."
WRONG = "E-mail and password do not match."
TAKEN = "There is an account with this e-mail address already. Sign in instead."


def sign_up(*, email: str, name: str, password: str, zone: str, address: str) -> int:
    """Make an account and say its id; `address` is where the request comes from.

    Raises:
        Invalid: the e-mail is taken, or the password too weak
        NotAllowed: strangers may not make accounts here
        TooMany
    """
    _check_open()
    _check_password(password, email, name)
    limits.take(Limit("sign-up", times=settings().sign_up_per_hour), address)
    return _add_user(email=email, name=name, password=password, zone=zone)


def create_user(*, email: str, password: str, name: str, is_admin: bool = False) -> int:
    """Make an account for somebody, and say its id. Raises Invalid."""
    _check_password(password, email, name, is_admin=is_admin)
    return _add_user(email=email, name=name, password=password, zone="UTC", is_admin=is_admin)


def sign_in(*, email: str, password: str, address: str) -> int:
    """The id of the person with this e-mail and password. Takes as long, and says the same, when there is none.

    Raises:
        Invalid, TooMany
    """
    key = address_key(email)
    of_account, from_address = _sign_in_limits()
    limits.take(from_address, address)
    limits.take(of_account, key)
    user = queries.user_by_email(key)
    if not hashing.is_password(password, user.password_hash if user else None) or user is None:
        tell(
            Kind.SECURITY,
            "failed sign-in",
            f"A sign-in {f'as person {user.id}' if user else 'with an address nobody has'} failed",
            level=Level.WARNING,
            who=address,
            account=hashing.fingerprint(key)[:12],
        )
        raise Invalid({"": WRONG})
    if user.disabled_at is not None:
        raise Invalid({"": DISABLED})
    tell(Kind.SIGN_IN, "signed in", f"Person {user.id} signed in", who=requester(user.id), address=address)
    limits.forgive(of_account, key)
    limits.give_back(from_address, address)
    if user.password_hash and hashing.is_outdated(user.password_hash):
        _change_user(user.id, password_hash=hashing.hashed(password))
    return user.id


def _sign_in_limits() -> tuple[Limit, Limit]:
    """For one account, and from one address."""
    config = settings()
    return (
        Limit("sign-in-account", times=config.sign_in_per_hour),
        Limit("sign-in-address", times=config.sign_in_per_address),
    )


def begin_session(user_id: int, *, browser: str, remember: bool = False, instead_of: str | None = None) -> str:
    """Sign a browser in, and say the token it must keep. The session it held before ends."""
    token, at = hashing.new_secret(), now()
    lasts = REMEMBERED if remember else NOT_REMEMBERED
    with transaction() as session:
        if instead_of:
            end_session(instead_of)
        session.add(
            SignInSession(
                user_id=user_id,
                token_hash=hashing.fingerprint(token),
                browser=browser[:200],
                created_at=at,
                seen_at=at,
                ends_at=at + lasts,
            )
        )
    return token


def recognise_session(token: str) -> Person | None:
    """The person signed in with this token. Notes that they were seen, at most once a minute."""
    row = queries.person_by_session(hashing.fingerprint(token))
    if row is None:
        return None
    if now() - row.seen_at > SEEN_EVERY:
        _note(update(SignInSession).where(SignInSession.id == row.session_id).values(seen_at=now()))
    return _person(row, session_id=row.session_id)


def recognise_token(token: str) -> Person | None:
    """The person behind this API token, with its scopes. Notes that it was used, at most once a minute."""
    row = queries.person_by_token(hashing.fingerprint(token)) if is_well_formed(token) else None
    if row is None:
        _tell_bad_token(token)
        return None
    if row.used_at is None or now() - row.used_at > SEEN_EVERY:
        _note(update(ApiToken).where(ApiToken.id == row.token_id).values(used_at=now()))
    scopes = frozenset(row.scopes.split())
    return _person(row, scopes=scopes | {"read"} if "write" in scopes else scopes)


def _tell_bad_token(token: str) -> None:
    """One that ran out was ours once; any other somebody made up."""
    if is_well_formed(token) and queries.has_token(hashing.fingerprint(token)):
        tell(Kind.SIGN_IN, "token ran out", "A token that has run out was used", level=Level.WARNING)
        return
    shape = "is none of ours" if is_well_formed(token) else "does not even look like one of ours"
    words = f"A request came with a token that {shape}"
    tell(Kind.SECURITY, "forged token", words, level=Level.WARNING, who=client_address())


def end_session(token: str) -> None:
    """Sign this browser out. Doing it twice changes nothing."""
    with transaction() as session:
        session.execute(delete(SignInSession).where(SignInSession.token_hash == hashing.fingerprint(token)))


def end_session_of(user_id: int, session_id: int) -> None:
    """Sign one of the person's browsers out. Raises NotFound."""
    _remove(SignInSession, session_id, user_id, otherwise="There is no such session.")


def end_other_sessions(user_id: int, *, keep: int | None) -> None:
    """Sign all of the person's browsers out, but the one they use now."""
    with transaction() as session:
        others = delete(SignInSession).where(SignInSession.user_id == user_id)
        session.execute(others.where(SignInSession.id != keep) if keep else others)


def is_fresh(person: Person) -> bool:
    """Whether the person gave their password within the last quarter of an hour, in this browser."""
    given_at = queries.confirmed_at(person.session_id) if person.session_id is not None else None
    return given_at is not None and now() - given_at < FRESH_FOR


def confirm(person: Person, *, password: str) -> None:
    """Note that the person gave their password once more.

    Raises:
        Invalid: it is another one
        TooMany
    """
    limits.take(OWN_PASSWORD, str(person.id))
    if not hashing.is_password(password, queries.user_of(person.id).password_hash):
        raise Invalid({"password": "This is not your password."})
    limits.forgive(OWN_PASSWORD, str(person.id))
    with transaction() as session:
        confirmed = update(SignInSession).where(SignInSession.id == person.session_id)
        session.execute(confirmed.values(confirmed_at=now()))


def change_password(user_id: int, *, current: str, password: str) -> None:
    """Change the password, and sign all browsers out: whoever used the old one must not stay.

    Raises:
        Invalid: the current one is wrong, or the new one too weak
        TooMany
    """
    user = queries.user_of(user_id)
    limits.take(OWN_PASSWORD, str(user_id))
    if not hashing.is_password(current, user.password_hash):
        raise Invalid({"current": "This is not your current password."})
    _check_password(password, user.email or "", user.name, is_admin=user.is_admin)
    limits.forgive(OWN_PASSWORD, str(user_id))
    new_hash = hashing.hashed(password)
    with transaction():
        _change_user(user_id, password_hash=new_hash)
        end_other_sessions(user_id, keep=None)


def change_profile(user_id: int, *, name: str, zone: str) -> None:
    """Change what the person is called and which clock their days follow."""
    _change_user(user_id, name=name, zone=zone)


def choose_theme(user_id: int, theme: str) -> None:
    """Remember the colours the person wants: system, light or dark."""
    _change_user(user_id, theme=theme)


def choose_live_updates(user_id: int, *, live: bool) -> None:
    """Remember whether pages may refresh themselves."""
    _change_user(user_id, live_updates=live)


def choose_refresh(user_id: int, refresh_s: int | None) -> None:
    """Remember how often operators' pages refresh themselves, in seconds; None: not at all."""
    if refresh_s is None:
        _change_user(user_id, live_updates=False)
    elif refresh_s in REFRESH_S:
        _change_user(user_id, live_updates=True, refresh_s=refresh_s)
    else:
        raise Invalid({"refresh": f"Choose one of: {', '.join(map(str, REFRESH_S))}, off."})


def give_role(user_id: int, role: str, *, by: Person | None, reason: str | None = None) -> None:
    """Make somebody a viewer, an operator, an admin, or with an empty word none of them; it is noted in the audit log.

    `by` is an admin; None in the terminal.

    Raises:
        NotAllowed: whoever asks is no admin
        NotFound
        Invalid: there is no such role, or they are a guest
        Conflict: they are the last admin
    """
    check_manages(by)
    if role not in ROLES:
        raise Invalid({"role": f"Choose one of: {', '.join(ROLES)}."})
    with transaction() as session:
        # Whoever takes an admin's role away holds all of them, so that two at once leave one.
        admins = session.scalars(select(User).where(User.is_admin).order_by(User.id).with_for_update()).all()
        user = queries.user_of(user_id)
        if user.is_guest:
            raise Invalid({"role": "A guest has no role. They have to keep their account first."})
        if role != ADMIN and [one.id for one in admins] == [user_id]:
            raise Conflict("This is the last admin. Make another one first.")
        before = role_of(user)
        if before == role:
            return
        _change_user(user_id, is_admin=role == ADMIN, role="" if role == ADMIN else role)
        engine_of().audit.note(
            by=who(by),
            action="role",
            subject=f"person {user_id}",
            details={"before": before, "after": role, "reason": reason},
        )


def known_id(user_id: int) -> int:
    """The number, if it can be anybody's. Raises NotFound."""
    if not 0 < user_id <= LARGEST_ID:
        raise NotFound("There is no such person.")
    return user_id


def role_of(user: User) -> str:
    """Admin, operator, viewer, or an empty word."""
    return ADMIN if user.is_admin else user.role


def record_weight(user_id: int, *, weight_kg: Decimal, on_day: date) -> None:
    """Note what the person weighed on that day; an earlier note of the same day gives way."""
    with transaction() as session:
        row = {"user_id": user_id, "on_day": on_day, "weight_kg": weight_kg, "recorded_at": now()}
        note = insert_into(session, WeightRecord).values(row)
        newest = {"weight_kg": note.excluded.weight_kg, "recorded_at": note.excluded.recorded_at}
        session.execute(note.on_conflict_do_update(index_elements=["user_id", "on_day"], set_=newest))


def forget_weight(user_id: int, record_id: int) -> None:
    """Remove one note of the person's weight. Raises NotFound."""
    _remove(WeightRecord, record_id, user_id, otherwise="There is no such weight.")


def make_token(user_id: int, *, name: str, scopes: Collection[str], days: int = TOKEN_LASTS_DAYS) -> str:
    """Make an API token and say it, once: only its hash is kept.

    Raises:
        Invalid: a scope there is not, or one that only admins may give; or too many tokens
    """
    user = queries.user_of(user_id)
    if not scopes or not SCOPES.keys() >= set(scopes):
        raise Invalid({"scopes": f"Choose some of: {', '.join(SCOPES)}."})
    if ("jobs" in scopes and not role_of(user)) or ("admin" in scopes and not user.is_admin):
        raise Invalid({"scopes": "Your role does not allow you to give these."})
    if len(queries.tokens_of(user_id)) >= MOST_TOKENS:
        raise Invalid({"": f"You have {MOST_TOKENS} tokens; revoke one first."})
    token, at = token_of(hashing.new_secret()), now()
    with transaction() as session:
        session.add(
            ApiToken(
                user_id=user_id,
                name=name,
                start=token[:SHOWN],
                token_hash=hashing.fingerprint(token),
                scopes=" ".join(scope for scope in SCOPES if scope in scopes),
                created_at=at,
                ends_at=at + timedelta(days=min(days, TOKEN_LASTS_DAYS)),
            )
        )
    return token


def revoke_token(user_id: int, token_id: int) -> None:
    """Make one of the person's tokens worthless, at once. Raises NotFound."""
    _remove(ApiToken, token_id, user_id, otherwise="There is no such token.")


def open_guest_account(*, zone: str, address: str, fill: Callable[[int], object]) -> int:
    """Make an account that goes after seven days, have `fill` put something to look at in it, and say its id.

    Raises:
        NotAllowed: strangers may not make accounts here
        TooMany
    """
    _check_open()
    limits.take(Limit("guest", times=settings().sign_up_per_hour), address)
    at = now()
    with transaction() as session:
        guest = User(name="Guest", zone=zone, created_at=at, goes_at=at + GUEST_STAYS)
        session.add(guest)
        session.flush()
        fill(guest.id)
    return guest.id


def keep_account(user_id: int, *, email: str, name: str, password: str) -> None:
    """Make a guest's account one that stays.

    Raises:
        Invalid: the e-mail is taken, or the password too weak
        Conflict: it stays already
    """
    _check_password(password, email, name)
    values = {"email": email, "email_key": address_key(email), "name": name, "password_hash": hashing.hashed(password)}
    with _taken_means_invalid(), transaction() as session:
        kept = session.execute(
            update(User)
            .where(User.id == user_id, User.goes_at > now())
            .values({**values, "goes_at": None})
            .returning(User.id)
        )
        if kept.first() is None:
            raise Conflict("This account is kept already.")


def offer_setup() -> str | None:
    """A new token of a link that makes the first admin, good for half an hour; None when there is an admin."""
    token, at = hashing.new_secret(), now()
    with transaction() as session:
        if queries.has_admin():
            return None
        session.execute(delete(SetupLink).where(SetupLink.ends_at <= at))
        session.add(SetupLink(token_hash=hashing.fingerprint(token), ends_at=at + SETUP_LINK_LASTS))
    return token


def set_up(token: str, *, email: str, name: str, password: str, zone: str) -> int:
    """Make the first admin, and say the id. Two at once with the same link make one.

    Raises:
        Invalid
        NotFound: the link was used, has run out, or there is an admin already
    """
    _check_password(password, email, name, is_admin=True)
    password_hash = hashing.hashed(password)
    with _taken_means_invalid(), transaction() as session:
        links = session.scalars(select(SetupLink).with_for_update()).all()
        if not any(link.token_hash == hashing.fingerprint(token) and link.ends_at > now() for link in links):
            raise NotFound("This link was used, or is older than half an hour.")
        session.execute(delete(SetupLink))
        if queries.has_admin():
            raise NotFound("There is an admin already.")
        return _insert_user(session, email=email, name=name, password_hash=password_hash, zone=zone, is_admin=True)


def forget_the_gone() -> None:
    """Remove guests whose time is over, with all that was theirs, and sessions, links and tries that have run out."""
    at = now()
    limits.forget_empty(at)
    with transaction() as session:
        session.execute(delete(SetupLink).where(SetupLink.ends_at <= at))
        guests = select(User.id).where(User.goes_at.is_not(None))
        is_idle = (SignInSession.seen_at <= at - queries.IDLE) & SignInSession.user_id.not_in(guests)
        session.execute(delete(SignInSession).where((SignInSession.ends_at <= at) | is_idle))
        session.execute(delete(User).where(User.goes_at <= at))


def _check_open() -> None:
    if not settings().sign_up_open:
        raise NotAllowed("New accounts are made by the admins here. Ask one of them.")


def _check_password(password: str, email: str, name: str, *, is_admin: bool = False) -> None:
    if problem := problem_of(password, about=(email, name), is_admin=is_admin):
        raise Invalid({"password": problem})


def _add_user(*, email: str, name: str, password: str, zone: str, is_admin: bool = False) -> int:
    password_hash = hashing.hashed(password)  # slow, so before the transaction
    with _taken_means_invalid(), transaction() as session:
        return _insert_user(session, email=email, name=name, password_hash=password_hash, zone=zone, is_admin=is_admin)


def _insert_user(session: Session, *, email: str, **values: Any) -> int:
    user = User(email=email, email_key=address_key(email), created_at=now(), **values)
    session.add(user)
    session.flush()
    return user.id


@contextmanager
def _taken_means_invalid() -> Iterator[None]:
    """Only the database knows, when two ask for the same address at once."""
    try:
        yield
    except IntegrityError:
        raise Invalid({"email": TAKEN}) from None


def _change_user(user_id: int, **values: Any) -> None:
    with transaction() as session:
        session.execute(update(User).where(User.id == user_id).values(values))


def _remove(kind: type[SignInSession | WeightRecord | ApiToken], row_id: int, user_id: int, *, otherwise: str) -> None:
    """Remove a row that is the person's. A number no row can have is asked of no database: it would be an error."""
    if not 0 < row_id <= LARGEST_ID:
        raise NotFound(otherwise)
    with transaction() as session:
        gone = session.execute(delete(kind).where(kind.id == row_id, kind.user_id == user_id).returning(kind.id))
        if gone.first() is None:
            raise NotFound(otherwise)


def _note(statement: Update) -> None:
    """Write what may as well be lost: nobody should be refused a page because it could not be written."""
    try:
        with transaction() as session:
            session.execute(statement)
    except OperationalError:
        log.info("sign of life not written", exc_info=True)


def _person(row: Any, *, session_id: int | None = None, scopes: frozenset[str] = frozenset()) -> Person:
    return Person(
        id=row.id,
        name=row.name,
        email=row.email,
        zone=row.zone,
        is_admin=row.is_admin,
        is_guest=row.goes_at is not None,
        theme=row.theme,
        live_updates=row.live_updates,
        role=row.role,
        refresh_s=row.refresh_s,
        session_id=session_id,
        scopes=scopes,
    )
