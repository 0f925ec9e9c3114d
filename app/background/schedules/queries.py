"""Reading schedules: a person's own, and for who steers all jobs, everybody's."""

import re
from collections.abc import Sequence
from datetime import datetime

from app.errors import NotFound
from app.security import Person, requester, steers_all_jobs
from jobs import NoSuchSchedule, Schedule, ScheduleFire, Upcoming, engine_of

UID = re.compile(r"[0-9a-f]{32}", re.ASCII)
NOT_THERE = "There is no such schedule."


def schedule_of(person: Person, uid: str) -> Schedule:
    """The schedule, if they may see it. Raises NotFound."""
    try:
        found = engine_of().schedules.get(uid if UID.fullmatch(uid) else "")
    except NoSuchSchedule:
        raise NotFound(NOT_THERE) from None
    if not steers_all_jobs(person) and found.requested_by != requester(person.id):
        raise NotFound(NOT_THERE)
    return found


def page_of(person: Person, *, below: int | None, limit: int) -> tuple[Sequence[Schedule], int | None]:
    """A page of the schedules that they may see, newest first, and where the next page begins."""
    whose = None if steers_all_jobs(person) else requester(person.id)
    found = engine_of().schedules.page(requested_by=whose, before_id=below, limit=limit + 1)
    return found[:limit], found[limit - 1].id if len(found) > limit else None


def runs_of(one: Schedule, *, below: datetime | None, limit: int) -> tuple[Sequence[ScheduleFire], datetime | None]:
    """A page of what became of its slots, newest slot first, and where the next page begins."""
    found = engine_of().schedules.fires(one.uid, before=below, limit=limit + 1)
    return found[:limit], found[limit - 1].slot if len(found) > limit else None


def preview_of(one: Schedule) -> tuple[str, list[Upcoming]]:
    """Its rule in words, and its next slots. Raises ValueError when its rule is broken."""
    return engine_of().schedules.preview(one.uid)
