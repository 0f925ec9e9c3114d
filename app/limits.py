"""How often somebody may do something. Kept in SQL, so that the limits hold in every process and without Redis."""

import hashlib
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Float, String, delete, select, text
from sqlalchemy.orm import Mapped, mapped_column

from app.clock import now
from app.db import Base, transaction
from app.errors import TooMany


class RateBucket(Base):
    """How full one somebody's measure is: empty again at `empty_at`, in seconds since 1970."""

    __tablename__ = "rate_bucket"

    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    empty_at: Mapped[float] = mapped_column(Float(53), index=True)


@dataclass(frozen=True, slots=True)
class Limit:
    """`times` at once, and as many again over `per`; each try becomes free again by itself."""

    name: str
    times: int
    per: timedelta = timedelta(hours=1)

    @property
    def step_s(self) -> float:
        """Seconds until one try is free again."""
        return self.per.total_seconds() / self.times


# Full when `empty_at` is a whole period away. One statement, so that two at once cannot both take the last place.
_TAKE = text(
    "INSERT INTO rate_bucket (key, empty_at) VALUES (:key, :now + :step)"
    " ON CONFLICT (key) DO UPDATE SET empty_at ="
    " CASE WHEN rate_bucket.empty_at > :now THEN rate_bucket.empty_at ELSE :now END + :step"
    " WHERE rate_bucket.empty_at <= :latest RETURNING empty_at"
)
_GIVE_BACK = text("UPDATE rate_bucket SET empty_at = empty_at - :step WHERE key = :key")


def take(limit: Limit, whose: str) -> None:
    """Count one try of `whose`.

    Raises:
        TooMany: there have been too many; says in words how long to wait. The refused try is not counted
    """
    key, at = _key(limit, whose), now().timestamp()
    latest = at + limit.step_s * (limit.times - 1)
    with transaction() as session:
        values = {"key": key, "now": at, "step": limit.step_s, "latest": latest}
        if session.execute(_TAKE, values).first():
            return
        empty_at = session.scalar(select(RateBucket.empty_at).where(RateBucket.key == key)) or at
    wait_s = max(1, math.ceil(empty_at - latest))
    raise TooMany(f"Too many tries. Try again in {in_words(wait_s)}.", retry_after_s=wait_s)


def give_back(limit: Limit, whose: str) -> None:
    """Take one counted try back: it was a good one."""
    with transaction() as session:
        session.execute(_GIVE_BACK, {"key": _key(limit, whose), "step": limit.step_s})


def forgive(limit: Limit, whose: str) -> None:
    """Forget all tries of `whose`."""
    with transaction() as session:
        session.execute(delete(RateBucket).where(RateBucket.key == _key(limit, whose)))


def forget_empty(at: datetime) -> int:
    """Remove what is empty anyway, and say how many."""
    with transaction() as session:
        return session.execute(delete(RateBucket).where(RateBucket.empty_at < at.timestamp())).rowcount  # type: ignore[attr-defined, no-any-return]


def in_words(seconds: int) -> str:
    """A wait as people say it: "40 seconds", "6 minutes"."""
    if seconds < 90:
        return f"{seconds} second{'s' if seconds != 1 else ''}"
    return f"{math.ceil(seconds / 60)} minutes"


def _key(limit: Limit, whose: str) -> str:
    """The bucket's name. Hashed: it must have an end, and no table should list who tried to sign in from where."""
    return f"{limit.name}:{hashlib.sha256(whose.encode()).hexdigest()}"
