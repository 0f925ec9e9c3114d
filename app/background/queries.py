"""Reading jobs: a person's own, and for who steers them all, everybody's."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from threading import BoundedSemaphore
from typing import cast

from flask import current_app

from app.errors import Gone, NotFound
from app.security import Person, manages_all_jobs, requester, sees_all_jobs
from app.web import settings
from jobs import Attempt, Entry, KindLook, NoSuchJob, Place, Progress, Selection, Wanted, engine_of

NOT_THERE = "There is no such job. It may have been forgotten."
WAITERS = "job_waiters"


def job_of(person: Person, uid: str) -> Entry:
    """The job, if they may see it. Raises NotFound."""
    try:
        entry = engine_of().inspector.job(uid)
    except NoSuchJob:
        raise NotFound(NOT_THERE) from None
    if not sees_all_jobs(person) and entry.requested_by != requester(person.id):
        raise NotFound(NOT_THERE)
    return entry


def settled_job_of(person: Person, uid: str, *, wait_s: float) -> Entry:
    """The job as soon as it has settled, else as it is after so many seconds; at once when too many wait already.

    A quarter of the threads that answer requests may wait; the others are for answers. Raises NotFound.
    """
    entry = job_of(person, uid)
    places = _waiting_places()
    if not entry.is_live or wait_s <= 0 or not places.acquire(blocking=False):
        return entry
    try:
        engine_of().inspector.wait(uid, seconds=wait_s)
    finally:
        places.release()
    return job_of(person, uid)


def page_of(person: Person, meant: Selection, *, below: Place | None, limit: int) -> tuple[list[Entry], Place | None]:
    """Those of these jobs that they may see, a page of them, and where the next page begins."""
    if not sees_all_jobs(person):
        own = requester(person.id)
        if meant.requested_by not in {None, own}:
            return [], None
        meant = replace(meant, requested_by=own)
    wanted = _wanted_of(meant)
    inspector = engine_of().inspector
    if wanted is None:
        return inspector.find(meant, below=below, limit=limit)
    return inspector.page(wanted, below=below, limit=limit)


def _wanted_of(meant: Selection) -> Wanted | None:
    """The same as what indexes are asked for, where they tell all of it."""
    names = ("states", "kinds", "queue", "is_retry", "requested_by", "uid_start")
    wanted = Wanted(**{name: getattr(meant, name) for name in names})
    told = Selection(**{name: getattr(wanted, name) for name in names})
    return wanted if replace(meant, uids=()) == told else None


def attempts_of(entry: Entry) -> Sequence[Attempt]:
    """Every ended try of a job, oldest first."""
    return engine_of().inspector.attempts(entry)


def needs_result(gone_at: datetime | None) -> None:
    """Raises Gone where what came of the work was not kept."""
    if gone_at is not None:
        raise Gone(f"What came of it was kept for a while, and is gone since {gone_at:%Y-%m-%d %H:%M} UTC.")


def progress_of(entry: Entry) -> Progress:
    """How far a job is."""
    return engine_of().inspector.progress(entry)


def jobs_made(uids: Sequence[str]) -> list[Entry]:
    """The jobs that came of a request, in its order; what stands for several of them comes several times."""
    found = {one.uid: one for one in engine_of().inspector.jobs(list(dict.fromkeys(uids)))}
    return [found[uid] for uid in uids if uid in found]


def job_made(uid: str) -> Entry:
    """The job that came of a request. Raises NotFound: it was made, and has been forgotten since."""
    found = jobs_made([uid])
    if not found:
        raise NotFound(NOT_THERE)
    return found[0]


def kinds_for(person: Person) -> list[KindLook]:
    """The kinds they may start."""
    found = engine_of().inspector.kinds()
    return found if manages_all_jobs(person) else [one for one in found if one.name in _for_people()]


def _for_people() -> frozenset[str]:
    return frozenset(current_app.extensions["for_people"])


def _waiting_places() -> BoundedSemaphore:
    made = BoundedSemaphore(max(1, settings().web_threads // 4))
    return cast("BoundedSemaphore", current_app.extensions.setdefault(WAITERS, made))
