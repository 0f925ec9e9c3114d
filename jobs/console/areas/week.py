"""A week of schedules as a table: a row for each, a cell for each day, in it the slots and what became of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from jobs.ledger.states import FAILED

DAYS = 7
SHOWN = 4
"""More slots than that on a day are told as numbers."""
PLANNED = "planned"
WORDS: Mapping[str, str] = {
    PLANNED: "planned",
    "fired": "ran",
    "queued": "ran later",
    "replaced": "ran, replaced one",
    "skipped_late": "missed",
    "skipped_overlap": "skipped: one ran",
    "failed": "could not be made",
}
LOOKS: Mapping[str, str] = {
    PLANNED: "",
    "fired": "ok",
    "queued": "ok",
    "replaced": "ok",
    "skipped_late": "bad",
    "skipped_overlap": "warn",
    "failed": "bad",
}


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot, and what became of it: the job it made and how that stands."""

    at: datetime
    outcome: str
    job_uid: str | None = None
    job_state: str | None = None

    @property
    def word(self) -> str:
        """What became of it, in a word; of what ran, how that ended when it did not end well."""
        if self.job_state in FAILED:
            return "failed"
        return WORDS[self.outcome]

    @property
    def look(self) -> str:
        """The colour of the word."""
        return "bad" if self.job_state in FAILED else LOOKS[self.outcome]


@dataclass(frozen=True, slots=True)
class Cell:
    """A day of one schedule: its slots when they are few, else how many had which fate."""

    day: datetime
    slots: Sequence[Slot]
    counts: Sequence[tuple[str, str, int]]


def monday_of(moment: datetime) -> datetime:
    """The beginning of the week that holds the moment, in UTC."""
    day = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def cells(monday: datetime, slots: Sequence[Slot]) -> list[Cell]:
    """The seven days of a schedule."""
    days: list[Cell] = []
    for number in range(DAYS):
        day = monday + timedelta(days=number)
        mine = sorted(
            (one for one in slots if day <= one.at < day + timedelta(days=1)), key=lambda one: (one.at, one.outcome)
        )
        counts: dict[tuple[str, str], int] = {}
        for one in mine:
            counts[(one.word, one.look)] = counts.get((one.word, one.look), 0) + 1
        few = mine if len(mine) <= SHOWN else ()
        days.append(Cell(day, few, [(word, look, count) for (word, look), count in counts.items()]))
    return days
