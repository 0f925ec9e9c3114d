"""A short run of bin/chaos: random faults under load, and the checker."""

import subprocess
import sys

import pytest

from .processes import ROOT

SEED, SECONDS = 7, 15


@pytest.mark.everyfault
def test_random_faults_lose_and_double_nothing(database_kind: str) -> None:
    """F40."""
    words = ["-m", "tests.chaos", "--seed", str(SEED), "--seconds", str(SECONDS), "--database", database_kind]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, timeout=170, check=False)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"seed {SEED}, {SECONDS} s, {database_kind}: lost 0, doubled 0" in done.stdout
