"""Reading people and what lets them in."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, and_, bindparam, exists, func, or_, select

from app.clock import now
from app.db import reading
from app.errors import NotFound
from app.hashing import fingerprint
from app.question import Question
from app.security import requester_id

from .models import ApiToken, SetupLink, SignInSession, User, WeightRecord

IDLE = timedelta(hours=24)
MOST_WEIGHTS = 100

# Plain columns in statements that are built once: this runs at the start of every request.
_user, _session, _token = User.__table__.c, SignInSession.__table__.c, ApiToken.__table__.c
_PERSON = (
    _user.id,
    _user.name,
    _user.email,
    _user.zone,
    _user.is_admin,
    _user.goes_at,
    _user.theme,
    _user.live_updates,
    _user.role,
    _user.refresh_s,
)
_STILL_THERE = and_(
    or_(_user.goes_at.is_(None), _user.goes_at > bindparam("now")),
    _user.disabled_at.is_(None),
)
# Nothing but the session leads back to a guest's account: it lasts as long as the account does.
_IS_GUEST = _user.goes_at.is_not(None)
_BY_SESSION = Question(
    select(*_PERSON, _session.id.label("session_id"), _session.seen_at).where(
        _session.token_hash == bindparam("hash"),
        _session.ends_at > bindparam("now"),
        _user.id == _session.user_id,
        or_(_session.seen_at > bindparam("idle_since"), _IS_GUEST),
        _STILL_THERE,
    ),
    name="person_by_session",
)
_BY_TOKEN = Question(
    select(*_PERSON, _token.id.label("token_id"), _token.scopes, _token.used_at).where(
        _token.token_hash == bindparam("hash"),
        _token.ends_at > bindparam("now"),
        _user.id == _token.user_id,
        _STILL_THERE,
    ),
    name="person_by_token",
)

_weight = WeightRecord.__table__.c
KNOWN_WEIGHT = (
    select(_weight.weight_kg)
    .where(_weight.user_id == bindparam("whose"), _weight.on_day <= bindparam("until_day"))
    .order_by(_weight.on_day.desc())
    .limit(1)
)
"""The newest weight in kilograms of the person `whose`, known on `until_day`: alone, or inside another statement."""
_WEIGHT_ON = KNOWN_WEIGHT.execution_options(planned_as="weight_on")


def person_by_session(token_hash: str) -> Any:
    """The person whose sign-in has this token hash, as long as it lasts, or None. One select."""
    at = now()
    return _BY_SESSION.first({"hash": token_hash, "now": at, "idle_since": at - IDLE})


def person_by_token(token_hash: str) -> Any:
    """The person behind this API token, as long as it lasts, or None. One select."""
    return _BY_TOKEN.first({"hash": token_hash, "now": now()})


def confirmed_at(session_id: int) -> datetime | None:
    """When whoever is signed in there last gave their password."""
    found = func.coalesce(SignInSession.confirmed_at, SignInSession.created_at)
    return reading().scalar(select(found).where(SignInSession.id == session_id))


def has_token(token_hash: str) -> bool:
    """Whether this token was ever made and not revoked, be it over or not."""
    return bool(reading().scalar(select(exists().where(ApiToken.token_hash == token_hash))))


def user_of(user_id: int) -> User:
    """One person. Raises NotFound."""
    found = reading().get(User, user_id)
    if found is None:
        raise NotFound("There is no such person.")
    return found


def user_by_email(email_key: str) -> User | None:
    """The person with this e-mail address, given in the form it is compared in."""
    if not email_key.isprintable():  # no address is like that, and databases take no NUL and no half surrogate pair
        return None
    return reading().scalar(select(User).where(User.email_key == email_key))


def first_user() -> User | None:
    """The oldest account that stays."""
    return reading().scalar(select(User).where(User.goes_at.is_(None)).order_by(User.id).limit(1))


def people(*, after_id: int, limit: int) -> Sequence[User]:
    """People whose accounts stay, the oldest first, from behind `after_id`."""
    stay = select(User).where(User.goes_at.is_(None), User.id > after_id)
    return reading().scalars(stay.order_by(User.id).limit(limit)).all()


def names_of(who: Collection[str]) -> Mapping[str, str]:
    """By what is written down of whoever acted, the names of those who have an account. One select, or none."""
    ids = {user_id: text for text in who if (user_id := requester_id(text)) is not None}
    if not ids:
        return {}
    found = reading().execute(select(User.id, User.name).where(User.id.in_(ids)))
    return {ids[user_id]: name for user_id, name in found}


def has_admin() -> bool:
    """Whether anybody is an admin yet."""
    return bool(reading().scalar(select(exists().where(User.is_admin))))


def setup_is_open(token: str) -> bool:
    """Whether this setup link still makes the first admin."""
    link = exists().where(SetupLink.token_hash == fingerprint(token), SetupLink.ends_at > now())
    return bool(reading().scalar(select(link))) and not has_admin()


def weight_on(user_id: int, day: date) -> Decimal | None:
    """The newest weight in kilograms that is known on that day, or None."""
    return reading().connection().execute(_WEIGHT_ON, {"whose": user_id, "until_day": day}).scalar()


def weights_of(user_id: int) -> Sequence[Row[int, date, Decimal]]:
    """The person's hundred newest weights as (id, on_day, weight_kg), newest first."""
    return (
        reading()
        .execute(
            select(WeightRecord.id, WeightRecord.on_day, WeightRecord.weight_kg)
            .where(WeightRecord.user_id == user_id)
            .order_by(WeightRecord.on_day.desc())
            .limit(MOST_WEIGHTS)
        )
        .all()
    )


def sessions_of(user_id: int) -> Sequence[SignInSession]:
    """The browsers the person is signed in with, the last used first."""
    at = now()
    return (
        reading()
        .scalars(
            select(SignInSession)
            .join(User, User.id == SignInSession.user_id)
            .where(
                SignInSession.user_id == user_id,
                SignInSession.ends_at > at,
                or_(SignInSession.seen_at > at - IDLE, _IS_GUEST),
            )
            .order_by(SignInSession.seen_at.desc(), SignInSession.id.desc())
        )
        .all()
    )


def tokens_of(user_id: int) -> Sequence[ApiToken]:
    """The person's API tokens, newest first, with those that have run out."""
    return reading().scalars(select(ApiToken).where(ApiToken.user_id == user_id).order_by(ApiToken.id.desc())).all()
