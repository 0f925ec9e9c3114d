"""The documents keep their word: links lead somewhere, all settings are there, the checklist is answered in full."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from app.config import declared

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
OPERATIONS = ROOT / "docs" / "operations.md"
TABLE = re.compile(r"(<!-- settings: [^\n]*-->\n).*?(<!-- settings end -->)", re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)|\bsrc(?:set)?=\"([^\"\s]+)\"")
LENGTHS = {"S0": 53, "S1": 48, "S2": 27, "S3": 27, "S4": 71}


def settings_table() -> str:
    rows = [f"| `{one.name}` | {f'`{one.default}`' if one.default else ''} | {one.says} |" for one in declared()]
    return "\n".join(["| setting | default | what it is |", "|---|---|---|", *rows, ""])


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", path.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_every_link_leads_somewhere(path: Path) -> None:
    dead = []
    for link in (one or other for one, other in LINK.findall(path.read_text())):
        file, _, anchor = link.partition("#")
        target = path if not file else (path.parent / file).resolve()
        if link.startswith(("https://", "http://")):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert dead == []


def test_a_dead_link_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "one.md").write_text("# One\n[a](two.md) [b](#one) [c](#two)\n")
    with pytest.raises(AssertionError):
        test_every_link_leads_somewhere(tmp_path / "one.md")


def test_operations_lists_every_setting_with_its_default() -> None:
    found = TABLE.search(OPERATIONS.read_text())
    assert found
    assert found.group(0).removeprefix(found.group(1)).removesuffix(found.group(2)) == settings_table()


def test_checklist_answers_every_line_once() -> None:
    ids = re.findall(r"^\| (S\d\.\d\d) \|", (ROOT / "docs" / "checklist.md").read_text(), flags=re.MULTILINE)
    assert ids == [f"{part}.{number:02}" for part, length in LENGTHS.items() for number in range(1, length + 1)]


def test_checklist_names_only_files_that_exist() -> None:
    text = (ROOT / "docs" / "checklist.md").read_text()
    files = re.findall(r"`((?:app|bin|deploy|docs|jobs|templates|tests)/[\w./-]+)`", text)
    assert [one for one in files if not (ROOT / one).exists()] == []


def test_checklist_names_only_tests_that_exist() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "checklist.md").read_text()))
    source = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert named - set(re.findall(r"def (test_\w+)", source)) == set()


@pytest.mark.parametrize("name", [".env", ".env.production", "var/secret_key", ".venv/bin/python", "app/x.pyc", "a.db"])
def test_nothing_that_is_made_is_kept(name: str) -> None:
    assert subprocess.run(["git", "check-ignore", "--quiet", name], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("name", [".env.example", "app/config.py", "docs/checklist.md", "static/vendor/README.md"])
def test_nothing_that_is_written_is_ignored(name: str) -> None:
    asked = subprocess.run(["git", "check-ignore", "--quiet", "--no-index", name], cwd=ROOT, check=False)
    assert asked.returncode == 1


def test_picture_is_readable_in_light_and_dark() -> None:
    text = (ROOT / "docs" / "architecture.svg").read_text()
    assert "prefers-color-scheme: dark" in text
    assert text.count("<title") == text.count("<desc") == 1


if __name__ == "__main__":
    OPERATIONS.write_text(TABLE.sub(lambda found: found[1] + settings_table() + found[2], OPERATIONS.read_text()))
