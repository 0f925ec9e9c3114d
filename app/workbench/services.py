"""What can be done on the workbench: starting kinds, and the work behind each of them."""

import logging
import math
import platform
import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from app import logs
from app.accounts.addresses import address_key, read_address
from app.accounts.models import SignInSession, User
from app.background.services import note_starts
from app.clock import now
from app.db import reading, transaction
from app.errors import Conflict, Invalid, NotAllowed
from app.limits import Limit, take
from app.mail import Letter, MailRefused, send
from app.security import Person, requester
from app.text import one_line, plain_text
from jobs import (
    BadArguments,
    GiveUp,
    Job,
    JobRequest,
    OnFailure,
    SoftLimit,
    Step,
    Workflow,
    WrongState,
    chain,
    chord,
    current,
    engine_of,
    group,
)

from . import chunks, kinds, queries
from .kinds import Kind
from .models import SamplePerson

log = logging.getLogger("metronome.workbench")

STARTS = Limit("workbench", times=240, per=timedelta(minutes=10))
NAP_S = 0.05
KEEP_EVERY_S = 1.0
NOWHERE = "sample.invalid"
"""A domain that never exists (RFC 2606): what is sent to made-up people reaches nobody."""


# -- starting ----------------------------------------------------------------------------------------------------------


def start(person: Person, kind: Kind, args: Mapping[str, Any], *, priority: int | None = None) -> str:
    """Have a kind run; the public id of its job or workflow.

    Raises:
        Invalid: the arguments are not right
        NotAllowed: it is for admins
        TooMany
    """
    checked = check(person, kind, args)
    take(STARTS, str(person.id))
    with transaction() as session:
        if kind.is_flow:
            return start_flow(session, kind, checked, by=requester(person.id))
        return _written(session, person, [_request(person, kind, checked, priority)])[0]


def start_many(person: Person, wanted: Sequence[tuple[Kind, Mapping[str, Any], int | None]]) -> list[str]:
    """Have all of these run, whose arguments were checked: one transaction, and one wake-up when it commits.

    Raises:
        TooMany
    """
    take(STARTS, str(person.id))
    with transaction() as session:
        return _written(session, person, [_request(person, *one) for one in wanted])


