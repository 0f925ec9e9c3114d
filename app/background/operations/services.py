"""What operators do: pause, limit, and the same to many jobs at once."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Literal, TypeVar

from app.background.drafts import problem_of_start
from app.clock import now
from app.errors import Conflict, Invalid, NotAllowed, NotFound, Unavailable
from app.security import Person, requester, steers_all_jobs
from jobs import (
    Action,
    BulkRequest,
    Kept,
    Limits,
    NoSuchError,
    NoSuchOperation,
    NoSuchWorker,
    Preview,
    RedisAway,
    Selection,
    UnknownJob,
    WrongState,
    engine_of,
)

from . import queries

Lane = tuple[Literal["queue", "kind"], str]
"""A queue or a kind, by its name."""
T = TypeVar("T")
FINGERPRINT = re.compile(r"[0-9a-f]{16}")
NO_ERROR = "There is no job with this error."


def pause(person: Person, lane: Lane, *, reason: str | None = None, until: datetime | None = None) -> None:
    """Let nothing more start there, for good or until then; what runs goes on.

    Raises:
        NotFound, Invalid
    """
    _check_may_act(person)
    if until is not None and until <= now():
        raise Invalid({"until": "It must be later than now."})
    if sentence := problem_of_start(until, now=now()):
        raise Invalid({"until": sentence})
    _there(lane, lambda: engine_of().pause(lane, by=requester(person.id), reason=reason, until=until))


def resume(person: Person, lane: Lane, *, reason: str | None = None) -> None:
    """Let jobs start there again. Raises NotFound."""
    _check_may_act(person)
    _there(lane, lambda: engine_of().resume(lane, by=requester(person.id), reason=reason))


def limit(person: Person, lane: Lane, limits: Limits, *, reason: str | None = None) -> None:
    """Decide how many jobs may run there at a time, and how many may start in a while.

    Raises:
        NotFound, Invalid
    """
    _check_may_act(person)
    if (limits.rate_count is None) != (limits.rate_period_s is None):
        raise Invalid({"rate_period_s": "It goes with rate_count: give both or none."})
    _there(lane, lambda: engine_of().limit(lane, limits, by=requester(person.id), reason=reason))


def preview(request: BulkRequest) -> Preview:
    """The jobs that an operation would meet. Raises Invalid."""
    return _sensible(lambda: queries.preview_of(request))


def start(person: Person, request: BulkRequest, *, reason: str | None = None) -> str:
    """Have something done to many jobs in the background; the operation's public id. What is deleted is for admins.

    Raises:
        Invalid, NotAllowed
    """
    _check_may_act(person)
    if request.action is Action.DELETE and not person.may("manage"):
        raise NotAllowed("Only admins delete jobs.")
    return _sensible(lambda: engine_of().bulk.start(request, by=requester(person.id), reason=reason))


def retry_error(person: Person, fingerprint: str, *, reason: str | None = None) -> str:
    """Have all jobs run again that ended with this error; the operation's public id.

    Raises:
        NotFound: there is no such job
    """
    _check_may_act(person)
    request = BulkRequest(Action.RETRY, Selection(fingerprint=fingerprint))
    if not FINGERPRINT.fullmatch(fingerprint) or not queries.preview_of(request).count:
        raise NotFound("There is no job with this error that could run again.")
    return engine_of().bulk.start(request, by=requester(person.id), reason=reason)


def mute_error(person: Person, fingerprint: str, *, reason: str | None = None) -> None:
    """Hide an error until another version runs. Raises NotFound."""
    _check_may_act(person)
    try:
        engine_of().mute(_print(fingerprint), by=requester(person.id), reason=reason)
    except NoSuchError:
        raise NotFound(NO_ERROR) from None


def unmute_error(person: Person, fingerprint: str, *, reason: str | None = None) -> None:
    """Show an error again; what is not hidden stays as it is. Raises NotFound."""
    _check_may_act(person)
    engine_of().unmute(_print(fingerprint), by=requester(person.id), reason=reason)


def cancel(person: Person, uid: str, *, reason: str | None = None) -> bool:
    """Stop an operation: at once (True), or after the chunk it is at (False).

    Raises:
        NotFound
        Conflict: it is over
    """
    _check_may_act(person)
    return _allowed(uid, lambda: engine_of().bulk.cancel(uid, by=requester(person.id), reason=reason))


def undo(person: Person, uid: str, *, reason: str | None = None) -> str:
    """Have the jobs of an operation put back as they were; the public id of the operation that does it.

    Raises:
        NotFound
        Conflict: it is not over, was undone before, or there is no way back
    """
    _check_may_act(person)
    return _allowed(uid, lambda: engine_of().bulk.undo(uid, by=requester(person.id), reason=reason))


def wish(person: Person, name: str, wish: str, *, reason: str | None = None) -> None:
    """Have a process be quiet, go on, or stop: its next beat hears of it.

    Raises:
        NotFound
        Conflict: it takes no jobs, and can only be stopped
    """
    _check_may_act(person)
    _of_worker(lambda: engine_of().crew.wish(name, wish, by=requester(person.id), reason=reason))


def forget_worker(person: Person, name: str, *, reason: str | None = None) -> None:
    """Take a process that fell silent off the list; one that lives comes back with its next beat. Raises NotFound."""
    _check_may_act(person)
    _of_worker(lambda: engine_of().crew.forget(name, by=requester(person.id), reason=reason))


def repair(person: Person, name: str, *, reason: str | None = None) -> Kept:
    """Put right what breaks a promise of the engine; how it stands then. Raises NotFound."""
    _check_may_act(person)
    try:
        return engine_of().integrity.mend(name, by=requester(person.id), reason=reason)
    except UnknownJob:
        raise NotFound("There is no such promise, or nothing mends it.") from None


def tidy_up_broker(person: Person, *, reason: str | None = None) -> int:
    """Remove from Redis what nobody holds, and wake workers for all that is ready; how many messages were removed.

    Raises:
        Unavailable: Redis is away
    """
    _check_may_act(person)
    try:
        return engine_of().leftovers.tidy_up(by=requester(person.id), reason=reason)
    except RedisAway as error:
        raise Unavailable(str(error)) from None


def _check_may_act(person: Person) -> None:
    if not steers_all_jobs(person):
        raise NotAllowed("Operators and admins may do that.")


def _of_worker(do: Callable[[], None]) -> None:
    try:
        do()
    except NoSuchWorker:
        raise NotFound(queries.NO_WORKER) from None
    except WrongState as error:
        raise Conflict(str(error)) from None


def _print(fingerprint: str) -> str:
    if not FINGERPRINT.fullmatch(fingerprint):
        raise NotFound(NO_ERROR)
    return fingerprint


def _there(lane: Lane, do: Callable[[], object]) -> None:
    try:
        do()
    except UnknownJob:
        raise NotFound(f"There is no such {lane[0]}.") from None


def _sensible(do: Callable[[], T]) -> T:
    try:
        return do()
    except ValueError as error:
        field, _, sentence = str(error).partition(": ")
        raise Invalid({field: f"{sentence[:1].upper()}{sentence[1:]}."}) from None


def _allowed(uid: str, do: Callable[[], T]) -> T:
    queries.operation(uid)
    try:
        return do()
    except NoSuchOperation:
        raise NotFound("There is no such operation. It may have been forgotten.") from None
    except WrongState as error:
        raise Conflict(str(error)) from None
