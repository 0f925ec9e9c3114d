"""What people can do with workflows."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from app import logs
from app.background.services import check_queue, fitting, is_for_people, startable
from app.db import transaction
from app.errors import Conflict, Invalid, NotFound
from app.once import Sent, once, print_of
from app.security import Person, requester
from jobs import (
    FROM_PARENTS,
    FROM_THE_STEP,
    NoSuchWorkflow,
    Part,
    Step,
    Workflow,
    WrongState,
    chain,
    chord,
    engine_of,
    group,
)

from . import queries

SHAPES = ("chain", "group", "chord", "steps")
MOST_STEPS = 1_000


def start(person: Person, given: Mapping[str, Any], *, key: str | None = None) -> Sent:
    """Write a workflow down whole, described by the words of the API. With a `key`, sent twice it is made once.

    Raises:
        Invalid: the fields are named "chain.3.args.x"
    """
    return once(person.id, lambda: [_started(person, given)], key=key, content_print=print_of(given) if key else "")


def _started(person: Person, given: Mapping[str, Any]) -> str:
    said = [name for name in SHAPES if name in given]
    if len(said) != 1:
        raise Invalid({"": f"Give exactly one of {', '.join(SHAPES)}."})
    steps = Reader(person)
    try:
        flow = _workflow(given, said[0], steps)
        if steps.wrong:
            raise Invalid(steps.wrong)
        by, request_id = requester(person.id), logs.field("request_id")
        with transaction() as session:
            uid = engine_of().workflows.start(session, flow, requested_by=by, request_id=request_id)
            if steps.of_staff:
                details = {"name": flow.name, "kinds": sorted(steps.of_staff)}
                engine_of().audit.note(by=by, action="start", subject=f"workflow {uid}", details=details)
            return uid
    except ValueError as error:
        text = str(error).removeprefix(f"{given.get('name', '')}: ")
        raise Invalid({said[0]: f"This cannot be a workflow: {text}."}) from None


def cancel(person: Person, uid: str, *, reason: str | None = None) -> None:
    """Cancel what waits at once, and ask what runs to end.

    Raises:
        NotFound
        Conflict: it is over, or is being undone
    """
    queries.workflow_of(person, uid)
    try:
        engine_of().workflows.cancel(uid, by=requester(person.id), reason=reason)
    except NoSuchWorkflow:
        raise NotFound(queries.NOT_THERE) from None
    except WrongState as error:
        raise Conflict(str(error)) from None


def retry(person: Person, uid: str, *, reason: str | None = None) -> None:
    """Run the steps again that failed or were cancelled; those that succeeded keep their results.

    Raises:
        NotFound
        Conflict: nothing of it could run again
    """
    queries.workflow_of(person, uid)
    try:
        engine_of().workflows.retry(uid, by=requester(person.id), reason=reason)
    except NoSuchWorkflow:
        raise NotFound(queries.NOT_THERE) from None
    except WrongState as error:
        raise Conflict(str(error)) from None


class Reader:
    """Reads steps as a person asks for them.

    `wrong` holds a sentence by field for each that cannot be taken, `of_staff` the kinds that are not for people.
    """

    def __init__(self, person: Person) -> None:
        self._person = person
        self.wrong: dict[str, str] = {}
        self.of_staff: set[str] = set()

    def many(self, given: Sequence[Mapping[str, Any]], place: str) -> list[Step]:
        """Those of the steps that can be taken."""
        read = (self.one(step, f"{place}.{number}") for number, step in enumerate(given))
        return [step for step in read if step is not None]

    def one(
        self, given: Mapping[str, Any], place: str, *, later: Collection[str] = FROM_PARENTS, **options: Any
    ) -> Step | None:
        """The step; None when it cannot be taken."""
        undo = given.get("undo")
        try:
            job = startable(self._person, given["kind"])
            args = fitting(self._person, job, given["args"], later=later)
            check_queue(self._person, job.name, given.get("queue"))
            self.of_staff |= set() if is_for_people(job.name) else {job.name}
            return Step(
                job,
                args,
                name=given.get("name"),
                priority=given.get("priority"),
                queue=given.get("queue"),
                undo=None if undo is None else self.one(undo, f"{place}.undo", later=FROM_THE_STEP),
                **options,
            )
        except Invalid as error:
            self.wrong |= {f"{place}.{field}": sentence for field, sentence in error.errors.items()}
        except ValueError as error:
            self.wrong[f"{place}.name"] = f"{error}."
        return None


def _workflow(given: Mapping[str, Any], shape: str, steps: Reader) -> Workflow:
    part: Part | None = None
    if shape == "chord":
        header = steps.many(given["chord"]["header"], "chord.header")
        callback = steps.one(given["chord"]["callback"], "chord.callback")
        part = chord(header, callback) if header and callback else None
    elif shape != "steps" and (found := steps.many(given[shape], shape)):
        part = chain(*found) if shape == "chain" else group(*found)
    flow = Workflow(given["name"], part, on_failure=given["on_failure"])
    for number, one in enumerate(given.get("steps", ())):
        if step := steps.one(one, f"steps.{number}"):
            flow.add(step, after=one["after"])
    return flow