def check(person: Person, kind: Kind, args: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as they are stored.

    Raises:
        Invalid, NotAllowed
    """
    if kind.is_for_staff and not has_staff_rights(person):
        raise NotAllowed("This token does not have the scope admin." if person.is_admin else "This is for admins.")
    return _checked(kind, args)


def _checked(kind: Kind, args: Mapping[str, Any]) -> dict[str, Any]:
    try:
        taker(kind).check(args)
    except BadArguments as error:
        raise Invalid({name[:40]: f"It {what}." for name, what in error.errors.items()}) from None
    if wrong := kind.problems(args):
        raise Invalid(wrong)
    return _cleaned(kind, args)


def checker(kind: Kind) -> Callable[[Person, Mapping[str, Any]], dict[str, Any]]:
    """What checks the arguments of this kind where it is started beside the workbench, by whoever may."""
    return lambda _person, args: _checked(kind, args)


def as_given(_person: Person, args: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments of a step, of which their types say enough."""
    return args


def taker(kind: Kind) -> Job:
    """What says which arguments a kind takes: its job, or, of a workflow, the function that shapes it."""
    return Job(kind.job_name, SHAPES[kind.name], queue_name="") if kind.is_flow else _job(kind.name)


def argument_schemas() -> dict[str, dict[str, Any]]:
    """What each kind is given, as JSON schemas by the name of `schema_name`; what has a usual value may be left out."""
    return {kind.schema_name: _argument_schema(kind) for kind in kinds.ALL}


def _argument_schema(kind: Kind) -> dict[str, Any]:
    told, usual = taker(kind).told()["arguments"], kind.usual()
    properties = {
        name: {**schema, "default": usual[name]} if name in usual else schema
        for name, schema in told["properties"].items()
    }
    required = [name for name in told["required"] if name not in usual]
    # A list of what is required must not be empty where OpenAPI 3.0 is read.
    return {"type": "object", "properties": properties, "additionalProperties": told["additionalProperties"]} | (
        {"required": required} if required else {}
    )


def has_staff_rights(person: Person) -> bool:
    """Whether they act as an admin: in their browser, or with a token that may do all that admins may."""
    return person.is_admin and (person.session_id is not None or "admin" in person.scopes)


def cancel(person: Person, uid: str) -> bool:
    """Cancel a job or a workflow of theirs: True when it will not run any more, False when it was asked to end.

    Raises:
        NotFound
        Conflict: it is over
    """
    is_flow = queries.is_flow(uid)
    row = queries.flow_of(person, uid) if is_flow else queries.job_of(person, uid)
    try:
        if is_flow:
            engine_of().workflows.cancel(uid, by=requester(person.id))
            return False
        return engine_of().cancel(row.uid, by=requester(person.id))
    except WrongState:
        raise Conflict("It is over already.") from None


def _written(session: Session, person: Person, requests: Sequence[JobRequest]) -> list[str]:
    uids = engine_of().write_down(session, requests)
    note_starts(person, list(zip(requests, uids, strict=True)))
    return uids


def _request(person: Person, kind: Kind, args: Mapping[str, Any], priority: int | None) -> JobRequest:
    return JobRequest(
        _job(kind.name),
        args,
        subject_kind=queries.SUBJECT,
        subject_id=person.id,
        priority=priority,
        requested_by=requester(person.id),
        request_id=logs.field("request_id"),
    )


def _cleaned(kind: Kind, args: Mapping[str, Any]) -> dict[str, Any]:
    """Texts as they can be kept and sent; addresses as they can be reached."""
    found, wrong = dict(args), {}
    for name, value in args.items():
        try:
            if isinstance(value, str):
                bounds = kind.bounds.get(name)
                has_lines = bounds is not None and bounds.has_lines
                found[name] = plain_text(value) if has_lines else one_line(value, longest=1_000)
                if not found[name]:
                    raise ValueError("It is empty.")
            elif name == "recipients":
                found[name] = list(dict.fromkeys(read_address(one) for one in value))
        except ValueError as error:
            wrong[name] = str(error)
    if wrong:
        raise Invalid(wrong)
    return found


# -- simple ------------------------------------------------------------------------------------------------------------


def debug() -> dict[str, Any]:
    """Which job this is, and where it runs."""
    run = current()
    return {
        "job": run.uid,
        "attempt": run.attempt,
        "host": platform.node(),
        "python": platform.python_version(),
        "database": reading().get_bind().dialect.name,
    }


def try_luck(fail_probability: float) -> dict[str, Any]:
    """Fail with this probability; else how many attempts it took."""
    if random.random() < fail_probability:  # noqa: S311 -- chance is all that is wanted
        raise RuntimeError("Bad luck. It is tried again, later and later.")
    return {"attempts": current().attempt, "fail_probability": fail_probability}


# -- workflows ---------------------------------------------------------------------------------------------------------


def start_flow(session: Session, kind: Kind, args: Mapping[str, Any], *, by: str) -> str:
    """Write a workflow of this kind down; its public id."""
    flow = Workflow(
        kind.job_name,
        SHAPES[kind.name](**args),
        success_callback=_job("on_success"),
        failure_callback=_job("on_failure"),
    )
    return engine_of().workflows.start(session, flow, requested_by=by, request_id=logs.field("request_id"))


def _chain(value: int, fail_at: int = 0) -> Any:
    first = Step(_job("workflow_step_1"), {"value": value, "fail_at": fail_at})
    return chain(first, *(Step(_job(f"workflow_step_{number}"), {"fail_at": fail_at}) for number in (2, 3)))


def _group(numbers: list[float]) -> Any:
    return group(*(Step(_job("add"), {"x": number, "y": number}) for number in numbers))


def _chord(data: list[float], chunk_size: int) -> Any:
    parts = enumerate(chunks.cut(data, chunk_size), 1)
    members = [Step(_job("process_data_chunk"), {"chunk_id": number, "data": part}) for number, part in parts]
    return chord(members, Step(_job("aggregate_results")))


SHAPES: Mapping[str, Callable[..., Any]] = {"chain": _chain, "group": _group, "chord": _chord}


def _job(name: str) -> Job:
    return engine_of().job_named(f"{kinds.WORKBENCH}.{name}")


def step(number: int, value: int, *, fail_at: int) -> dict[str, int]:
    """What a step of the chain finds. Raises GiveUp at the step that shall fail."""
    if number == fail_at:
        raise GiveUp(f"Step {number} was asked to fail.")
    return {"step": number, "value": value}


def value_of(results: Sequence[Any]) -> int:
    """What the step before found. Raises GiveUp when it found nothing that a step finds."""
    if len(results) == 1 and isinstance(results[0], Mapping) and isinstance(results[0].get("value"), int):
        return int(results[0]["value"])
    raise GiveUp("The step before found nothing to go on with.")


def note_success(results: Sequence[Any]) -> dict[str, Any]:
    """Write down, in the log and as a result, that a workflow went well."""
    log.info("workflow succeeded", extra={"job": current().uid, "results": len(results)})
    return {"succeeded": True, "results": list(results)[:20]}


def note_failure(failures: Mapping[str, str]) -> dict[str, Any]:
    """Write down, in the log and as a result, what went wrong in a workflow."""
    log.warning("workflow failed", extra={"job": current().uid, "failures": dict(failures)})
    return {"succeeded": False, "failures": dict(failures)}


# -- long --------------------------------------------------------------------------------------------------------------


def take_steps(total_steps: int, *, step_ms: int) -> dict[str, Any]:
    """Wait so many steps, from the last one that an earlier attempt kept."""
    run = current()
    first = int(run.checkpoint or 0)
    kept_at = time.monotonic()
    for done in range(first, total_steps):
        _wait(step_ms / 1000, run.check_cancelled)
        run.progress(done + 1, total_steps, note=f"Step {done + 1} of {total_steps}")
        if time.monotonic() - kept_at >= KEEP_EVERY_S:
            run.keep(done + 1)
            kept_at = time.monotonic()
    return {"steps": total_steps, "begun_at_step": first, "attempts": run.attempt}


def work_until_told(duration_s: float) -> dict[str, Any]:
    """Work for so long; told to end before, it ends tidily."""
    began = time.monotonic()
    try:
        _wait(duration_s, current().check_cancelled)
    except SoftLimit:
        return {"finished": False, "worked_s": round(time.monotonic() - began, 1), "wanted_s": duration_s}
    return {"finished": True, "worked_s": round(time.monotonic() - began, 1), "wanted_s": duration_s}


def compute(duration_s: float) -> dict[str, float]:
    """Compute for so many seconds without looking left or right."""
    began, value, rounds = time.monotonic(), 0.0, 0
    while time.monotonic() - began < duration_s:
        value = math.sin(value + rounds)
        rounds += 1
    return {"seconds": round(time.monotonic() - began, 1), "rounds": rounds}


def _wait(duration_s: float, check: Any) -> None:
    until = time.monotonic() + duration_s
    while (left_s := until - time.monotonic()) > 0:
        check()
        time.sleep(min(NAP_S, left_s))


# -- data --------------------------------------------------------------------------------------------------------------


def process_chunk(chunk_id: int, data: Sequence[float]) -> dict[str, Any]:
    """The summary of a chunk. Raises GiveUp when there is nothing in it."""
    if not data:
        raise GiveUp("There is nothing in this chunk.")
    return chunks.summary(chunk_id, data)


def aggregate(results: Sequence[Any]) -> dict[str, Any]:
    """What summaries come to as a whole. Raises GiveUp when they are none."""
    try:
        return chunks.together(results)
    except ValueError as error:
        raise GiveUp(str(error)) from None


# -- people ------------------------------------------------------------------------------------------------------------


def create_people(count: int, *, prefix: str) -> dict[str, Any]:
    """Make so many accounts without a password, in the transaction that finishes the job: all of them once, or none."""
    job_uid, at = current().uid, now()
    addresses = [f"{prefix.replace(' ', '-').lower()}-{n}.{job_uid[-12:]}@{NOWHERE}" for n in range(1, count + 1)]
    rows = [
        {
            "email": address,
            "email_key": address_key(address),
            "name": f"{prefix} {number}",
            "zone": "UTC",
            "is_admin": False,
            "theme": "system",
            "live_updates": True,
            "created_at": at,
        }
        for number, address in enumerate(addresses, 1)
    ]
    with transaction() as session:
        ids = session.scalars(insert(User).returning(User.id), rows).all()
        session.execute(insert(SamplePerson), [{"user_id": one, "made_at": at} for one in ids])
    return {"created": count, "first": addresses[0], "last": addresses[-1], "user_ids": sorted(ids)[:20]}


def clean_up_people(days: int, *, preview: bool) -> dict[str, Any]:
    """Delete accounts that the workbench made and nobody used for so many days; with `preview` only count them.

    Who was given a password, made an admin or signed in within these days stays.
    """
    before = now() - timedelta(days=days)
    unused = (
        select(SamplePerson.user_id)
        .join(User, User.id == SamplePerson.user_id)
        .where(
            SamplePerson.made_at <= before,
            User.is_admin.is_(False),
            User.password_hash.is_(None),
            ~select(SignInSession.id)
            .where(SignInSession.user_id == SamplePerson.user_id, SignInSession.seen_at > before)
            .exists(),
        )
    )
    with transaction() as session:
        if preview:
            return {"preview": True, "found": len(session.scalars(unused).all()), "deleted": 0}
        gone = session.execute(delete(User).where(User.id.in_(unused)).returning(User.id)).all()
    return {"preview": False, "found": len(gone), "deleted": len(gone)}


# -- mail --------------------------------------------------------------------------------------------------------------


def send_letters(subject: str, message: str, recipients: Sequence[str]) -> dict[str, Any]:
    """Send each recipient a message of their own. Tried again, it goes on with those who have none yet.

    A message of which nobody knows whether the server took it is sent again under the same Message-ID, by which it
    is recognised.

    Raises:
        GiveUp: nobody's message will ever be taken
        MailDelayed: try again
    """
    run = current()
    sent: list[str] = []
    refused: dict[str, str] = {}
    for number, to in enumerate(recipients, 1):
        letter = partial(_send_letter, to=to, subject=subject, text=message)
        answer = run.once(f"letter {number}", letter, again=True)
        if answer.get("refused"):
            refused[to] = answer["refused"]
        else:
            sent.append(answer["message_id"])
        run.progress(number, len(recipients), note=f"{number} of {len(recipients)}")
    if not sent:
        raise GiveUp(next(iter(refused.values()), "There is nobody to send it to."))
    return {"sent": len(sent), "refused": refused, "message_ids": sent}


def _send_letter(key: str, *, to: str, subject: str, text: str) -> dict[str, str]:
    try:
        return {"message_id": send(Letter(to=to, subject=subject, text=text, key=key))}
    except MailRefused as refusal:
        return {"refused": str(refusal)}


def send_to_people(user_ids: Sequence[int], *, subject: str, message: str) -> dict[str, Any]:
    """Start a group of mails in the transaction that finishes this job: one for each person who has an address.

    Raises:
        GiveUp: none of them has one
    """
    addresses = queries.addresses_of(user_ids)
    if not addresses:
        raise GiveUp("None of these people has an e-mail address.")
    letters = [
        Step(_job("send_email"), {"subject": subject, "message": message, "recipients": [address]})
        for address in addresses
    ]
    flow = Workflow("workbench.send_bulk_emails", group(*letters), on_failure=OnFailure.GO_ON)
    job = queries.entry_of(current().uid)
    with transaction() as session:
        uid = engine_of().workflows.start(session, flow, requested_by=job.requested_by, request_id=job.request_id)
    return {"workflow_id": uid, "mails": len(addresses), "without_address": len(set(user_ids)) - len(addresses)}


# -- upkeep ------------------------------------------------------------------------------------------------------------


def health() -> dict[str, Any]:
    """How many workers were heard of lately, and what they have to do."""
    return queries.health()


def clean_up_jobs(days: int) -> dict[str, int]:
    """Forget jobs that settled longer ago than so many days; how many.

    Raises:
        GiveUp: it is less than a day
    """
    if days < 1:
        raise GiveUp("What settled within the last day is kept.")
    return {"deleted": engine_of().prune(keep_s=days * 86_400)}
