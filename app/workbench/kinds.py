"""What can be tried on the workbench, and within which bounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

LARGEST_NUMBER = 1e12
LONGEST_TRY_MS = 600_000
MOST_PEOPLE = 500
MOST_RECIPIENTS = 20
MOST_LETTERS = 500
MOST_VALUES = 10_000
MOST_MEMBERS = 100
WORKBENCH = "workbench"


class Section(StrEnum):
    """Where a kind stands on the page."""

    SIMPLE = "Simple"
    LONG = "Long and cancellable"
    FAILING = "Failing and limited"
    FLOWS = "Workflows"
    DATA = "Data"
    PEOPLE = "People and mail"
    UPKEEP = "Upkeep"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one argument may be, beside its type: the range of a number or of a text's or list's length; its form."""

    low: float | None = None
    high: float | None = None
    each: "Bounds | None" = None
    has_lines: bool = False
    value: Any = None
    label: str = ""
    hint: str = ""

    def problem(self, value: Any) -> str | None:
        """A sentence about what is wrong with it."""
        if isinstance(value, bool) or value is None:
            return None
        if isinstance(value, int | float):
            return self._problem_of(value, "")
        if isinstance(value, str):
            return "It must be one line." if "\n" in value and not self.has_lines else self._length(value, "characters")
        if isinstance(value, Sequence):
            found = self._length(value, "values")
            each = (self.each.problem(one) for one in value) if self.each and not found else ()
            return found or next(filter(None, each), None)
        return None

    def _length(self, value: Sequence[Any], of: str) -> str | None:
        return self._problem_of(len(value), f" {of}")

    def _problem_of(self, number: float, of: str) -> str | None:
        if (self.low is not None and number < self.low) or (self.high is not None and number > self.high):
            return f"It must be {_said(self.low)} to {_said(self.high)}{of}."
        return None


@dataclass(frozen=True, slots=True)
class Kind:
    """One thing to try: a job, or several that wait for each other (`is_flow`)."""

    name: str
    title: str
    section: Section
    says: str
    bounds: Mapping[str, Bounds] = field(default_factory=dict)
    is_for_staff: bool = False
    is_flow: bool = False

    @property
    def job_name(self) -> str:
        """What the ledger calls its job."""
        return f"{WORKBENCH}.{self.name}"

    @property
    def schema_name(self) -> str:
        """What the API's document calls its arguments: "LongTaskArguments"."""
        return f"{self.name.title().replace('_', '')}Arguments"

    def usual(self) -> dict[str, Any]:
        """What its arguments are when nobody says, as far as there is such a thing."""
        return {name: one.value for name, one in self.bounds.items() if one.value not in (None, [])}

    def problems(self, args: Mapping[str, Any]) -> dict[str, str]:
        """What is out of bounds, a sentence by argument. The types are right by now."""
        found = {name: self.bounds[name].problem(value) for name, value in args.items() if name in self.bounds}
        wrong = {name: sentence for name, sentence in found.items() if sentence}
        if not wrong and self.name == "long_task" and args["total_steps"] * args["step_ms"] > LONGEST_TRY_MS:
            wrong["step_ms"] = "All steps together may take 10 minutes."
        return wrong


def _said(number: float | None) -> str:
    return "any number" if number is None else f"{number:,.0f}" if number == int(number) else f"{number:g}"


NUMBER = Bounds(-LARGEST_NUMBER, LARGEST_NUMBER, value=2)
SUBJECT = Bounds(1, 200, value="Hello", label="Subject")
MESSAGE = Bounds(1, 10_000, has_lines=True, value="A message from the workbench.", label="Message")
DAYS = Bounds(1, 3_650, value=30, label="Days")
PREFIX = Bounds(1, 30, value="sample", label="Prefix", hint="What their names and addresses begin with")

