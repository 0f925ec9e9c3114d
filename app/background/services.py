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
from app.security import Person, requester, steers_all_jobs
from jobs import BadArguments, Job, JobRequest, NoSuchJob, UnknownJob, WrongState, engine_of

from . import queries
from .drafts import Draft, fingerprint_of, problem_of_args, problem_of_start, problems_of

UNKNOWN_KIND = "There is no such kind, or it is not yours to start."

Check = Callable[[Person, Mapping[str, Any]], Mapping[str, Any]]
"""Of a kind that people may start: the arguments as they are stored. Raises Invalid."""


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
        return _written(requests)

    return once(person.id, make, key=key, content_print=fingerprint_of(drafts) if key else "")


def start_some(person: Person, drafts: Mapping[int, Draft]) -> dict[int, str | Refused]:
    """Write down those of the jobs that can be taken, with one statement: by number its public id, or what is wrong."""
    requests, refused = _requests(person, list(drafts.values()))
    uids = iter(_written(requests) if requests else ())
    return {number: refused.get(place) or next(uids) for place, number in enumerate(drafts)}


def cancel(person: Person, uid: str) -> bool:
    """Cancel a job: at once while it waits (True), by asking it to end while it runs (False).

    Raises:
        NotFound
        Conflict: it is over
    """
    return bool(_done(person, uid, lambda: engine_of().cancel(uid, by=requester(person.id))))


def withdraw(person: Person, uid: str) -> None:
    """Cancel a job that waits; what runs goes on.

    Raises:
        NotFound
        Conflict: it runs, or is over
    """
    _done(person, uid, lambda: engine_of().cancel(uid, by=requester(person.id), if_running=False))


def retry(person: Person, uid: str) -> None:
    """Make a job that failed or was cancelled ready again.

    Raises:
        NotFound
        Conflict: it waits, runs or succeeded
    """
    _done(person, uid, lambda: engine_of().retry(uid, by=requester(person.id)))


def change(
    person: Person,
    uid: str,
    *,
    priority: int | None = None,
    queue: str | None = None,
    run_at: datetime | None = None,
) -> None:
    """Change the priority, the queue or the start of a job that waits; all of it or nothing.

    Raises:
        NotFound, Invalid
        Conflict: it does not wait any more
    """
    if sentence := problem_of_start(run_at, now=now()):
        raise Invalid({"run_at": sentence})
    if sentence := _problem_of_queue(queue):
        raise Invalid({"queue": sentence})
    by = requester(person.id)

    def do() -> None:
        with transaction():
            if priority is not None:
                engine_of().reprioritise(uid, priority, by=by)
            if queue is not None:
                engine_of().move(uid, queue, by=by)
            if run_at is not None:
                engine_of().reschedule(uid, run_at, by=by)

    _done(person, uid, do)


def startable(person: Person, kind: str) -> Job:
    """The kind of this name, which they may start: one that is for people; admins start any.

    Raises:
        Invalid: there is none, or it is not theirs to start; the field is "kind"
    """
    if kind not in _for_people() and not steers_all_jobs(person):
        raise Invalid({"kind": UNKNOWN_KIND})
    try:
        return engine_of().job_named(kind)
    except UnknownJob:
        raise Invalid({"kind": UNKNOWN_KIND}) from None


def fitting(person: Person, job: Job, args: Mapping[str, Any], *, later: Collection[str] = ()) -> Mapping[str, Any]:
    """The arguments as they are stored, which the kind takes; those named in `later` may come later.

    Raises:
        Invalid: the fields are "args", "args.x"
    """
    if wrong := problem_of_args(args):
        raise Invalid({"args": wrong})
    check = _for_people().get(job.name)
    try:
        job.check(args, later=later)
        return args if check is None else check(person, args)
    except BadArguments as error:
        raise Invalid({f"args.{name[:80]}": f"It {what}." for name, what in error.errors.items()}) from None
    except Invalid as error:
        raise Invalid({f"args.{name}" if name else "args": text for name, text in error.errors.items()}) from None


def _for_people() -> Mapping[str, Check]:
    for_people: Mapping[str, Check] = current_app.extensions["for_people"]
    return for_people


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
    if sentence := _problem_of_queue(draft.queue):
        raise Invalid({"queue": sentence})
    return job, fitting(person, job, draft.args)


def _problem_of_queue(queue: str | None) -> str | None:
    queues = engine_of().queues
    return None if queue is None or queue in queues else f"Choose one of: {', '.join(queues)}."


def _written(requests: Sequence[JobRequest]) -> list[str]:
    with transaction() as session:
        return engine_of().write_down(session, requests)
