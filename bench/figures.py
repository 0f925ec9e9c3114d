"""Figures of several rounds: their spread, their bounds, and the table they are printed in."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HEAD = ("figure", "database", "what", "min", "median", "max", "unit", "must", "aim", "")


@dataclass(frozen=True, slots=True)
class Bound:
    """What a median has to reach (`at_least`) or may not pass: the bar, and what we would like."""

    must: float
    aim: float
    at_least: bool = False

    def verdict(self, median: float) -> str:
        """ "aim", "must" or "MISSED"."""
        sign = 1 if self.at_least else -1
        if median * sign >= self.aim * sign:
            return "aim"
        return "must" if median * sign >= self.must * sign else "MISSED"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of one kind of database, in the order of its rounds."""

    figure: str
    database: str
    what: str
    unit: str
    values: tuple[float, ...]
    bound: Bound | None = None

    @property
    def median(self) -> float:
        """The middle round."""
        return statistics.median(self.values)

    @property
    def verdict(self) -> str:
        """What the bound says of the median; empty without one."""
        return self.bound.verdict(self.median) if self.bound else ""

    def as_json(self) -> dict[str, Any]:
        """What the file holds of it."""
        return {
            "figure": self.figure,
            "database": self.database,
            "what": self.what,
            "unit": self.unit,
            "min": min(self.values),
            "median": self.median,
            "max": max(self.values),
            "rounds": list(self.values),
            "bound": self.bound and {"must": self.bound.must, "aim": self.bound.aim, "at_least": self.bound.at_least},
            "verdict": self.verdict,
        }


def ratio(ours: Row, peer: Row, bound: Bound | None = None, *, what: str | None = None) -> Row:
    """Ours divided by the peer's, round by round: neighbours in time are what can be compared."""
    values = tuple(one / other for one, other in zip(ours.values, peer.values, strict=True))
    return Row(ours.figure, ours.database, what or f"{ours.what} / {peer.what}", "×", values, bound)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that so large a share of them does not pass; `share` is in per cent."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100).__int__() - 1)]


def short(value: float) -> str:
    """The number as people compare it: three digits, no more."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


@dataclass
class Report:
    """Rows as they are found: printed at once, and kept for the file."""

    rows: list[Row] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    def add(self, *rows: Row) -> None:
        """Print the rows and keep them."""
        for row in rows:
            if not self.rows:
                _print(HEAD)
            self.rows.append(row)
            _print(_cells(row))

    def say(self, sentence: str) -> None:
        """A word on what is going on, beside the table."""
        sys.stderr.write(f"{sentence}\n")

    def write(self, path: Path) -> None:
        """Everything found so far, as JSON."""
        content = {**self.facts, "rows": [row.as_json() for row in self.rows]}
        path.write_text(json.dumps(content, indent=2) + "\n")


def _cells(row: Row) -> tuple[str, ...]:
    bounds = (short(row.bound.must), short(row.bound.aim)) if row.bound else ("", "")
    spread = (short(min(row.values)), short(row.median), short(max(row.values)))
    return (row.figure, row.database, row.what, *spread, row.unit, *bounds, row.verdict)


def _print(cells: Sequence[str]) -> None:
    figure, database, what, low, middle, high, unit, must, aim, verdict = cells
    line = (
        f"{figure:<14} {database:<11} {what:<52} {low:>8} {middle:>8} {high:>8} {unit:<13} {must:>6} {aim:>6} {verdict}"
    )
    sys.stdout.write(line.rstrip() + "\n")
    sys.stdout.flush()