ALL = (
    Kind("add", "Add", Section.SIMPLE, "x + y.", {"x": NUMBER, "y": NUMBER}),
    Kind("multiply", "Multiply", Section.SIMPLE, "x × y.", {"x": NUMBER, "y": NUMBER}),
    Kind("debug_task", "Debug", Section.SIMPLE, "Says where and how it ran: a test of the whole set-up."),
    Kind(
        "long_task",
        "Long task",
        Section.LONG,
        "Waits in steps and tells how far it is. It can be cancelled, and goes on where it was after a crash.",
        {
            "total_steps": Bounds(1, 10_000, value=20, label="Steps"),
            "step_ms": Bounds(0, 60_000, value=250, label="Milliseconds a step"),
        },
    ),
    Kind(
        "time_limited",
        "Soft time limit",
        Section.FAILING,
        "Works for so long. After 25 seconds it is told to end, and ends with a result that says how far it came.",
        {"duration_s": Bounds(0, 600, value=3, label="Seconds")},
    ),
    Kind(
        "hard_limited",
        "Hard time limit",
        Section.FAILING,
        "Works for so long in a process of its own and hears nobody. After 30 seconds that process is ended.",
        {"duration_s": Bounds(0, 600, value=3, label="Seconds")},
    ),
    Kind(
        "retry_task",
        "Retries",
        Section.FAILING,
        "Fails with this probability, is tried again up to three times, later and later, and says how often it took.",
        {"fail_probability": Bounds(0, 1, value=0.5, label="Probability", hint="From 0 to 1")},
    ),
    Kind(
        "chain",
        "Chain",
        Section.FLOWS,
        "Three steps, each with the result of the one before; then a callback that tells of success or of failure.",
        {
            "value": Bounds(-1_000_000, 1_000_000, value=5, label="Value"),
            "fail_at": Bounds(0, 3, value=0, label="Fail at step", hint="0 for never"),
        },
        is_flow=True,
    ),
    Kind(
        "group",
        "Group",
        Section.FLOWS,
        "Additions side by side, one for each number.",
        {"numbers": Bounds(1, MOST_MEMBERS, each=NUMBER, value=[1, 2, 3, 4, 5], label="Numbers")},
        is_flow=True,
    ),
    Kind(
        "chord",
        "Chord",
        Section.FLOWS,
        "Cuts the data into chunks that are worked on side by side, and brings their results together at the end.",
        {
            "data": Bounds(1, MOST_VALUES, each=NUMBER, value=[3, 1, 4, 1, 5, 9, 2, 6], label="Data"),
            "chunk_size": Bounds(1, 1_000, value=3, label="Values a chunk"),
        },
        is_flow=True,
    ),
    Kind(
        "process_data_chunk",
        "Data chunk",
        Section.DATA,
        "Count, sum, smallest, largest and mean of some numbers.",
        {
            "chunk_id": Bounds(0, 1_000_000_000, value=1, label="Chunk number"),
            "data": Bounds(1, MOST_VALUES, each=NUMBER, value=[3, 1, 4, 1, 5], label="Data"),
        },
    ),
    Kind(
        "create_users",
        "Create people",
        Section.PEOPLE,
        "Really makes accounts. Nobody can sign in to them; “Clean up people” takes them away again.",
        {"count": Bounds(1, MOST_PEOPLE, value=5, label="How many"), "prefix": PREFIX},
        is_for_staff=True,
    ),
    Kind(
        "cleanup_old_users",
        "Clean up people",
        Section.PEOPLE,
        "Deletes accounts that the workbench made and nobody used for so many days. A preview only counts them.",
        {"days": Bounds(0, 3_650, value=30, label="Days"), "preview": Bounds(value=True, label="Preview")},
        is_for_staff=True,
    ),
    Kind(
        "send_email",
        "Send mail",
        Section.PEOPLE,
        "Really sends it, one message to each. Without a mail server it is written into DATA_DIR/outbox.",
        {
            "subject": SUBJECT,
            "message": MESSAGE,
            "recipients": Bounds(
                1, MOST_RECIPIENTS, each=Bounds(3, 254), value=[], label="Recipients", hint="E-mail addresses"
            ),
        },
        is_for_staff=True,
    ),
    Kind(
        "send_bulk_emails",
        "Send mail to people",
        Section.PEOPLE,
        "A group of mails, one for each person who has an address.",
        {
            "user_ids": Bounds(1, MOST_LETTERS, each=Bounds(1, 2**31 - 1), value=[], label="Numbers of people"),
            "subject": SUBJECT,
            "message": MESSAGE,
        },
        is_for_staff=True,
    ),
    Kind("health_check", "Health check", Section.UPKEEP, "How many workers there are, and what they have to do."),
    Kind(
        "cleanup_job_log",
        "Clean up jobs",
        Section.UPKEEP,
        "Forgets jobs that settled longer ago than so many days.",
        {"days": DAYS},
        is_for_staff=True,
    ),
)
STEPS = ("workflow_step_1", "workflow_step_2", "workflow_step_3", "aggregate_results")
"""What has its place only in a workflow; whoever may try the others may put one together of them."""
BY_NAME = {kind.name: kind for kind in ALL}


def named(name: Any) -> Kind | None:
    """The kind of this name, with or without the name of the workbench before it."""
    return BY_NAME.get(name.removeprefix(f"{WORKBENCH}.")) if isinstance(name, str) else None
