"""What can be asked for in a report, and how it is read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
NEEDS_DAY = "Give a day like 2026-11-20."


class Sort(StrEnum):
    """What a report is about."""

    USERS = "users"
    JOBS = "jobs"
    ACTIVITIES = "activities"
    CUSTOM = "custom"

    @property
    def label(self) -> str:
        """As a heading."""
        return {"users": "People", "jobs": "Jobs", "activities": "Activities", "custom": "Activities, summed up"}[self]

    @property
    def is_for_staff(self) -> bool:
        """Whether only admins may ask for it: it is about everybody."""
        return self in {Sort.USERS, Sort.JOBS}


class Grouping(StrEnum):
    """What each row of a custom report sums up."""

    DAY = "day"
    MONTH = "month"
    KIND = "kind"


class WrongOrder(Exception):
    """It cannot be built; `errors` says what would be right, by field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class Order:
    """A report as it was asked for: days are those on which something happened, both included."""

    sort: Sort
    since: date | None = None
    until: date | None = None
    grouping: Grouping = Grouping.DAY
    everybody: bool = False

    def filters(self) -> dict[str, Any]:
        """The filters as they are stored and shown: only those that matter."""
        found = {"from": self.since and self.since.isoformat(), "to": self.until and self.until.isoformat()}
        if self.sort is Sort.CUSTOM:
            found["group_by"] = self.grouping.value
        return {name: value for name, value in found.items() if value} | ({"everybody": True} if self.everybody else {})


def read_order(kind: Any, filters: Any, *, is_staff: bool) -> Order:
    """The order in what a person or a program sent; an empty text is as good as nothing.

    Raises:
        WrongOrder
    """
    wrong: dict[str, str] = {}
    if not isinstance(filters, Mapping):
        raise WrongOrder({"filters": "Give an object, or leave it out."})
    allowed = {"from", "to", "group_by", "everybody"}
    wrong |= {f"filters.{str(name)[:40]}": "There is no such filter." for name in filters.keys() - allowed}
    sorts = [sort for sort in Sort if is_staff or not sort.is_for_staff]
    if kind not in [sort.value for sort in sorts]:
        wrong["report_type"] = f"Choose one of: {', '.join(sorts)}."
    grouping = Grouping.DAY.value if filters.get("group_by") in (None, "") else filters["group_by"]
    if grouping not in [one.value for one in Grouping]:
        wrong["filters.group_by"] = f"Choose one of: {', '.join(Grouping)}."
    everybody = False if filters.get("everybody") is None else filters["everybody"]
    if not isinstance(everybody, bool):
        wrong["filters.everybody"] = "Say true or false."
    elif everybody and not is_staff:
        wrong["filters.everybody"] = "Only admins can ask for that."
    since, until = _day(filters, "from", wrong), _day(filters, "to", wrong)
    if since and until and since > until:
        wrong["filters.to"] = "The last day must not be before the first."
    if wrong:
        raise WrongOrder(wrong)
    return Order(Sort(kind), since, until, Grouping(grouping), everybody)


def _day(filters: Mapping[str, Any], name: str, wrong: dict[str, str]) -> date | None:
    value = filters.get(name)
    if value in (None, ""):
        return None
    if isinstance(value, str) and DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    wrong[f"filters.{name}"] = NEEDS_DAY
    return None
