"""What people can do with background jobs: start, cancel, retry and change them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from flask import current_app

from app import logs
from app.clock import now
from app.db import transaction
from app.errors import Conflict, Invalid, NotAllowed, NotFound
from app.once import Sent, once
from app.security import Person, manages_all_jobs, requester, steers_all_jobs
from jobs import (
    BadArguments,
    Entry,
    Job,
    JobRequest,
    NoSuchJob,
    UnknownJob,
    WrongState,
    engine_of,
    masked,
    without_secrets,
)

from . import queries
from .drafts import Draft, fingerprint_of, problem_of_args, problem_of_start, problems_of

MOST_NAMED = 20
UNKNOWN_KIND = "There is no such kind, or it is not yours to start."

Check = Callable[[Person, Mapping[str, Any]], Mapping[str, Any]]
"""Of a kind that may be started: the arguments as they are stored. Raises Invalid."""


class Refused(NamedTuple):
    """What was wrong with one job of many, a sentence by field."""

    errors: Mapping[str, str]


def start(person: Person, drafts: Sequence[Draft], *, key: str | None = None, one: bool = False) -> Sent:
    """Write these jobs down, all or none, with one statement. With a `key`, the same ones sent twice are made once.

    Raises:
        Invalid: something is wrong; the fields are named "3.args.x", or without a number of `one`
    """

    def make() -> list[str]:
        requests, refused = _requests(person, drafts)
        if refused:
            raise Invalid(
                {
                    field if one else f"{number}.{field}": sentence
                    for number, wrong in refused.items()
                    for field, sentence in wrong.errors.items()
                }
            )
        return _written(person, requests)

    return once(person.id, make, key=key, content_print=fingerprint_of(drafts) if key else "")


def start_some(person: Person, drafts: Mapping[int, Draft]) -> dict[int, str | Refused]:
    """Write down those of the jobs that can be taken, with one statement: by number its public id, or what is wrong."""
    requests, refused = _requests(person, list(drafts.values()))
    uids = iter(_written(person, requests) if requests else ())
    return {number: refused.get(place) or next(uids) for place, number in enumerate(drafts)}


def cancel(person: Person, uid: str, *, reason: str | None = None) -> bool:
    """Cancel a job: at once while it waits (True), by asking it to end while it runs (False).

    Raises:
        NotFound
        Conflict: it is over
    """
    return bool(_done(person, uid, lambda: engine_of().cancel(uid, by=requester(person.id), reason=reason)))


def withdraw(person: Person, uid: str, *, reason: str | None = None) -> None:
    """Cancel a job that waits; what runs goes on.

    Raises:
        NotFound
        Conflict: it runs, or is over
    """
    _done(person, uid, lambda: engine_of().cancel(uid, by=requester(person.id), if_running=False, reason=reason))


def retry(person: Person, uid: str, *, reason: str | None = None) -> None:
    """Make a job that failed or was cancelled ready again.

    Raises:
        NotFound
        Conflict: it waits, runs or succeeded
    """
    _done(person, uid, lambda: engine_of().retry(uid, by=requester(person.id), reason=reason))


def change(
    person: Person,
    uid: str,
    *,
    priority: int | None = None,
    queue: str | None = None,
    run_at: datetime | None = None,
    reason: str | None = None,
) -> None:
    """Change the priority, the queue or the start of a job that waits; all of it or nothing.

    Raises:
        NotFound, Invalid
        Conflict: it does not wait any more
    """
    if sentence := problem_of_start(run_at, now=now()):
        raise Invalid({"run_at": sentence})
    if queue is not None:
        check_queue(person, queries.job_of(person, uid).kind, queue)
    by = requester(person.id)

    def do() -> None:
        with transaction():
            if priority is not None:
                engine_of().reprioritise(uid, priority, by=by, reason=reason)
            if queue is not None:
                engine_of().move(uid, queue, by=by, reason=reason)
            if run_at is not None:
                engine_of().reschedule(uid, run_at, by=by, reason=reason)

    _done(person, uid, do)


def reveal(person: Person, uid: str, *, reason: str | None = None) -> Entry:
    """The job, to be told with what is personal in it; that they wanted to see it is noted.

    Raises:
        NotFound, NotAllowed
    """
    entry = queries.job_of(person, uid)
    if not steers_all_jobs(person):
        raise NotAllowed("Operators and admins may reveal what is masked.")
    details = {"kind": entry.kind, "reason": reason}
    engine_of().audit.note(by=requester(person.id), action="reveal", subject=f"job {uid}", details=details)
    return entry


def startable(person: Person, kind: str) -> Job:
    """The kind of this name, which they may start: one that is for people; only admins start the others.

    Raises:
        Invalid: there is none, or it is not theirs to start; the field is "kind"
    """
    if not is_for_people(kind) and not manages_all_jobs(person):
        raise Invalid({"kind": UNKNOWN_KIND})
    try:
        return engine_of().job_named(kind)
    except UnknownJob:
        raise Invalid({"kind": UNKNOWN_KIND}) from None


def is_for_people(kind: str) -> bool:
    """Whether everybody may start it; the others are for admins."""
    return kind in _for_people()


def fitting(person: Person, job: Job, args: Mapping[str, Any], *, later: Collection[str] = ()) -> Mapping[str, Any]:
    """The arguments as they are stored, which the kind takes; those named in `later` may come later.

    Raises:
        Invalid: the fields are "args", "args.x"
    """
    if wrong := problem_of_args(args):
        raise Invalid({"args": wrong})
    check = _checks().get(job.name)
    try:
        job.check(args, later=later)
        return args if check is None else check(person, args)
    except BadArguments as error:
        raise Invalid({f"args.{name[:80]}": f"It {what}." for name, what in error.errors.items()}) from None
    except Invalid as error:
        raise Invalid({f"args.{name}" if name else "args": text for name, text in error.errors.items()}) from None


def check_queue(person: Person, kind: str, queue: str | None) -> None:
    """Return when they may put jobs of this kind there: its own queue is everybody's, operators may choose another one.

    What else is put into a queue is taken by all of its workers, and stands before what others wait for there.

    Raises:
        Invalid: it is not theirs to choose, or there is none; the field is "queue"
    """
    engine = engine_of()
    if queue is None or (kind in engine.jobs and queue == engine.jobs[kind].queue_name):
        return
    if not steers_all_jobs(person):
        raise Invalid({"queue": "Only operators choose another queue than the kind's own."})
    if queue not in engine.queues:
        raise Invalid({"queue": f"Choose one of: {', '.join(engine.queues)}."})


def note_starts(person: Person, started: Sequence[tuple[JobRequest, str]]) -> None:
    """Add to the audit log what was started of the kinds that are not for people; make it the transaction's last."""
    of_staff: dict[str, list[tuple[JobRequest, str]]] = {}
    for request, uid in started:
        if not is_for_people(request.job.name):
            of_staff.setdefault(request.job.name, []).append((request, uid))
    for kind, some in of_staff.items():
        request, uid = some[0]
        told: dict[str, Any] = {"kind": kind, "after": masked(without_secrets(dict(request.args)))}
        many: dict[str, Any] = {"jobs": len(some), "ids": [one for _, one in some[:MOST_NAMED]]}
        subject, details = (f"job {uid}", told) if len(some) == 1 else (f"kind {kind}", many)
        engine_of().audit.note(by=requester(person.id), action="start", subject=subject, details=details)


