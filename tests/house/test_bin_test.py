"""bin/test fails when it must: what failed is tried once more, but not what was lost, and not what did not run."""

import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.faults.checker import PromiseBroken, count

ROOT = Path(__file__).resolve().parents[2]
PYTEST = """#!/bin/sh
# Answers each call with the next word of the file `answers`: an exit code, with an L when something was lost.
echo "$@" >> calls
answer=$(head -n 1 answers)
sed -i 1d answers
case $answer in *L) echo "a job" >> "$BROKEN_PROMISES" ;; esac
exit "${answer%L}"
"""


def run(folder: Path, *answers: str) -> tuple[int, list[bool]]:
    """The exit code, and of each call of pytest whether it was a second try."""
    for name in ("bin", ".venv/bin"):
        (folder / name).mkdir(parents=True)
    shutil.copy(ROOT / "bin" / "test", folder / "bin")
    for path, text in (("bin/_install", "#!/bin/sh\n"), (".venv/bin/python", PYTEST)):
        (folder / path).write_text(text)
        (folder / path).chmod(0o755)
    (folder / "answers").write_text("".join(f"{one}\n" for one in answers))
    environ = {"PATH": os.environ["PATH"], "TMPDIR": str(folder)}
    done = subprocess.run(["bin/test"], cwd=folder, env=environ, capture_output=True, text=True, check=False)
    return done.returncode, ["--last-failed" in one for one in (folder / "calls").read_text().splitlines()]


@pytest.mark.parametrize(
    ("answers", "code", "second_tries"),
    [
        pytest.param("0 0 0 0", 0, [False] * 4, id="all is well"),
        pytest.param("0 1 0 0 0", 0, [False, False, True, False, False], id="well the second time"),
        pytest.param("1 1 0 0 0", 1, [False, True, False, False, False], id="failed twice"),
        pytest.param("1 5 0 0 0", 1, [False, True, False, False, False], id="the second time nothing ran"),
        pytest.param("137 0 0 0", 1, [False] * 4, id="killed"),
        pytest.param("2 0 0 0", 1, [False] * 4, id="could not be read"),
        pytest.param("0 1L 0 0", 1, [False] * 4, id="something was lost"),
        pytest.param("0 5 0 5", 0, [False] * 4, id="nothing to run"),
    ],
)
def test_what_failed_is_tried_once_more(tmp_path: Path, answers: str, code: int, second_tries: list[bool]) -> None:
    assert run(tmp_path, *answers.split()) == (code, second_tries)
    assert [one.name for one in tmp_path.glob("tmp.*")] == []


def test_what_was_lost_or_doubled_is_told_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = tmp_path / "told"
    monkeypatch.setenv("BROKEN_PROMISES", str(told))
    count(Counter("ab"), Counter("ab"), {}, since=0, story="fine")
    assert not told.exists()
    for found in ("a", "abb"):
        with pytest.raises(PromiseBroken):
            count(Counter("ab"), Counter(found), {}, since=0, story=found)
    assert told.read_text() == "a: lost 1, doubled 0 ({})\nabb: lost 0, doubled 1 ({})\n"
