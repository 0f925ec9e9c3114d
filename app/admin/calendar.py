"""The years, months and days that a list can be narrowed to, one step at a time."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date
from typing import NamedTuple


class Step(NamedTuple):
    """One link: what it says, and the value of the filter behind it; the ways up come first."""

    word: str
    value: str
    is_chosen: bool = False


def steps(chosen: str, first: date, last: date) -> list[Step]:
    """The way up from what is chosen, and what can be chosen below it between two days."""
    parts = chosen.split("-") if chosen else []
    ways = [Step("All", "", is_chosen=not parts)]
    ways += [Step("-".join(parts[: n + 1]), "-".join(parts[: n + 1]), n + 1 == len(parts)) for n in range(len(parts))]
    return [*ways, *_below([int(part) for part in parts], first, last)]


def _below(numbers: list[int], first: date, last: date) -> Iterator[Step]:
    if not numbers:
        for year in range(first.year, last.year + 1):
            yield Step(f"{year}", f"{year:04}")
    elif len(numbers) == 1:
        [year] = numbers
        for month in range(1, 13):
            if (first.year, first.month) <= (year, month) <= (last.year, last.month):
                yield Step(f"{date(2000, month, 1):%b}", f"{year:04}-{month:02}")
    elif len(numbers) == 2:
        year, month = numbers
        for day in range(1, monthrange(year, month)[1] + 1):
            if first <= date(year, month, day) <= last:
                yield Step(f"{day}", f"{year:04}-{month:02}-{day:02}")
