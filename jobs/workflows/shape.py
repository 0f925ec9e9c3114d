"""What a workflow looks like: its steps, and which of them wait for which."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from jobs.ledger.flows import OnFailure
from jobs.registry import HIGHEST, LOWEST, Job

MOST_STEPS = 20_000
MOST_LAYERS = 50
LONGEST_STEP_NAME = 60
LONGEST_NAME = 128
ON_SUCCESS = "on success"
FROM_PARENTS = ("parents", "results")
"""What a step's function may take of those it waited for."""
FROM_THE_STEP = ("result",)
"""What the function of an `undo` may take of the step it takes back."""
UNDO = "undo "
"""What the names of compensating steps begin with."""


@dataclass(frozen=True, slots=True)
class Step:
    """One job of a workflow with its arguments by name.

    A function that has a parameter `parents` gets there, by step name, the results of the steps it waited for; with
    a parameter `results`, the same as a list in their order. `undo` is what takes the step back when the workflow
    compensates; its function may have a parameter `result`. It runs in its kind's queue, or in `queue`.

    Raises:
        ValueError
    """

    job: Job
    args: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None
    priority: int | None = None
    run_at: datetime | None = None
    undo: "Step | None" = None
    queue: str | None = None

    def __post_init__(self) -> None:
        if self.name is not None:
            check_name(self.name)
        if self.priority is not None and not HIGHEST <= self.priority <= LOWEST:
            raise ValueError(f"{self.job.name}: priority must be between {HIGHEST} and {LOWEST}")
        if self.run_at is not None and self.run_at.tzinfo is None:
            raise ValueError(f"{self.job.name}: run_at needs a time zone")


@dataclass(frozen=True, slots=True)
class Chain:
    """Parts that run one after the other."""

    parts: tuple["Part", ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Parts that run side by side."""

    parts: tuple["Part", ...]


Part = Step | Job | Chain | Group
"""What workflows are put together from; a bare job is a step without arguments."""


def chain(*parts: Part) -> Chain:
    """The parts one after the other; after a group, the next part waits for all of it.

    Raises:
        ValueError: there are none.
    """
    return Chain(_some(parts, "chain"))


def group(*parts: Part) -> Group:
    """The parts side by side.

    Raises:
        ValueError: there are none.
    """
    return Group(_some(parts, "group"))


def chord(members: Iterable[Part], callback: Part) -> Chain:
    """The members side by side, then the callback, once, when all of them have succeeded.

    Raises:
        ValueError: there are no members.
    """
    return chain(group(*members), callback)


@dataclass(frozen=True, slots=True)
class Node:
    """A step in its place: its name, and the names of those it waits for."""

    name: str
    step: Step
    after: tuple[str, ...]


class Workflow:
    """A named graph of steps.

    Made of parts (`Workflow("import", chain(fetch, group(read, check), store))`), or step by step with `step`, or
    both. The success callback runs when every step has succeeded, and the workflow has succeeded when it has; the
    failure callback runs once the workflow has failed, and its function may have a parameter `failures`: by step
    name, what went wrong.
    """

    def __init__(
        self,
        name: str,
        part: Part | None = None,
        *,
        on_failure: OnFailure | str = OnFailure.STOP,
        success_callback: Step | Job | None = None,
        failure_callback: Step | Job | None = None,
    ) -> None:
        if not name or len(name) > LONGEST_NAME:
            raise ValueError(f"a workflow's name has 1 to {LONGEST_NAME} characters")
        self.name = name
        self.on_failure = OnFailure(on_failure)
        self.success_callback = None if success_callback is None else as_step(success_callback)
        self.failure_callback = None if failure_callback is None else as_step(failure_callback)
        self.nodes: dict[str, Node] = {}
        self._numbers: dict[str, itertools.count[int]] = {}
        if part is not None:
            self.add(part)

    def step(
        self,
        name: str,
        job: Job,
        args: Mapping[str, Any] | None = None,
        *,
        after: Sequence[str] = (),
        priority: int | None = None,
        run_at: datetime | None = None,
        undo: Step | None = None,
        queue: str | None = None,
    ) -> Self:
        """Add one step that waits for the steps named in `after`, which may be added later.

        Raises:
            ValueError: the name is taken, or an option is out of range.
        """
        step = Step(job, args or {}, name=name, priority=priority, run_at=run_at, undo=undo, queue=queue)
        return self.add(step, after=after)

    def add(self, part: Part, *, after: Sequence[str] = ()) -> Self:
        """Add a part whose first steps wait for the steps named in `after`.

        Raises:
            ValueError: a name is taken, or the workflow gets too large.
        """
        if isinstance(after, str):
            raise ValueError("after takes a list of step names")
        self._place(part, tuple(dict.fromkeys(after)), layers=0)
        return self

    def _place(self, part: Part, after: tuple[str, ...], *, layers: int) -> tuple[str, ...]:
        """Put the part behind those steps; the names of the steps it ends with."""
        if layers > MOST_LAYERS:
            raise ValueError(f"{self.name}: parts may lie {MOST_LAYERS} deep in each other")
        if isinstance(part, Chain):
            for one in part.parts:
                after = self._place(one, after, layers=layers + 1)
            return after
        if isinstance(part, Group):
            ends = (self._place(one, after, layers=layers + 1) for one in part.parts)
            return tuple(itertools.chain.from_iterable(ends))
        return (self._put(as_step(part), after),)

    def _put(self, step: Step, after: tuple[str, ...]) -> str:
        name = self._free_name(step) if step.name is None else step.name
        if name in self.nodes:
            raise ValueError(f"{self.name}: two steps are called {name}")
        if len(self.nodes) >= MOST_STEPS:
            raise ValueError(f"{self.name}: a workflow has at most {MOST_STEPS} steps")
        self.nodes[name] = Node(name, step, after)
        return name

    def _free_name(self, step: Step) -> str:
        base = step.job.name.rpartition(".")[2][: LONGEST_STEP_NAME - 6]
        numbers = self._numbers.setdefault(base, itertools.count(1))
        names = (base if number == 1 else f"{base} {number}" for number in numbers)
        return next(name for name in names if name not in self.nodes)


def check_name(name: str) -> None:
    """Refuse what cannot be a step's name.

    Raises:
        ValueError
    """
    if not name or len(name) > LONGEST_STEP_NAME:
        raise ValueError(f"a step's name has 1 to {LONGEST_STEP_NAME} characters")
    if name == ON_SUCCESS or name.startswith(UNDO):
        raise ValueError(f"the engine keeps the name {name} for itself")


def as_step(part: Step | Job) -> Step:
    """The step; a bare job is one without arguments."""
    if isinstance(part, Step):
        return part
    if isinstance(part, Job):
        return Step(part)
    raise ValueError(f"a workflow is made of steps and jobs, not of {type(part).__name__}")


def as_workflow(shape: Workflow | Part) -> Workflow:
    """The workflow; bare parts become one that is called after its first step."""
    if isinstance(shape, Workflow):
        return shape
    workflow = Workflow("workflow", shape)
    workflow.name = next(iter(workflow.nodes.values())).step.job.name
    return workflow


def _some(parts: tuple[Part, ...], what: str) -> tuple[Part, ...]:
    if not parts:
        raise ValueError(f"a {what} has at least one part")
    if len(parts) > MOST_STEPS:
        raise ValueError(f"a {what} has at most {MOST_STEPS} parts")
    return parts