def _for_people() -> Mapping[str, Check]:
    for_people: Mapping[str, Check] = current_app.extensions["for_people"]
    return for_people


def _checks() -> Mapping[str, Check]:
    for_staff: Mapping[str, Check] = current_app.extensions["for_staff"]
    return {**for_staff, **_for_people()}


def _done(person: Person, uid: str, do: Callable[[], bool | None]) -> bool | None:
    entry = queries.job_of(person, uid)
    if entry.requested_by != requester(person.id) and not steers_all_jobs(person):
        raise NotAllowed("You may see this job, and not act on it.")
    try:
        return do()
    except NoSuchJob:
        raise NotFound(queries.NOT_THERE) from None
    except WrongState as error:
        raise Conflict(str(error)) from None


def _requests(person: Person, drafts: Sequence[Draft]) -> tuple[list[JobRequest], dict[int, Refused]]:
    """The jobs that can be taken, in order, and by place what is wrong with the others."""
    moment, by, request_id = now(), requester(person.id), logs.field("request_id")
    requests: list[JobRequest] = []
    refused: dict[int, Refused] = {}
    for place, draft in enumerate(drafts):
        try:
            job, args = _checked(person, draft, moment)
        except Invalid as error:
            refused[place] = Refused(error.errors)
            continue
        requests.append(
            JobRequest(
                job,
                args,
                priority=draft.priority,
                queue=draft.queue,
                run_at=draft.run_at,
                expires_at=draft.expires_at,
                unique=draft.unique and f"{by}:{draft.unique}",
                requested_by=by,
                request_id=request_id,
            )
        )
    return requests, refused


def _checked(person: Person, draft: Draft, moment: datetime) -> tuple[Job, Mapping[str, Any]]:
    job = startable(person, draft.kind)
    if wrong := problems_of(draft, now=moment):
        raise Invalid(wrong)
    check_queue(person, job.name, draft.queue)
    return job, fitting(person, job, draft.args)


def _written(person: Person, requests: Sequence[JobRequest]) -> list[str]:
    with transaction() as session:
        uids = engine_of().write_down(session, requests)
        note_starts(person, list(zip(requests, uids, strict=True)))
        return uids
