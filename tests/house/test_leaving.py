"""The engine can leave: its folder, its tests and nothing of the product."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LUGGAGE = (
    "jobs",
    "tests/jobs",
    "tests/conftest.py",
    "tests/doors.py",
    "tests/servers.py",
    "tests/waiting.py",
    "pyproject.toml",
)


def test_no_test_of_the_engine_imports_the_product() -> None:
    found = [
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "tests" / "jobs").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_bytes()))
        if (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "app")
        or (isinstance(node, ast.Import) and any(name.name.split(".")[0] == "app" for name in node.names))
    ]
    assert found == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "part",
    [
        pytest.param(["--collect-only", "tests/jobs"], id="all of them can be read"),
        pytest.param(["tests/jobs/ledger/test_writer.py"], id="the moves of the ledger pass"),
    ],
)
def test_the_engines_tests_need_no_product(part: list[str], tmp_path: Path, database_kind: str) -> None:
    for name in LUGGAGE:
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile)(ROOT / name, target)
    command = [sys.executable, "-m", "pytest", "-q", f"--database={database_kind}", "-p", "no:cacheprovider", *part]
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
