"""docs/reliability.md keeps its word: every fault has its test, and every test of a fault is told of."""

import ast
import re
from pathlib import Path

from tests.mutants.planted import PLANTED

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "reliability.md"
FAULTS = {*(f"F{number}" for number in (*range(1, 30), 33, 36, 37, 38, 39, 40))}
ROW = re.compile(r"^\| (F\d+) \|.*\| `(tests/[\w./]+)::(test_\w+)` \|$", re.MULTILINE)
MUTANTS = re.compile(r"(<!-- mutants -->\n).*?(<!-- mutants end -->)", re.DOTALL)


def mutants_table() -> str:
    rows = [f"| {one.what} | `{one.file}` | {', '.join(f'`{test}`' for test in one.tests)} |" for one in PLANTED]
    return "\n".join(["| defect | planted in | noticed by |", "|---|---|---|", *rows, ""])


def told() -> set[tuple[str, str, str]]:
    """Which fault is told to be in which test of which file."""
    return {(fault, file, name) for fault, file, name in ROW.findall(DOCUMENT.read_text())}


def test_every_fault_has_a_row() -> None:
    assert {fault for fault, _, _ in told()} == FAULTS


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"`(tests/[\w./]+)(?:::(test_\w+))?`", DOCUMENT.read_text())
    assert [one for one in named if f"def {one[1]}" not in (ROOT / one[0]).read_text()] == []


def test_every_test_of_a_fault_is_told_of() -> None:
    """A test under tests/faults begins its docstring with the numbers it is of."""
    written = set()
    for file in sorted((ROOT / "tests" / "faults").glob("test_*.py")):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                begin = re.match(r"F\d+(?:, F\d+)*", ast.get_docstring(node) or "")
                for fault in begin.group().split(", ") if begin else ():
                    written.add((fault, file.relative_to(ROOT).as_posix(), node.name))
    assert {one for one in told() if one[1].startswith("tests/faults/")} == written


def test_the_planted_defects_are_told_of() -> None:
    found = MUTANTS.search(DOCUMENT.read_text())
    assert found
    assert found.group(0).removeprefix(found.group(1)).removesuffix(found.group(2)) == mutants_table()


if __name__ == "__main__":
    DOCUMENT.write_text(MUTANTS.sub(lambda found: found[1] + mutants_table() + found[2], DOCUMENT.read_text()))
