"""The numbers everybody asks for, and how they are written down."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Self

from jobs.metrics import Count

MOST_AGE_S = 300.0
CHEAP_S = 0.05
PAUSE_TO_COST = 300
"""What is not cheap is counted so rarely that it takes a third of a percent of all time."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """What was done so far. The energy of an activity counts once, however often it was worked out.

    `burned_kcal` follows `total_calories` upwards only, as Prometheus wants a counter to.
    """

    tasks_started: int
    tasks_completed: int
    tasks_failed: int
    total_calories: Decimal
    burned_kcal: Decimal
    logged: Mapping[str, int]
    settled: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Kept:
    """Numbers with what tells whether they are still right: the mark of what they were counted from, when, the cost."""

    numbers: Numbers
    mark: str
    at: float
    cost_s: float
    count: Count

    def will_do(self, mark: str, *, now: float) -> bool:
        """Whether they need not be counted again: nothing changed, or counting would take too much of all time."""
        age_s = now - self.at
        if mark == self.mark:
            return 0 <= age_s < MOST_AGE_S
        return self.cost_s > CHEAP_S and 0 <= age_s < self.cost_s * PAUSE_TO_COST

    def written(self) -> dict[str, str]:
        """As fields of a Redis hash."""
        numbers, count = self.numbers, self.count
        known = {
            "mark": self.mark,
            "at": self.at,
            "cost_s": self.cost_s,
            "count": [count.since.isoformat(), count.until.isoformat(), count.last_move, dict(count.by_name)],
            "logged": dict(numbers.logged),
            "settled": dict(numbers.settled),
        }
        return {
            "tasks_started": str(numbers.tasks_started),
            "tasks_completed": str(numbers.tasks_completed),
            "tasks_failed": str(numbers.tasks_failed),
            "total_calories": str(numbers.total_calories),
            "calories_burned_kcal": str(numbers.burned_kcal),
            "known": json.dumps(known),
        }

    @classmethod
    def read(cls, fields: Mapping[str, str]) -> Self | None:
        """What was written; None when it is not there, or another version wrote it."""
        try:
            known: dict[str, Any] = json.loads(fields["known"])
            since, until, last_move, by_name = known["count"]
            numbers = Numbers(
                tasks_started=int(fields["tasks_started"]),
                tasks_completed=int(fields["tasks_completed"]),
                tasks_failed=int(fields["tasks_failed"]),
                total_calories=Decimal(fields["total_calories"]),
                burned_kcal=Decimal(fields["calories_burned_kcal"]),
                logged=known["logged"],
                settled=known["settled"],
            )
            count = Count(datetime.fromisoformat(since), datetime.fromisoformat(until), last_move, by_name)
            return cls(numbers, known["mark"], known["at"], known["cost_s"], count)
        except (KeyError, ValueError, ArithmeticError, TypeError):
            return None
