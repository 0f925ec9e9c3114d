"""Reading alerts."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select

from app.clock import now
from app.db import reading
from app.errors import NotFound

from .models import Alert, AlertMute, AlertStep

LARGEST_ID = 2**31 - 1
LISTED = 25
MOST_STEPS = 100
MOST_SENTENCES = 5
STATES = ("open", "resolved", "all")
TOLD_ELSEWHERE = ("queue age", "failure rate", "dead jobs", "no worker", "lost worker")


def alert(alert_id: int) -> Alert:
    """One alert. Raises NotFound."""
    query = select(Alert).where(Alert.id == alert_id).execution_options(populate_existing=True)
    found = reading().scalar(query) if 0 < alert_id <= LARGEST_ID else None
    if found is None:
        raise NotFound("There is no such alert. It may have been forgotten.")
    return found


def alerts(
    state: str = "open", *, below_id: int | None = None, limit: int = LISTED
) -> tuple[Sequence[Alert], int | None]:
    """A page of alerts, the newest first, and what the next page begins below; None on the last."""
    query = select(Alert).order_by(Alert.id.desc()).limit(limit + 1).execution_options(populate_existing=True)
    if state != "all":
        query = query.where(Alert.resolved_at.is_(None) if state == "open" else Alert.resolved_at.is_not(None))
    if below_id is not None:
        query = query.where(Alert.id < below_id)
    found = reading().scalars(query).all()
    return found[:limit], found[limit - 1].id if len(found) > limit else None


def open_count() -> int:
    """How many alerts are open."""
    return reading().scalar(select(func.count()).select_from(Alert).where(Alert.resolved_at.is_(None))) or 0


def sentences() -> list[str]:
    """What is wrong by the newest open alerts, those left out of which the overview tells by itself."""
    query = select(Alert.title).where(Alert.resolved_at.is_(None), Alert.rule.not_in(TOLD_ELSEWHERE))
    return [f"{title}." for title in reading().scalars(query.order_by(Alert.id.desc()).limit(MOST_SENTENCES))]


def open_with(fingerprint: str) -> Alert | None:
    """The open alert with this fingerprint, if there is one."""
    return reading().scalar(
        select(Alert)
        .where(Alert.fingerprint == fingerprint, Alert.resolved_at.is_(None))
        .execution_options(populate_existing=True)
    )


def open_fingerprints(rule: str) -> list[str]:
    """The fingerprints of all open alerts of a rule."""
    return list(reading().scalars(select(Alert.fingerprint).where(Alert.rule == rule, Alert.resolved_at.is_(None))))


def steps_of(alert_id: int) -> Sequence[AlertStep]:
    """What became of an alert, the newest first."""
    query = select(AlertStep).where(AlertStep.alert_id == alert_id).order_by(AlertStep.id.desc())
    return reading().scalars(query.limit(MOST_STEPS)).all()


def mute_of(fingerprint: str, *, at: datetime | None = None) -> AlertMute | None:
    """The mute that holds for this fingerprint, if one does."""
    found = reading().scalar(
        select(AlertMute).where(AlertMute.fingerprint == fingerprint).execution_options(populate_existing=True)
    )
    return found if found and (found.until is None or found.until > (at or now())) else None
