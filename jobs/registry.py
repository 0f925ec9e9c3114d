"""Declaring jobs: what exists, before any broker does.

The words are Dramatiq's own: `queue_name`, `priority`, `max_retries`, `min_backoff`, `max_backoff`, `time_limit`
(the last three in milliseconds). `batch_size` is ours: the actor of a batched job takes one list, and gets the
single argument of up to that many jobs in one call and one transaction.
"""

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, get_args

from . import arguments
from .errors import BadArguments


class Unique(StrEnum):
    """How long one job stands for another with the same arguments."""

    WAITING = "waiting"
    """Until it starts: what is asked for while it runs is done once more after it."""
    LIVE = "live"
    """Until it has settled."""


POLICY = (
    "priority",
    "max_retries",
    "min_backoff",
    "max_backoff",
    "time_limit",
    "batch_size",
    "atomic",
    "unique",
    "unique_for",
    "most_running",
    "most_per_key",
    "rate_per_key",
    "circuit_pause",
    "isolate",
    "aliases",
)
TUNABLE = {"max_retries", "min_backoff", "max_backoff", "slow_down"}
"""What of a policy may change while jobs run: it is read anew for every job."""
DEFAULT_PRIORITY = 5
HIGHEST, LOWEST = 0, 9


@dataclass(frozen=True)
class Job:
    """One kind of job. Its name is what the ledger stores; `aliases` are the names it had before."""

    name: str
    run: Callable[..., Any] = field(repr=False)
    queue_name: str
    priority: int = DEFAULT_PRIORITY
    max_retries: int = 3
    min_backoff: int = 15_000
    max_backoff: int = 3_600_000
    time_limit: int = 600_000
    batch_size: int = 1
    atomic: bool = True
    unique: Unique | None = None
    unique_for: int = 0
    concurrency_by: str | None = None
    most_per_key: int = 1
    most_running: int | None = None
    rate: tuple[int, float] | None = None
    rate_per_key: tuple[int, float] | None = None
    gives_up_on: tuple[type[BaseException], ...] = ()
    circuit_pause: int = 0
    isolate: bool = False
    memory_mib: int = 512
    cpu_s: int = 60
    file_mib: int = 64
    slow_down: int = 0
    is_batched: bool = False
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not HIGHEST <= self.priority <= LOWEST:
            raise ValueError(f"{self.name}: priority must be between {HIGHEST} and {LOWEST}")
        if inspect.iscoroutinefunction(self.run):
            raise ValueError(f"{self.name}: a job is an ordinary function, not a coroutine")
        if self.unique_for and self.unique is None:
            raise ValueError(f"{self.name}: unique_for goes with unique")
        if self.concurrency_by and self.concurrency_by not in inspect.signature(self.run).parameters:
            raise ValueError(f"{self.name}: concurrency_by names an argument")
        if self.isolate and (self.is_batched or "<locals>" in self.run.__qualname__):
            raise ValueError(f"{self.name}: an isolated job is a function of a module, and runs alone")
        if self.batch_size < 1:
            raise ValueError(f"{self.name}: batch_size must be at least 1")
        if self.is_batched and len(inspect.signature(self.run).parameters) != 1:
            raise ValueError(f"{self.name}: a batched job takes exactly one list")
        if self.is_batched and not self.atomic:
            raise ValueError(f"{self.name}: a batched job is atomic")
        self._refuse_strange_rates()
        self._refuse_strange_arguments()

    def _refuse_strange_rates(self) -> None:
        if self.rate_per_key and not self.concurrency_by:
            raise ValueError(f"{self.name}: rate_per_key goes with concurrency_by")
        for name in ("rate", "rate_per_key"):
            count, period_s = getattr(self, name) or (1, 1.0)
            if count < 1 or period_s <= 0:
                raise ValueError(f"{self.name}: {name} is how many may start, and in how many seconds")

    def _refuse_strange_arguments(self) -> None:
        for one in self.parameters:
            if strange := arguments.strange_in(one):
                raise ValueError(f"{self.name}: {one.name} cannot be of type {strange}; a job is given what JSON holds")

    @cached_property
    def parameters(self) -> tuple[arguments.Parameter, ...]:
        """What the function takes; of a batched job, what one job of the batch is given."""
        found = arguments.parameters_of(self.run)
        if not self.is_batched:
            return found
        inner = get_args(found[0].type)
        return (arguments.Parameter(found[0].name, inner[0] if inner else Any),)

    def named(self, values: tuple[Any, ...], named_values: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments by name, as a call of the function would bind them.

        Raises:
            BadArguments
        """
        try:
            return arguments.named(self.run, values, named_values)
        except TypeError as error:
            raise BadArguments(self.name, {"arguments": str(error)}) from None

    def check(self, args: Mapping[str, Any], *, later: Collection[str] = ()) -> None:
        """Return when the function takes these arguments; those named in `later`, if missing, are given to it later.

        Raises:
            BadArguments
        """
        if self.is_batched or not later:
            arguments.check(self.name, self.parameters, self.taken(args))
        else:
            missing = {*later} - args.keys()
            arguments.check(self.name, tuple(one for one in self.parameters if one.name not in missing), args)

    def taken(self, args: Mapping[str, Any]) -> Mapping[str, Any]:
        """The arguments under the names that the function has for them.

        One job of a batch is given one of the function's list, and may call it so: `number` of `numbers`.
        """
        if not self.is_batched or len(args) != 1:
            return args
        name = self.parameters[0].name
        return args if name in args else {name if one == name[:-1] else one: value for one, value in args.items()}

    @property
    def owner(self) -> str:
        """Whose it is: the group that declares it."""
        return self.name.partition(".")[0]

    def told(self) -> dict[str, Any]:
        """What people and programs may know of it: whose it is, what it does, what it takes, and its policy."""
        return {
            "owner": self.owner,
            "doc": inspect.getdoc(self.run) or "",
            "arguments": arguments.schema(self.parameters),
            "policy": {**{name: getattr(self, name) for name in POLICY}, "rate_per_key": in_words(self.rate_per_key)},
        }

    def concurrency_key_of(self, args: Mapping[str, Any]) -> str | None:
        """The key of which `most_per_key` run at a time and `rate_per_key` start in a while; None where any may."""
        if self.concurrency_by is None:
            return None
        value = next(iter(args.values()), None) if self.is_batched else args.get(self.concurrency_by)
        return f"{self.name}:{value}"


def in_words(rate: tuple[int, float] | None) -> str | None:
    """How many in how many seconds, as it is said everywhere."""
    return None if rate is None else f"{rate[0]} in {rate[1]:g} s"


class Kinds(dict[str, Job]):
    """The declared kinds by name; a name that one of them had before leads to it, too."""

    def __missing__(self, name: str) -> Job:
        """The kind that was called so."""
        found = next((job for job in self.values() if name in job.aliases), None)
        if found is None:
            raise KeyError(name)
        return found

    def declare(self, job: Job) -> None:
        """Take a kind in, in place of one of the same name.

        Raises:
            ValueError: another one has or had one of its names.
        """
        others = {name for one in self.values() if one.name != job.name for name in (one.name, *one.aliases)}
        if taken := others & {job.name, *job.aliases}:
            raise ValueError(f"{job.name}: another kind is or was called {min(taken)}")
        self[job.name] = job


def names_now(jobs: Mapping[str, Job]) -> dict[str, str]:
    """By the name it had before, the name each kind has now."""
    return {alias: job.name for job in jobs.values() for alias in job.aliases}


class JobGroup:
    """The jobs of one feature, declared without knowing any broker."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.jobs: dict[str, Job] = {}

    def actor(
        self, *, queue_name: str, batch_size: int | None = None, aliases: Sequence[str] = (), **options: Any
    ) -> Callable[[Callable[..., Any]], Job]:
        """Declare the decorated function as a job named `<group>.<function>`.

        Raises:
            ValueError: the name is taken, or an option is out of range.
        """

        if isinstance(aliases, str):
            raise ValueError(f"{self.name}: aliases are a list of names")

        def declare(run: Callable[..., Any]) -> Job:
            job = Job(
                name=f"{self.name}.{run.__name__}",
                run=run,
                queue_name=str(queue_name),
                batch_size=1 if batch_size is None else batch_size,
                is_batched=batch_size is not None,
                aliases=tuple(aliases),
                **options,
            )
            if job.name in self.jobs:
                raise ValueError(f"{job.name} is declared twice")
            self.jobs[job.name] = job
            return job

        return declare

    def __iter__(self) -> Iterator[Job]:
        return iter(self.jobs.values())
