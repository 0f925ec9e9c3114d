"""Rows as CSV that a spreadsheet opens without running anything in it."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple

RUNS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet may take for the beginning of a formula."""


class Excerpt(NamedTuple):
    """Some rows of a file; `following` is how many come before those after them, None when there are none."""

    columns: list[str]
    rows: list[list[str]]
    following: int | None


def cell(value: Any) -> str:
    """The value as text; what could be taken for a formula gets an apostrophe before it. Numbers stay numbers."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds").replace("+00:00", "Z")
    text = str(value)
    return f"'{text}" if text.startswith(RUNS) else text


def lines(rows: Iterable[Sequence[Any]]) -> str:
    """The rows as lines of CSV (RFC 4180)."""
    out = io.StringIO()
    csv.writer(out).writerows([cell(value) for value in row] for row in rows)
    return out.getvalue()


def excerpt(file: Iterable[str], *, after: int, limit: int) -> Excerpt:
    """So many rows of a file, behind the first `after`; its first line are the names of the columns."""
    found = csv.reader(file)
    columns = next(found, [])
    rows = list(islice(found, after, after + limit + 1))
    return Excerpt(columns, rows[:limit], after + limit if len(rows) > limit else None)
