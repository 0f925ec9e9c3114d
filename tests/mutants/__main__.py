"""Plants one defect after the other in a copy of the engine, and sees whether its tests notice: `bin/mutants`."""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .planted import PLANTED, Planted

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "var", "__pycache__", ".*_cache", ".hypothesis", "screenshots")
FAILED = 1
WITHIN_S = 300


def main(word: str = "") -> int:
    """Print what became of each, or of those that are called something with the word; 1 unless all were caught."""
    chosen = [one for one in PLANTED if word in one.what]
    if not chosen:
        raise SystemExit(f"no defect is called anything with {word!r}")
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        for database in sorted({one.database for one in chosen}):
            every = sorted({test for one in chosen if one.database == database for test in one.tests})
            if code := _run(copy, every, database):
                print(f"without any defect the tests end with {code}", file=sys.stderr)
                return 1
        missed = [one for one in chosen if not _is_caught(copy, one)]
    print(f"{len(chosen) - len(missed)} of {len(chosen)} caught")
    return 1 if missed else 0


def _is_caught(copy: Path, one: Planted) -> bool:
    file = copy / one.file
    whole = file.read_text()
    if whole.count(one.old) != 1:
        raise SystemExit(f"{one.what}: {one.file} does not hold its text once")
    file.write_text(whole.replace(one.old, one.new))
    began = time.monotonic()
    try:
        code = _run(copy, list(one.tests), one.database)
    finally:
        file.write_text(whole)
    verdict = {FAILED: "caught", 0: "NOT CAUGHT"}.get(code, f"NOT CAUGHT, pytest ended with {code}")
    print(f"| {one.what} | `{one.file}` | {verdict} |  {time.monotonic() - began:.1f} s", flush=True)
    return code == FAILED


def _run(copy: Path, tests: list[str], database: str) -> int:
    """The exit code of pytest. What hangs for the defect's sake has failed."""
    words = ["-m", "pytest", "-x", "-q", f"--database={database}", "-p", "no:cacheprovider", "--timeout=60", *tests]
    try:
        return subprocess.run(
            [sys.executable, *words], cwd=copy, capture_output=True, timeout=WITHIN_S, check=False
        ).returncode
    except subprocess.TimeoutExpired:
        return FAILED


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
