"""bin/bench: every part runs, from real processes, and its numbers add up."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.__main__ import ASKED_FOR_ONLY, PARTS
from bench.document import BEGIN, END, put_into
from bench.figures import Bound, Row, percentile, ratio
from bench.processes import Process, usage_below
from tests.servers import is_alive

ROOT = Path(__file__).resolve().parents[2]
BENCH = (sys.executable, "-m", "bench")
FIGURES = {
    "drain": "1 drain",
    "one-by-one": "2 one by one",
    "latency": "3 latency",
    "web": "4 web",
    "growth": "5 growth",
    "footprint": "6 footprint",
    "bulk": "7 bulk",
    "urgent": "8 urgent",
    "workflow": "9 workflow",
    "schedules": "10 schedules",
    "scaling": "11 scaling",
    "engine": "12 engine",
    "users": "13 users",
}
TOGETHER = (
    ["drain", "one-by-one", "latency"],
    ["web", "growth", "footprint"],
    ["bulk", "urgent", "workflow", "schedules"],
    ["scaling", "engine", "users"],
)
UNBOUNDED = {"urgent", "workflow", "schedules", "scaling", "users"}
GO_ANOTHER_WAY = {"drain", "bulk"}
"""On PostgreSQL; beside it only these are run, for every part starts a dozen processes."""


def test_every_part_is_tried() -> None:
    assert sorted(part for some in TOGETHER for part in some) == sorted({*PARTS} - {*ASKED_FOR_ONLY})


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("some", TOGETHER, ids=lambda some: some[0])
def test_the_bench_measures_every_figure(tmp_path: Path, database_kind: str, some: list[str]) -> None:
    parts = [one for one in some if database_kind == "sqlite" or one in GO_ANOTHER_WAY]
    if not parts:
        pytest.skip("it is tried beside SQLite")
    file = tmp_path / "bench.json"
    done = subprocess.run(
        [*BENCH, *parts, "--quick", "--database", database_kind, "--json", file],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    rows = json.loads(file.read_text())["rows"]
    assert sorted({row["figure"] for row in rows}) == sorted(FIGURES[one] for one in parts)
    assert {row["database"] for row in rows} == {database_kind}
    assert [row["what"] for row in rows if len(row["rounds"]) != 1] == []
    # A second of idling may well cost less than one tick of the processor's clock.
    assert [row["what"] for row in rows if row["max"] <= 0 and row["unit"] != "% of a core"] == []
    unbounded = UNBOUNDED if database_kind == "postgresql" else UNBOUNDED | {"bulk"}
    assert {row["figure"] for row in rows if row["bound"]} == {FIGURES[one] for one in parts if one not in unbounded}
    assert len(done.stdout.splitlines()) == len(rows) + 1


@pytest.mark.looks
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_bench_measures_what_operators_wait_for(tmp_path: Path, database_kind: str) -> None:
    file = tmp_path / "bench.json"
    done = subprocess.run(
        [*BENCH, "ops", "watch", "burst", "--quick", "--database", database_kind, "--json", file],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    rows = {row["what"]: row for row in json.loads(file.read_text())["rows"]}
    assert {row["figure"] for row in rows.values()} == {"15 operators", "16 watchers", "17 burst"}
    pages = ["overview", "jobs", "jobs that failed", "jobs of a kind that are done", "jobs that wait in a queue"]
    assert [page for page in pages if f"{page}, p95" not in rows] == []
    measured = ("unchanged poll, p95", "rate that is left", "page beside 5 programs singly, p95")
    assert [name for name in measured if rows[name]["bound"] is None] == []
    assert rows["polls answered, 20 overviews open"]["median"] > 1


def test_a_ratio_compares_neighbours_in_time() -> None:
    ours = Row("1", "sqlite", "ours", "jobs/s", (100.0, 300.0, 200.0))
    peer = Row("1", "sqlite", "peer", "jobs/s", (50.0, 100.0, 200.0))
    found = ratio(ours, peer, Bound(1.3, 2.5, at_least=True))
    assert (found.values, found.median, found.what, found.verdict) == ((2.0, 3.0, 1.0), 2.0, "ours / peer", "must")


def test_a_bound_holds_from_its_own_side() -> None:
    least, most = Bound(1.0, 2.0, at_least=True), Bound(40, 20)
    assert [least.verdict(value) for value in (0.9, 1.0, 2.0)] == ["MISSED", "must", "aim"]
    assert [most.verdict(value) for value in (20, 40, 41)] == ["aim", "must", "MISSED"]


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert [percentile(values, share) for share in (50, 95, 99, 100)] == [50.0, 95.0, 99.0, 100.0]
    assert percentile([7.0], 50) == 7.0


def test_a_process_and_its_children_are_gone_even_if_they_were_held_and_ignore_the_signal(tmp_path: Path) -> None:
    stubborn = "trap '' TERM; sleep 300 & sleep 300 & echo up; wait; wait"
    with Process("sh", "-c", stubborn, env=dict(os.environ), log=tmp_path / "log", end_within_s=0.2) as process:
        process.wait_until(lambda: "up" in (tmp_path / "log").read_text())
        pids = [one.pid for one in usage_below(process.pid)]
        process.pause()
    assert len(pids) == 3
    deadline = time.monotonic() + 5
    while any(is_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [pid for pid in pids if is_alive(pid)] == []


def test_the_document_holds_each_figure_as_it_was_taken_last() -> None:
    head = [
        "| database | what | min | median | max | unit | must | aim | | taken |",
        "|---|---|---:|---:|---:|---|---:|---:|---|---|",
    ]
    page = ["before", BEGIN, "In words.", "", "### 1 drain", "", *head]
    page += ["| sqlite | old | 1 | 1 | 1 | × |  |  |  | then |"]
    page += ["| postgresql | stays | 1 | 1 | 1 | × |  |  |  | then |"]
    page += ["", "### 10 schedules", "", *head, "| sqlite | stays | 1 | 1 | 1 | × |  |  |  | then |", END, "after"]
    rows = [
        Row("1 drain", "sqlite", "ours / peer", "×", (2.0, 3.0, 1.0), Bound(1.3, 2.5, at_least=True)).as_json(),
        Row("2 one by one", "sqlite", "ours", "jobs/s", (7.0,)).as_json(),
    ]
    found = {"at": "2026-11-02T20:54:39+00:00", "commit": "0123456789abcdef", "rows": rows}
    text = put_into("\n".join(page), found)
    assert text.splitlines() == [
        *page[:8],
        "| sqlite | ours / peer | 1.00 | 2.00 | 3.00 | × | 1.30 | 2.50 | must | 2 November 2026 `0123456789` |",
        page[9],
        "",
        "### 2 one by one",
        "",
        *head,
        "| sqlite | ours | 7.00 | 7.00 | 7.00 | jobs/s |  |  |  | 2 November 2026 `0123456789` |",
        *page[10:],
    ]
    assert put_into(text, found) == text
