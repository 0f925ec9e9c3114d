"""Puts the figures of a JSON file into docs/measurements.md: `python -m bench.document bench.json`.

The page holds each figure as it was taken last on each database; what the file does not have stays.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.figures import short
from bench.processes import ROOT

DOCUMENT = ROOT / "docs" / "measurements.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
TITLE = "### "
HEAD = (
    "| database | what | min | median | max | unit | must | aim | | taken |\n"
    "|---|---|---:|---:|---:|---|---:|---:|---|---|"
)

Tables = dict[str, dict[str, list[str]]]
"""By figure and database, the lines of the table."""


def put_into(text: str, found: Mapping[str, Any]) -> str:
    """The document with the figures of the file in place of older ones.

    Raises:
        ValueError: it has no place for them
    """
    before, begin, rest = text.partition(BEGIN)
    figures, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"there is no {BEGIN} … {END}")
    words, _, old = figures.partition(TITLE)
    tables = _tables(TITLE + old if old else "")
    for figure, by_database in _taken(found).items():
        tables[figure] = tables.get(figure, {}) | by_database
    told = [_told(figure, tables[figure]) for figure in sorted(tables, key=_number)]
    return f"{before}{BEGIN}\n" + "\n\n".join([*filter(None, [words.strip()]), *told]) + f"\n{END}{after}"


def _tables(text: str) -> Tables:
    tables: Tables = {}
    for part in text.split(TITLE)[1:]:
        figure, *lines = part.splitlines()
        rows = [line for line in lines if line.startswith("| ") and line not in HEAD]
        tables[figure] = {}
        for line in rows:
            tables[figure].setdefault(line.split("|")[1].strip(), []).append(line)
    return tables


def _taken(found: Mapping[str, Any]) -> Tables:
    taken = f"{datetime.fromisoformat(found['at']):%-d %B %Y} `{found['commit'][:10]}`"
    tables: Tables = {}
    for row in found["rows"]:
        tables.setdefault(row["figure"], {}).setdefault(row["database"], []).append(_line(row, taken))
    return tables


def _line(row: Mapping[str, Any], taken: str) -> str:
    bound = row["bound"] or {}
    cells = [row["database"], row["what"], *(short(row[name]) for name in ("min", "median", "max")), row["unit"]]
    cells += [short(bound[name]) if bound else "" for name in ("must", "aim")]
    return f"| {' | '.join([*cells, row['verdict'], taken])} |"


def _told(figure: str, by_database: Mapping[str, list[str]]) -> str:
    lines = [line for database in sorted(by_database, reverse=True) for line in by_database[database]]
    return "\n".join([f"{TITLE}{figure}", "", HEAD, *lines])


def _number(figure: str) -> int:
    return int(figure.split(maxsplit=1)[0])


def main() -> None:
    """Read the file named, rewrite the document."""
    found = json.loads(Path(sys.argv[1]).read_text())
    DOCUMENT.write_text(put_into(DOCUMENT.read_text(), found))


if __name__ == "__main__":
    main()
