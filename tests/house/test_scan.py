"""bin/scan: a vulnerability that is known stops a merge, a service that is away does not."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SKIPPED = (
    "Name  Skip Reason\n----- -----------\nflask Dependency not found on PyPI and could not be audited: flask (3.1.3)"
)
FOUND = "Name  Version ID            Fix Versions\n----- ------- ------------- ------------\nflask 0.5     PYSEC-1 1.0"
AWAY = "requests.exceptions.ConnectionError: Failed to resolve 'pypi.org'"


@pytest.mark.parametrize(
    ("table", "said", "code", "told"),
    [
        ("", "No known vulnerabilities found", 0, "No vulnerability is known of any package."),
        (
            SKIPPED,
            "No known vulnerabilities found",
            0,
            "Nothing could be asked about 1 of the packages; of the others no vulnerability is known.",
        ),
        ("", f"Traceback\n{AWAY}", 1, f"The dependencies were not scanned: {AWAY}"),
        ("", "half a line", 124, "The dependencies were not scanned: it took longer than three minutes"),
        (
            FOUND,
            "Found 1 known vulnerability in 1 package",
            1,
            f"{FOUND}\nmetronome: vulnerabilities are known of the packages above; pin a version that has them mended.",
        ),
    ],
)
def test_what_is_found_fails_and_what_cannot_be_asked_is_said(
    tmp_path: Path, table: str, said: str, code: int, told: str
) -> None:
    folder = _with_an_audit_that(tmp_path, table, said, code)
    ran = subprocess.run([folder / "bin" / "scan"], capture_output=True, text=True, check=False)
    assert (ran.returncode, (ran.stdout + ran.stderr).strip()) == (int(table == FOUND), told)


def test_it_is_run_before_anything_is_merged() -> None:
    steps = [line for line in (ROOT / ".ci" / "run").read_text().splitlines() if line.startswith("bin/")]
    assert steps[:2] == ["bin/lint", "bin/scan"]


def _with_an_audit_that(folder: Path, table: str, said: str, code: int) -> Path:
    """A tree in which pip-audit says just this."""
    (folder / "bin").mkdir()
    (folder / ".venv" / "bin").mkdir(parents=True)
    shutil.copy(ROOT / "bin" / "scan", folder / "bin" / "scan")
    for name, text in {
        "bin/_install": "exit 0",
        ".venv/bin/pip-audit": f"cat {folder}/table\ncat {folder}/said >&2\nexit {code}",
    }.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    (folder / "table").write_text(table and f"{table}\n")
    (folder / "said").write_text(f"{said}\n")
    return folder
