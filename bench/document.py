"""Puts the figures of a JSON file into docs/measurements.md: `python -m bench.document bench.json`."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.figures import short
from bench.processes import ROOT

DOCUMENT = ROOT / "docs" / "measurements.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def table(found: Mapping[str, Any]) -> str:
    """One table for each figure, and a line on when, where and of what."""
    rows: Sequence[Mapping[str, Any]] = found["rows"]
    figures = list(dict.fromkeys(str(row["figure"]) for row in rows))
    machine = f"{found['cores']} cores, {found['processor']}, Linux {found['kernel']}, Python {found['python']}"
    others = f"mean load of the five minutes before: {found['load_before']:g}"
    parts = [f"Taken at {found['at']} of commit `{found['commit'][:10]}` on {machine}; {others}."]
    parts += [_figure(name, [row for row in rows if row["figure"] == name]) for name in figures]
    return "\n\n".join(parts)


def put_into(text: str, tables: str) -> str:
    """The document with its figures exchanged.

    Raises:
        ValueError: it has no place for them
    """
    place = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if not place.search(text):
        raise ValueError(f"there is no {BEGIN} … {END}")
    return place.sub(lambda _: f"{BEGIN}\n{tables}\n{END}", text)


def _figure(name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    head = "| database | what | min | median | max | unit | must | aim | |\n|---|---|---:|---:|---:|---|---:|---:|---|"
    return f"### {name}\n\n{head}\n" + "\n".join(_line(row) for row in rows)


def _line(row: Mapping[str, Any]) -> str:
    bound = row["bound"] or {}
    cells = [row["database"], row["what"], *(short(row[name]) for name in ("min", "median", "max")), row["unit"]]
    cells += [short(bound[name]) if bound else "" for name in ("must", "aim")]
    return f"| {' | '.join([*cells, row['verdict']])} |"


def main() -> None:
    """Read the file named, rewrite the document."""
    found = json.loads(Path(sys.argv[1]).read_text())
    DOCUMENT.write_text(put_into(DOCUMENT.read_text(), table(found)))


if __name__ == "__main__":
    main()
